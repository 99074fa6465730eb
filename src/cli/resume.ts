import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InputError } from '../errors.js'
import { readRun, resumeRun } from '../record/open.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { argsOfRun } from './experiment.js'
import { readRunInfo } from './folder.js'
import { session } from './session.js'
import { shown } from './text.js'

export interface ResumeOptions {
  limit?: number
  branch?: string
  /** Where the experiment file is now. */
  experiment?: string
  allowChanges?: true
  watch?: true
}

/**
 * `lora-harness resume`: goes on with a run after its last recorded step, with the arguments it was started with.
 *
 * @param path of the run's folder
 * @throws InputError if there is no run, its experiment is gone, another process writes it, or something is not as it
 *   was and `allowChanges` is not given
 */
export async function resume(path: string, options: ResumeOptions): Promise<ExitCode> {
  const folder = resolve(path)
  const record = readRun(path)
  const branch = options.branch ?? record.current
  const done = record.timeline(branch).length
  const status = record.sessions.at(-1)?.status
  record.close()

  const info = readRunInfo(folder)
  const limit = options.limit ?? info.args.limit ?? undefined
  if (limit !== undefined && done >= limit)
    return said(`${shown(folder)} has its ${plural(done, 'example')} already; --limit with more goes on.`)
  const ranOut = status === 'finished' && (info.args.limit === null || done < info.args.limit)
  if (ranOut && options.branch === undefined)
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
      const { allowChanges, branch } = options
      const recorded = await resumeRun(folder, harness, { allowChanges, branch })
      const at = recorded.results.length
      const where = `${shown(folder)}, branch ${recorded.branch.name}`
      console.log(`Going on with ${where}, at example #${at}: ${plural(at, 'example')} done.`)
      return recorded
    },
  })
}

function said(text: string): ExitCode {
  console.log(text)
  return EXIT.finished
}
