import { spawn } from 'node:child_process'
import { join, relative } from 'node:path'
import { InputError } from '../errors.js'
import { readRun } from '../record/open.js'
import { type Repeat, type Repeats, summariseRepeats } from '../record/repeats.js'
import type { RepeatMean } from '../record/stats.js'
import { difference, intervalNote, plural, score, signed } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { makeRunFolder, newRunId } from './folder.js'
import { aligned, plain, wrapped } from './text.js'

/**
 * `lora-harness run --seeds N`: runs an experiment with N seeds, one after the other, each in a process and a run folder
 * of its own (`seed-<n>` in the folder of all), then says what they have in common.
 *
 * A repeat that fails ends it; what the others found is still said.
 *
 * @param args of the command line from the verb on; what is added after them takes precedence
 * @returns the exit code of the last repeat
 * @throws InputError if the folder cannot be used, or with `watch`, which changes a run while it goes
 */
export async function runRepeats(
  path: string,
  { seeds, seed = 0, out, watch }: { seeds: number; seed?: number; out?: string; watch?: true },
  args: readonly string[] = process.argv.slice(2),
): Promise<ExitCode> {
  if (watch) throw new InputError('run --seeds: it cannot go with --watch, which changes a run while it goes')
  const folder = makeRunFolder(out, newRunId(path))
  const repeats: Repeat[] = []
  let code: ExitCode = EXIT.finished
  for (let i = 0; i < seeds && code === EXIT.finished; i++) {
    const own = join(folder, `seed-${seed + i}`)
    console.log(`\nRepeat ${i + 1} of ${seeds}, seed ${seed + i}`)
    code = await inProcess([...args, '--seeds', '1', '--seed', String(seed + i), '--out', own])
    if (code === EXIT.finished) repeats.push({ seed: seed + i, steps: stepsIn(own) })
  }
  console.log(
    `\n${repeatsText(summariseRepeats(repeats), seeds)}\n\nRuns: ${relative(process.cwd(), folder) || folder}`,
  )
  return code
}

function stepsIn(folder: string) {
  const record = readRun(folder)
  try {
    return record.steps()
  } finally {
    record.close()
  }
}

/** Runs this command line again with other arguments. Ctrl-C is for that process to answer; keys are not read. */
async function inProcess(args: readonly string[]): Promise<ExitCode> {
  const stdio = ['ignore', 'inherit', 'inherit'] as const
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], { stdio: [...stdio] })
  const pass = (signal: NodeJS.Signals) => void child.kill(signal) // What a terminal sends too counts once.
  process.on('SIGINT', pass).on('SIGTERM', pass)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', code => resolve((code ?? EXIT.failed) as ExitCode))
    })
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass)
  }
}

/** `0.31 (95 % 0.28 to 0.34)`; without an interval for one repeat. */
const over = ({ mean, low, high }: RepeatMean, of: (value: number) => string): string =>
  low === null || high === null ? of(mean) : `${of(mean)} (95 % ${of(low)} to ${of(high)})`

/** Repeats for a terminal. @param asked how many there were to be */
export function repeatsText({ metric, runs, arms, differences }: Repeats, asked: number): string {
  const done = runs.length === asked ? plural(asked, 'repeat') : `${runs.length} of ${asked} repeats`
  if (runs.length === 0) return 'No repeat was finished.'
  if (metric === null) return `${done}; nothing was scored.`
  const head = ['seed', 'examples', ...arms.map(arm => plain(arm.name, 16))]
  const rows = runs.map(({ seed, examples, means }) => [String(seed), String(examples), ...means.map(score)])
  const means = arms.flatMap(({ name, over: found }) => (found ? [`${name} ${over(found, score)}`] : []))
  const sentences = [
    `${done}, mean ${metric}: ${means.join(', ')}.`,
    ...differences.flatMap(({ baseline, over: found, pooled }) => [
      `Adapter minus ${baseline}: ${over(found, signed)} over the repeats; all pairs pooled ${difference(pooled)}.`,
    ]),
    `Intervals over repeats: Student's t; they tell how much the seed matters, not how other examples would come out.`,
    ...(differences[0] ? [intervalNote(differences[0].pooled).replace(/^I/, 'Pooled i')] : []),
  ]
  return [aligned([head, ...rows]), '', ...sentences.map(text => wrapped(plain(text)))].join('\n')
}
