import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError, messageOf } from '../errors.js'
import type { RunInfo } from '../record/run-info.js'
import { experimentName } from '../report/words.js'

/** `2026-01-02-people-3fa91c`: day (UTC), experiment, six random hexadecimal digits. */
export function newRunId(experiment: string, now = new Date()): string {
  const name = experimentName(experiment)
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 40)
  return `${now.toISOString().slice(0, 10)}-${name}-${randomBytes(3).toString('hex')}`
}

/**
 * Makes the folder of a new run: `out`, or `runs/<runId>` under the working folder.
 *
 * @returns its absolute path
 * @throws InputError if it exists and is not an empty folder, or cannot be made
 */
export function makeRunFolder(out: string | undefined, runId: string): string {
  const folder = resolve(out ?? join('runs', runId))
  const doing = `making the run folder ${folder}`
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw new InputError(`${doing}: a file of that name is in the way`)
    const inside = readdirSync(folder)
    if (inside.length > 0)
      throw new InputError(
        `${doing}: it holds ${inside.length} entries (${inside[0]!} …); a run needs a new or empty folder`,
      )
  }
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new InputError(`${doing}: ${messageOf(cause)}`, { cause })
  }
  return folder
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

/** Writes `run.json`. */
export const writeRunInfo = (folder: string, info: RunInfo): void =>
  writeWhole(join(folder, 'run.json'), `${JSON.stringify(info, null, 2)}\n`)

/** Removes the folder of a run that recorded nothing, so that the same `--out` can be used again; never more than that. */
export function discard(folder: string): void {
  rmSync(join(folder, 'run.json'), { force: true })
  const steps = join(folder, 'steps.jsonl')
  if (existsSync(steps) && statSync(steps).size === 0) rmSync(steps)
  for (const path of [join(folder, 'adapters'), folder])
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path)
}
