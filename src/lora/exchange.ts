import { InputError } from '../errors.js'
import { adapterFolder } from './folder.js'
import { LoRAHandle } from './handle.js'
import { readPeft, writePeft } from './peft.js'
import { decodeZip, encodeZip } from './zip.js'

/** An adapter as a zip file of its PEFT folder: what the browser's `importAdapter` takes. @throws InputError if it has no folder */
export async function exportAdapter({ identifier, path }: LoRAHandle): Promise<Uint8Array> {
  if (path === undefined)
    throw new InputError(`exporting adapter ${identifier}: it has no path, so there is nothing to export`)
  const { adapter, base } = readPeft(path)
  return encodeZip(adapter, base)
}

/**
 * Takes an adapter from a zip file of a PEFT folder, such as the browser's `exportAdapter` gives, and saves it where new
 * adapters are saved.
 *
 * @throws InputError if it cannot be used, StorageError if it cannot be saved
 */
export async function importAdapter(zip: Uint8Array): Promise<LoRAHandle> {
  const { adapter, base } = decodeZip(zip)
  return new LoRAHandle(writePeft(adapter, adapterFolder(), base))
}
