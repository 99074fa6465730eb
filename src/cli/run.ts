import { join, relative } from 'node:path'
import { messageOf } from '../errors.js'
import type { LoRAHarness } from '../harness/index.js'
import { setAdapterFolder } from '../lora/folder.js'
import type { Step } from '../protocol/index.js'
import { jsonlRecorder } from '../record/jsonl.js'
import type { RunInfo } from '../record/run-info.js'
import { machine, versions } from '../record/versions.js'
import { renderReport } from '../report/html.js'
import { summarise } from '../report/series.js'
import { experimentName, plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { type ExperimentArgs, harnessOf, loadExperiment } from './experiment.js'
import { discard, makeRunFolder, newRunId, writeRunInfo, writeWhole } from './folder.js'
import { follow } from './follow.js'
import { type Interruption, onInterrupt } from './interrupt.js'
import { summaryText } from './summary.js'
import { duration } from './text.js'

export interface RunOptions {
  limit?: number
  out?: string
  seed?: number
  /** Put the examples in an order drawn from the seed. */
  shuffle?: true
  set: Record<string, string>
  /** Swap the callables whenever a file of the experiment is saved. */
  watch?: true
}

/**
 * `lora-harness run`: runs an experiment into a folder of its own, shows how it goes and reports on it.
 *
 * Steps are recorded as they happen: whatever ends the run, the finished ones stay. A run that recorded nothing leaves
 * no folder.
 *
 * @param path of the experiment file
 * @param openRecorder takes the path of steps.jsonl
 * @throws InputError, or what stopped the run before its first step was recorded
 */
export async function run(path: string, options: RunOptions, openRecorder = jsonlRecorder): Promise<ExitCode> {
  const runId = newRunId(path)
  const folder = makeRunFolder(options.out, runId)
  const steps: Step[] = []
  const kept = () =>
    steps.length > 0 ? `${plural(steps.length, 'example')} in ${shown(folder)}.` : 'Nothing was recorded.'
  const interruption = onInterrupt(() => console.log(`\nQuit. ${kept()}`))
  try {
    console.log(`Loading ${path} …`)
    const texts = new Map<string, string>()
    const load = (texts: Map<string, string>) => harnessFrom(path, options, folder, interruption, texts)
    const harness = await Promise.race([load(texts), interruption.aborted])
    harness.runId = runId
    const info = infoOf(path, harness, options)
    writeRunInfo(folder, info)
    setAdapterFolder(join(folder, 'adapters'))
    harness.recorder = openRecorder(join(folder, 'steps.jsonl'))
    harness.onStep(step => steps.push(step))

    const watched = options.watch && { texts, load }
    const end = await follow(harness, experimentName(path), { limit: options.limit, interruption, watched })
    if (steps.length === 0 && end.status !== 'finished') throw end.error
    const error = end.status === 'failed' ? messageOf(end.error) : null
    report(folder, { ...info, status: end.status, error, finishedAt: now() }, steps)
    if (end.status === 'failed') throw end.error
    return EXIT[end.status]
  } catch (error) {
    if (steps.length === 0) discard(folder)
    if (!interruption.signal.aborted) throw error
    console.log(`\nInterrupted. ${kept()}`)
    return EXIT.interrupted
  } finally {
    interruption.release()
  }
}

/** Loads the experiment and makes its harness, with the seed of the command line where one was given. */
async function harnessFrom(
  path: string,
  { set, limit, seed, shuffle }: RunOptions,
  out: string,
  { signal }: Interruption,
  texts: Map<string, string>,
): Promise<LoRAHarness> {
  const args = { ...set, limit, seed: seed ?? 0, out } as ExperimentArgs
  const { experiment, code } = await loadExperiment(path, texts)
  const harness = await harnessOf(experiment, path, { args, signal })
  if (seed !== undefined) harness.seed = seed
  if (shuffle) harness.shuffle = true
  harness.code = code
  return harness
}

/** Writes `run.json` and the report, and prints the result. What cannot be written is named; the steps are safe. */
function report(folder: string, info: RunInfo, steps: readonly Step[]): void {
  const page = join(folder, 'report.html')
  console.log(`\n${summaryText(summarise(steps, info.args.seed))}\n`)
  const took = duration(Date.parse(info.finishedAt!) - Date.parse(info.startedAt))
  console.log(
    `${info.status[0]!.toUpperCase()}${info.status.slice(1)} after ${took}: ${plural(steps.length, 'example')} in ${shown(folder)}`,
  )
  try {
    writeRunInfo(folder, info)
    writeWhole(page, renderReport(info, steps))
    console.log(`Report: ${shown(page)}`)
  } catch (error) {
    console.log(`The report could not be written: ${messageOf(error)}`)
  }
}

function infoOf(path: string, harness: LoRAHarness, { limit, set }: RunOptions): RunInfo {
  return {
    v: 1,
    runId: harness.runId,
    experiment: relative(process.cwd(), path),
    args: { limit: limit ?? null, seed: harness.seed, shuffle: harness.shuffle, set },
    startedAt: now(),
    finishedAt: null,
    status: 'running',
    error: null,
    versions: versions(),
    machine: machine(),
  }
}

const now = (): string => new Date().toISOString()

/** A path as people like to read it: from the working folder where it lies in it. */
const shown = (path: string): string => {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}
