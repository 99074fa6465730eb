import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
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

const Info = z.object({
  v: z.literal(1),
  experiment: z.string(),
  args: z.object({
    limit: z.int().positive().nullable(),
    seed: z.int().nonnegative(),
    seedGiven: z.boolean(),
    shuffle: z.boolean(),
    set: z.record(z.string(), z.string()),
  }),
})

/** What a run was started with, from its `run.json`. @throws InputError naming the file and what is wrong with it */
export function readRunInfo(folder: string): z.infer<typeof Info> {
  const path = join(folder, 'run.json')
  try {
    return Info.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause)
    throw new InputError(`reading ${path}: ${problem}`, { cause })
  }
}

/** The files of a run that has no step yet. */
const BARE = ['run.json', 'run.db', 'run.db-wal', 'run.db-shm', 'run.lock', 'run.writer.json']

/** Removes the folder of a run that recorded nothing, so that the same `--out` can be used again; never more than that. */
export function discard(folder: string): void {
  for (const name of BARE) rmSync(join(folder, name), { force: true })
  for (const path of [join(folder, 'adapters'), folder])
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path)
}

/** Room on the disk of a folder that is there, or would be [bytes]. */
export function freeBytes(folder: string): number {
  if (!existsSync(folder)) return freeBytes(dirname(resolve(folder)))
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}
