import { existsSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { HarnessError, InputError, messageOf, StorageError } from '../errors.js'
import { sourcesOf } from '../harness/callables.js'
import { LoRAHarness, type LoRAHarnessOptions } from '../harness/index.js'
import { makeFolder, renameDurably, replaceDurably } from '../lora/durable.js'
import { setAdapterFolder } from '../lora/folder.js'
import { callableChanges, exampleHash, refusal, surroundingChanges } from './changes.js'
import { Database } from './database.js'
import { lockForWriting } from './lock.js'
import { modelFiles } from './models.js'
import { callableSources, type RunRecord } from './record.js'
import { infoOf, type RunInfo, type RunStart, type Session } from './run-info.js'
import { ADAPTERS, RUN_DB, SqliteRecord } from './sqlite.js'
import { machine, versions } from './versions.js'
import { SqliteWriter } from './writer.js'

/**
 * Begins a run in a folder: its record, and `run.json`. From now on new adapters are saved there.
 *
 * @throws InputError if the folder has a run already
 * @throws StorageError if it cannot be written
 */
export async function createRun(folder: string, start: RunStart = {}): Promise<SqliteWriter> {
  return naming(`beginning a run in ${folder}`, async () => {
    const path = resolve(folder)
    makeFolder(path)
    return locked(path, async release => {
      if (existsSync(join(path, RUN_DB)))
        throw new InputError(`beginning a run in ${folder}: it has one already; openRun and resume go on with it`)
      const info = infoOf(start)
      writeRunInfo(path, info)
      makeDatabase(path, info)
      return writerIn(path, release)
    })
  })
}

/**
 * Opens a run to read it; others may do so too, and one process may write it meanwhile.
 *
 * @throws InputError if there is no run in the folder
 */
export function readRun(folder: string): RunRecord & Pick<SqliteRecord, 'folder' | 'eachStep'> {
  return new SqliteRecord(Database.read(requireRun(folder)), resolve(folder))
}

/** A harness whose steps go into a run; `recorder.close()` gives the run back. */
export type RecordedHarness = LoRAHarness & { recorder: SqliteWriter }

export type OpenOptions = LoRAHarnessOptions & {
  /**
   * Go on although callables, data, models or software are not as they were; the record says so. `edits`: although
   * callables, models or software are not, but seed and finished examples must be.
   */
  allowChanges?: boolean | 'edits' | undefined
  /** Branch to go on with; the one last worked on by default. */
  branch?: string | undefined
}

/**
 * Goes on with a run after its last recorded step, or begins one if the folder has none. The result is equal, but for
 * times, to that of a run that was never interrupted.
 *
 * @param options of the harness; the seed is the run's own
 * @throws InputError naming what is not as it was (callables, examples, models, software, seed), unless `allowChanges`;
 *   or the process that writes the run already
 * @throws HarnessError if the record or an adapter that is needed is damaged or missing
 */
export async function openRun(folder: string, options: OpenOptions): Promise<RecordedHarness> {
  const { allowChanges, branch, ...rest } = options
  const harness = new LoRAHarness(rest)
  if (existsSync(join(folder, RUN_DB))) return resumeRun(folder, harness, { allowChanges, branch, seed: options.seed })
  const { seed, shuffle } = harness
  return into(harness, await createRun(folder, { args: { seed, shuffle } }))
}

/**
 * Goes on with a run as `openRun` does, with a harness that has not begun.
 *
 * @param options `seed`: the one that was asked for, if any
 * @throws as `openRun`; InputError if there is no run in the folder
 */
export async function resumeRun(
  folder: string,
  harness: LoRAHarness,
  { allowChanges = false, branch, seed }: Pick<OpenOptions, 'allowChanges' | 'branch'> & { seed?: number | undefined },
): Promise<RecordedHarness> {
  const recorder = await writeRun(folder)
  try {
    const recorded = into(harness, recorder)
    await goOn(recorded, { allowChanges, branch: branch ?? recorder.current, seed })
    return recorded
  } catch (cause) {
    recorder.close()
    throw cause
  }
}

/** Makes a harness that has not begun one of the run. */
function into(harness: LoRAHarness, recorder: SqliteWriter): RecordedHarness {
  const { runId, args } = recorder.info
  return Object.assign(harness, { recorder, runId, seed: args.seed, shuffle: args.shuffle })
}

/** Opens a run for writing. @throws InputError if there is none, or another process writes it */
async function writeRun(folder: string): Promise<SqliteWriter> {
  const path = resolve(folder)
  requireRun(path)
  return naming(`opening run ${folder} for writing`, () => locked(path, release => writerIn(path, release)))
}

/** Gives the writer's lock of a run to what `open` makes; back if it fails. */
async function locked<T>(folder: string, open: (release: () => void) => Promise<T>): Promise<T> {
  const release = lockForWriting(folder)
  try {
    return await open(release)
  } catch (cause) {
    release()
    throw cause
  }
}

/** Says what was being done when the disk fails. */
async function naming<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause
    throw new StorageError(`${doing}: ${messageOf(cause)}`, { cause })
  }
}

/** Restores what is recorded, and compares today's callables, data, models and software with it. */
async function goOn(
  harness: RecordedHarness,
  { allowChanges, branch, seed }: { allowChanges: boolean | 'edits'; branch: string; seed: number | undefined },
): Promise<void> {
  const { recorder } = harness
  await harness.restore(recorder, branch)
  recorder.requireState(branch, harness.results.length)
  const now = recorder.sessions.at(-1)!
  const last = harness.results.at(-1)
  const sources = sourcesOf(harness, harness.code)
  const seeds =
    seed === undefined || seed === harness.seed
      ? []
      : [`seed: the run has ${harness.seed}, ${seed} was asked for; the run's own is used`]
  const examples = exampleChanges(harness)
  const changes = [
    ...seeds,
    ...(last
      ? callableChanges(last.callables, harness.callableHashes, callableSources(recorder, last.callables), sources)
      : []),
    ...examples,
    // None if the process that began the run died before it had said anything.
    ...(recorder.before ? surroundingChanges(recorder.before, now) : []),
  ]
  const refused = allowChanges === true ? [] : allowChanges === 'edits' ? [...seeds, ...examples] : changes
  const instead = allowChanges === 'edits' ? 'With these it is another run: begin it in another folder.' : undefined
  if (refused.length > 0) throw new InputError(refusal(recorder.folder, refused, instead))
  if (allowChanges) recorder.allow(changes)
  if (changes.length === 0) return
  const time = new Date().toISOString()
  recorder.note({ type: 'changes', branch, index: harness.results.length, time, changes })
}

/** Examples that the source gives otherwise than the run had them. */
function exampleChanges(harness: RecordedHarness): string[] {
  const changed = new Map<number, string>()
  for (const branch of harness.branches) {
    const hashes = harness.recorder.examples(branch.name)
    branch.results.slice(branch.at).forEach(({ index, example }, i) => {
      if (exampleHash(example) !== hashes[i]) changed.set(index, `example ${index}: the source gives it otherwise`)
    })
  }
  const all = [...changed.values()]
  return all.length > 5 ? [...all.slice(0, 5), `and ${all.length - 5} examples more`] : all
}

/** What this process is, as the record keeps it. */
async function sessionNow(): Promise<Omit<Session, 'id'>> {
  return {
    startedAt: new Date().toISOString(),
    endedAt: null,
    status: 'running',
    error: null,
    pid: process.pid,
    host: hostname(),
    versions: versions(),
    machine: machine(),
    models: await modelFiles(),
    changes: [],
  }
}

/**
 * Makes `run.db` with its first rows: whole or not at all.
 *
 * Not by a connection to the file under its first name: the driver closes late, and while that one lives, later ones of
 * this process share its locks and its index of the log, which other processes look for under the new name.
 */
function makeDatabase(folder: string, info: RunInfo): void {
  const temporary = join(folder, `.${RUN_DB}`)
  rmSync(temporary, { force: true })
  const db = Database.write(':memory:')
  SqliteWriter.begin(db, info)
  db.copyTo(temporary)
  db.close()
  renameDurably(temporary, join(folder, RUN_DB))
}

/** @param folder absolute; its lock is held */
async function writerIn(folder: string, release: () => void): Promise<SqliteWriter> {
  const session = await sessionNow()
  makeFolder(join(folder, ADAPTERS))
  const db = Database.write(join(folder, RUN_DB))
  try {
    const writer = new SqliteWriter(db, folder, session, release)
    setAdapterFolder(join(folder, ADAPTERS))
    return writer
  } catch (cause) {
    db.close()
    throw cause
  }
}

/** Writes `run.json`. */
export const writeRunInfo = (folder: string, info: RunInfo): void =>
  replaceDurably(join(folder, 'run.json'), `${JSON.stringify(info, null, 2)}\n`)

/** Path of a run's database. @throws InputError if there is none */
export function requireRun(folder: string): string {
  const path = join(resolve(folder), RUN_DB)
  if (existsSync(path)) return path
  throw new InputError(
    `opening run ${folder}: ${existsSync(folder) ? `it has no ${RUN_DB}` : 'there is no such folder'}`,
  )
}
