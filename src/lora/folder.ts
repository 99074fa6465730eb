import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

let folder: string | undefined

/** From now on new adapters are saved under this folder; a run sets it to its own `adapters/`. */
export function setAdapterFolder(path: string): void {
  folder = resolve(path)
}

/** Where new adapters are saved: as last set, else `adapters` in LORA_HARNESS_HOME. */
export const adapterFolder = (): string =>
  folder ?? join(process.env.LORA_HARNESS_HOME ?? join(homedir(), '.cache', 'lora-harness'), 'adapters')
