import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InputError } from '../errors.js'
import { type RecordedHarness, readRun, resumeRun } from '../record/open.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { argsOfRun } from './experiment.js'
import { readRunInfo } from './folder.js'
import { session } from './session.js'
import { plain, shown } from './text.js'

export interface ResumeOptions {
  limit?: number
  branch?: string
  /** Where the experiment file is now. */
  experiment?: string
  allowChanges?: true
  watch?: true
  /** Go back to the state before this example, on a new branch. */
  at?: number
  /** Name of the new branch. */
  name?: string
  /** Examples that the new branch answers and scores, but does not learn from. */
  skipUpdates?: number[]
}

/**
 * `lora-harness resume`: goes on with a run after its last recorded step, with the arguments it was started with; with
 * `at` from the state before that example, on a new branch, where other callables are what one wants.
 *
 * @param path of the run's folder
 * @throws InputError if there is no run, its experiment is gone, another process writes it, or something is not as it
 *   was and `allowChanges` is not given
 */
export async function resume(path: string, options: ResumeOptions): Promise<ExitCode> {
  const folder = resolve(path)
  const { at, name, skipUpdates } = options
  if (at === undefined && (name !== undefined || skipUpdates))
    throw new InputError(`going on with ${shown(folder)}: --name and --skip-updates are for a new branch: add --at N`)
  const record = readRun(path)
  const branch = options.branch ?? record.current
  const done = at ?? record.timeline(branch).length
  const status = record.sessions.at(-1)?.status
  record.close()

  const info = readRunInfo(folder)
  const limit = options.limit ?? info.args.limit ?? undefined
  if (limit !== undefined && done >= limit)
    return said(`${shown(folder)} has its ${plural(done, 'example')} already; --limit with more goes on.`)
  const ranOut = status === 'finished' && (info.args.limit === null || done < info.args.limit)
  if (ranOut && options.branch === undefined && at === undefined)
    return said(`${shown(folder)} is finished already: ${plural(done, 'example')}, all that its source had.`)

  if (info.experiment === '' && options.experiment === undefined)
    throw new InputError(
      `going on with ${shown(folder)}: a program began it; openRun() in that program goes on with it`,
    )
  const experiment = options.experiment ?? info.experiment
  if (!existsSync(experiment))
    throw new InputError(
      `going on with ${shown(folder)}: its experiment ${experiment} is not in ${process.cwd()}; ` +
        'go to the folder that the run was started in, or say where the file is: --experiment FILE',
    )
  return session({
    path: experiment,
    args: argsOfRun({ ...info.args, limit: limit ?? null }, folder),
    watch: options.watch ?? false,
    open: async harness => {
      const allowChanges = options.allowChanges ?? (at === undefined ? false : 'edits')
      const recorded = await resumeRun(folder, harness, { allowChanges, branch: options.branch })
      if (at !== undefined) leave(recorded, at, name, skipUpdates)
      const next = recorded.results.length
      const where = `${shown(folder)}, branch ${plain(recorded.branch.name)}`
      console.log(`Going on with ${where}, at example #${next}: ${plural(next, 'example')} done.`)
      return recorded
    },
  })
}

/** Begins a branch; if that cannot be, the run is given back as it was. */
function leave(run: RecordedHarness, at: number, name: string | undefined, skipUpdates: number[] | undefined): void {
  try {
    run.rewind(at, name, skipUpdates)
  } catch (cause) {
    run.recorder.close()
    throw cause
  }
}

function said(text: string): ExitCode {
  console.log(text)
  return EXIT.finished
}
