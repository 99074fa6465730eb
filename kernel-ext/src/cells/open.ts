import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  InputError,
  LoRAHarness,
  type LoRAHarnessOptions,
  MemoryRecord,
  openRun,
  type RunWriter,
  readRun,
} from 'lora-harness'
import { transport } from '../place.js'
import { LiveCallables } from './callables.js'
import { connect } from './connect.js'
import { lastOf } from './forks.js'
import { NotebookHarness } from './notebook.js'
import { remember, runOf } from './runs.js'
import type { Sources } from './sources.js'

export interface NotebookOptions extends Omit<LoRAHarnessOptions, 'recorder' | 'runId' | 'code' | 'signal'> {
  /** Names the run: up to 100 letters, digits and `.`, `_`, `-`. The same name means the same run. */
  id: string
  /**
   * Where it is recorded; by default `runs/notebook-<id>` in the notebook's folder, so that a kernel that is started
   * again goes on with it. null: in memory only.
   */
  folder?: string | null
}

let sources: Sources | undefined
const opening = new Map<string, Promise<NotebookHarness>>()

/**
 * The run of that id: begun, or gone on with where its record ends. Called again, as when its cell is run again, it keeps
 * run and position and takes the new callables; a source may have more examples than before, but not others.
 *
 * @throws InputError if the id is malformed; if seed or finished examples are not the run's own; if another process
 *   writes its record
 */
export function harness(options: NotebookOptions): Promise<NotebookHarness> {
  const { id } = options
  // One after the other, so that a run is not opened twice.
  const opened = (opening.get(id) ?? Promise.resolve()).catch(() => {}).then(() => open(options))
  opening.set(id, opened as Promise<NotebookHarness>)
  return opened
}

async function open(options: NotebookOptions): Promise<NotebookHarness> {
  const { id, folder = join('runs', `notebook-${id}`) } = options
  if (!/^[\w-][\w.-]{0,99}$/.test(id))
    throw new InputError(`harness(): id is ${JSON.stringify(id)}; it may have 100 letters, digits and . _ -`)
  const { sourceReader } = await import('./sources.js') // Loads TypeScript.
  sources ??= sourceReader(() => transport().cells())
  const known = runOf(id)
  if (known) return await again(known, options)

  const live = new LiveCallables(options, sources)
  const { harness, record } = folder === null ? inMemory(options, live) : await inFolder(folder, options, live)
  const restored = restorer(options, record)
  const run = new NotebookHarness({ id, harness, record, folder: folder === null ? null : folder, live, restored })
  const note = record.note.bind(record)
  record.note = event => {
    note(event)
    for (const each of [run, ...run.forks.values()]) each.noted(event)
  }
  closeAtExit(run)
  connect()
  remember(run)
  await run.counted // What it shows first says of how many.
  return run
}

/** What a harness is made of beside its callables and its record. */
function settings({ id: _i, folder: _f, ...options }: NotebookOptions, live: LiveCallables): LoRAHarnessOptions {
  return { ...options, ...live.all }
}

function inMemory(options: NotebookOptions, live: LiveCallables) {
  const { seed = 0, shuffle = false } = options
  const record = new MemoryRecord({ args: { seed, shuffle } })
  const { runId } = record.info
  return { record, harness: new LoRAHarness({ ...settings(options, live), recorder: record, runId }) }
}

async function inFolder(folder: string, options: NotebookOptions, live: LiveCallables) {
  const branch = existsSync(join(folder, 'run.db')) ? branchIn(folder) : undefined
  const harness = await openRun(folder, { ...settings(options, live), allowChanges: 'edits', branch })
  return { harness, record: harness.recorder }
}

/** The branch that the run's own harness, and no fork of it, was last on. */
function branchIn(folder: string): string {
  const record = readRun(folder)
  try {
    return lastOf(record, record.branches[0]!.name)
  } finally {
    record.close()
  }
}

/** Gives harnesses of a record, with what is finished on one of its branches. */
const restorer =
  (options: NotebookOptions, record: RunWriter) =>
  async (branch: string, live: LiveCallables): Promise<LoRAHarness> => {
    const { runId, args } = record.info
    const { seed, shuffle } = args
    const harness = new LoRAHarness({ ...settings(options, live), recorder: record, runId, seed, shuffle })
    await harness.restore(record, branch)
    return harness
  }

/** The cell that opened a run was run again. */
async function again(run: NotebookHarness, options: NotebookOptions): Promise<NotebookHarness> {
  const { id, seed, folder } = options
  const another = (what: string) =>
    new InputError(
      `harness(): ${what} begins another run, and run ${id} is going on: give the other one an id of its own, such as ${id}-2`,
    )
  if (seed !== undefined && seed !== run.seed) throw another(`another seed (${seed}; the run has ${run.seed})`)
  if (folder !== undefined && folder !== run.folder)
    throw another(`another folder (${folder}; the run has ${run.folder})`)
  if (run.loop.status === 'idle' || run.loop.status === 'finished' || run.loop.status === 'failed') {
    const restored = restorer(options, run.record)
    const harness = await restored(run.branch.name, run.live).catch((cause: unknown) => {
      throw cause instanceof InputError ? another(`a source that does not give what was run (${cause.message})`) : cause
    })
    const other = harness.results.findIndex(({ example }, i) => !isDeepStrictEqual(example, run.results[i]!.example))
    if (other >= 0) throw another(`a source that gives example ${other} otherwise`)
    run.restored = restored
    run.take(harness)
  }
  run.live.change({ baselines: {}, ...options })
  return run
}

/** Runs with a record of their own: forks have their parent's. */
const roots = new Set<NotebookHarness>()

/** A process that ends says so in the record; one that is killed cannot, and its lock is free all the same. */
function closeAtExit(run: NotebookHarness): void {
  if (roots.size === 0)
    process.once('exit', () => {
      for (const root of roots) {
        if (runOf(root.id) !== root) continue // It is closed.
        root.record.end(root.state.status === 'finished' ? 'finished' : 'stopped')
        root.record.close()
      }
    })
  roots.add(run)
}
