#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { HarnessError, InputError, messageOf } from '../errors.js'
import { versions } from '../record/versions.js'
import type { CompareCliOptions } from './compare.js'
import type { DiffOptions } from './diff.js'
import { EXIT, type ExitCode, exitHelp } from './exit.js'
import type { ExportOptions } from './export.js'
import type { GcOptions } from './gc.js'
import { keyHelp } from './keys.js'
import type { ReplayOptions } from './replay.js'
import type { ReportCliOptions } from './report.js'
import type { ResumeOptions } from './resume.js'
import type { RunOptions } from './run.js'

/** Whole numbers from `least` on. */
const whole = (least: number) => (text: string) => {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`)
}

/** Whole numbers with commas between them. */
const wholes = (text: string): number[] => text.split(',').map(whole(0))

/** Collects `--set key=value` pairs. */
function pair(text: string, pairs: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
  if (key === undefined)
    throw new InvalidArgumentError('It must be key=value, the key a name of letters, digits and _.')
  if (['limit', 'seed', 'out'].includes(key)) throw new InvalidArgumentError(`Use --${key} for that.`)
  if (Object.hasOwn(pairs, key)) throw new InvalidArgumentError(`${key} is set twice.`)
  return { ...pairs, [key]: value! }
}

/** What an error means to a person: its message, and for a mistake in somebody's code the place of it. */
function explain(error: unknown): string {
  let deepest = error
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause
  const foreign = deepest instanceof Error && !(error instanceof InputError) && !(deepest instanceof HarnessError)
  const places = foreign ? ((deepest as Error).stack ?? '').split('\n').filter(line => /^\s+at /.test(line)) : []
  return [messageOf(error), ...places.filter(line => !line.includes('node:internal')).slice(0, 5)].join('\n')
}

/** The command line. @returns the exit code */
async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.finished
  const program = new Command('lora-harness')
    .description('Runs LoRA experiments one example at a time.')
    .version(versions()['lora-harness']!)
    .exitOverride()
    .addHelpText('after', exitHelp)
  /** A verb; its help ends with these texts and the exit codes. */
  const verb = (name: string, description: string, ...help: string[]) =>
    program
      .command(name)
      .description(description)
      .addHelpText('after', [...help, exitHelp].join('\n'))

  verb('run', 'run an experiment into a folder of its own, with a report at the end', keyHelp)
    .argument(
      '<experiment>',
      '.ts, .mts, .js or .mjs file; its default export is a LoRAHarness or ({ args, signal }) => LoRAHarness',
    )
    .option('--limit <n>', 'run at most n examples', whole(1))
    .option('--out <folder>', 'new or empty folder for the results (default: runs/<date>-<experiment>-<6 hex>)')
    .option('--seed <n>', "seed of the run (default: the experiment's own)", whole(0))
    .option(
      '--seeds <n>',
      'repeat it with n seeds from --seed on (default: 0), and say what they have in common',
      whole(1),
    )
    .option('--shuffle', 'put the examples in an order drawn from the seed')
    .option('--watch', 'swap the callables, between two examples, whenever a file of the experiment is saved')
    .addOption(
      new Option(
        '--estimate',
        'run the first 5 examples, say how long and large the whole would be, keep nothing',
      ).conflicts(['seeds', 'watch']),
    )
    .option('--set <key=value>', 'an argument for the experiment; may be given several times', pair, {})
    .action(async (experiment: string, options: RunOptions & { seeds?: number; estimate?: true }) => {
      const { seeds = 1, estimate: only, ...rest } = options
      // Each verb loads only what it needs.
      if (only) code = await (await import('./estimate.js')).estimate(experiment, rest)
      else if (seeds > 1) code = await (await import('./repeats.js')).runRepeats(experiment, { ...rest, seeds })
      else code = await (await import('./run.js')).run(experiment, rest)
    })
  verb('resume', 'go on with a run after its last recorded example', keyHelp)
    .argument('<run>', 'its folder')
    .option('--limit <n>', 'end after n examples in all (default: as the run was started)', whole(1))
    .option('--branch <name>', 'branch to go on with (default: the one last worked on)')
    .option('--at <n>', 'go back to the state before example n, on a new branch; the old one stays', whole(0))
    .option('--name <name>', 'of the new branch')
    .option('--skip-updates <n,…>', 'examples that the new branch does not learn from', wholes)
    .option('--experiment <file>', 'where the experiment is now (default: where it was)')
    .option('--allow-changes', 'go on although callables, examples, models or software changed; the record says so')
    .option('--watch', 'swap the callables, between two examples, whenever a file of the experiment is saved')
    .action(async (run: string, options: ResumeOptions) => {
      const { resume } = await import('./resume.js')
      code = await resume(run, options)
    })
  verb('compare', 'say what is different in run B, paired by example')
    .argument('<A>', 'folder of a run, or FOLDER@BRANCH, or FOLDER@BRANCH#INDEX for its beginning up to an example')
    .argument('<B>', 'another one, or another branch of the same')
    .option('--metric <name>', 'only this metric (default: every one that both have, f1 first)')
    .option('--json', 'print all of it as JSON')
    .action(async (a: string, b: string, options: CompareCliOptions) => {
      const { compareRuns } = await import('./compare.js')
      code = compareRuns(a, b, options)
    })
  verb('replay', 'compute recorded steps again and say whether each comes out equal, to the last bit')
    .argument('<run>', 'folder of a run, or FOLDER@BRANCH')
    .option('--from <n>', 'begin with example n', whole(0))
    .option('--limit <n>', 'compute at most n steps', whole(1))
    .option('--experiment <file>', 'the experiment, if it is no longer where the run found it')
    .action(async (ref: string, options: ReplayOptions) => {
      const { replayRun } = await import('./replay.js')
      code = await replayRun(ref, options)
    })
  verb('diff', 'say what lies between two adapters: where, how much, in how many directions')
    .argument('<A>', 'PEFT folder, or RUN, RUN@BRANCH, RUN#INDEX for the adapter that an example of a run left behind')
    .argument('<B>', 'another one of the same model')
    .option('--modules <n>', 'lines of the table of modules, or all', text => (text === 'all' ? text : whole(1)(text)))
    .option('--base <model>', 'folder or id of the base model, where the adapters do not name one that is here')
    .option('--json', 'print all of it as JSON')
    .action(async (a: string, b: string, options: DiffOptions) => {
      const { diff } = await import('./diff.js')
      code = await diff(a, b, options)
    })
  verb('report', 'write a run as one HTML file that opens anywhere, or as a notebook')
    .argument('<run>', 'folder of a run, or FOLDER@BRANCH')
    .option('--out <file>', 'where to (default: report.html in the folder of the run)')
    .option('--redact', 'leave out what people wrote or said: texts, names of examples and chats, reasons, sources')
    .option('--notebook', 'a notebook (.ipynb) with the result, the pictures, and cells that open the run')
    .action(async (ref: string, options: ReportCliOptions) => {
      const { report } = await import('./report.js')
      code = await report(ref, options)
    })
  verb('runs', 'list the runs in a folder, newest first; of one run its branches, sessions and edits')
    .argument('[folder]', 'where they are, or the folder of one run', 'runs')
    .option('--json', 'print all of it as JSON')
    .action(async (folder: string, options: { json?: boolean }) => {
      const { runs } = await import('./runs.js')
      code = await runs(folder, options)
    })
  verb('verify', 'check runs against their hashes, and say what is damaged and what can still be trusted')
    .argument('<run...>', 'folders of runs')
    .action(async (folders: string[]) => {
      const { verify } = await import('./verify.js')
      code = verify(folders)
    })
  verb('export', 'write a run as a zip file, its steps as JSON Lines or as a table; to standard output unless --out')
    .argument('<run>', 'folder of a run; for steps FOLDER@BRANCH too, or FOLDER#INDEX for those up to an example')
    .addOption(new Option('--format <format>', 'how').choices(['zip', 'jsonl', 'csv']).makeOptionMandatory())
    .option('--out <file>', 'a file, replaced if it is there')
    .option('--all', 'the own steps of every branch')
    .option('--readable', 'of a damaged run the steps that are as they were recorded')
    .action(async (ref: string, options: ExportOptions) => {
      const { exportRun } = await import('./export.js')
      code = await exportRun(ref, options)
    })
  verb('gc', 'say which adapters of runs could go, and remove them if asked to')
    .argument('<run...>', 'folders of runs')
    .option(
      '--keep <policy>',
      'all: those that any step names; heads: those that branches need to go on; N: also those before every N-th example',
      text => (text === 'all' || text === 'heads' ? text : whole(1)(text)),
      'all',
    )
    .option('--delete', 'remove them')
    .action(async (folders: string[], options: GcOptions) => {
      const { gc } = await import('./gc.js')
      code = gc(folders, options)
    })
  verb('doctor', 'say what is here, what is missing, and what to do about it').action(async () => {
    const { doctor } = await import('./doctor.js')
    code = await doctor()
  })
  try {
    await program.parseAsync(argv)
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.finished : EXIT.badInput
    console.error(`\n${explain(error)}`)
    return error instanceof InputError ? EXIT.badInput : EXIT.failed
  }
}

// An experiment that waits for something that can no longer happen would end in silence, and with code 0.
process.once('beforeExit', () => {
  console.error('\nStopped: the experiment waits for something that never happens (a promise that nothing settles).')
  process.exit(EXIT.failed)
})
// Leaves at once: an experiment may have left timers, servers or threads behind.
process.exit(await main(process.argv))
