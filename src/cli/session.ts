import { join } from 'node:path'
import { messageOf } from '../errors.js'
import { type LoRAHarness, toStep } from '../harness/index.js'
import { replaceDurably } from '../lora/durable.js'
import { loadedModels } from '../models/loaded.js'
import { releaseFiles } from '../record/database.js'
import { stepsJsonl } from '../record/jsonl.js'
import { type RecordedHarness, writeRunInfo } from '../record/open.js'
import { writeReport } from '../report/html.js'
import { summarise } from '../report/series.js'
import { experimentName, plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { type ExperimentArgs, harnessOf, loadExperiment } from './experiment.js'
import { type End, follow } from './follow.js'
import { onInterrupt } from './interrupt.js'
import { summaryText } from './summary.js'
import { duration, plain, shown } from './text.js'

export interface SessionOptions {
  /** Path of the experiment file. */
  path: string
  args: ExperimentArgs
  /** Swap the callables whenever a file of the experiment is saved. */
  watch: boolean
  /** Makes the harness one of a run. */
  open(harness: LoRAHarness): Promise<RecordedHarness>
}

/**
 * One process's part of a run: loads the experiment, runs it, shows how it goes and reports on it.
 *
 * Steps are recorded as they happen: whatever ends it, the finished ones stay.
 *
 * @throws InputError, or what stopped the run before its first step was recorded
 */
export async function session({ path, args, watch, open }: SessionOptions): Promise<ExitCode> {
  const folder = args.out
  const startedAt = performance.now()
  let harness: RecordedHarness | undefined
  const kept = () =>
    harness?.results.length
      ? `${plural(harness.results.length, 'example')} in ${shown(folder)}.`
      : 'Nothing was recorded.'
  const interruption = onInterrupt(() => console.log(`\nQuit. ${kept()}`))
  const { signal } = interruption
  const load = async (texts: Map<string, string>) => {
    const { experiment, code } = await loadExperiment(path, texts)
    return Object.assign(await harnessOf(experiment, path, { args, signal }), { code })
  }
  try {
    console.log(`Loading ${path} …`)
    const texts = new Map<string, string>()
    const loaded = await Promise.race([load(texts), interruption.aborted])
    harness = await open(loaded)
    // The reason begins with the device.
    for (const { id, dtype, deviceReason } of loadedModels())
      console.log(plain(`Model ${id} (${dtype}) on ${deviceReason}`, 300))
    const watched = watch ? { texts, load } : undefined
    const end = await follow(harness, experimentName(path), { limit: args.limit, interruption, watched })
    if (harness.results.length === 0 && end.error !== undefined) throw end.error
    await finish(harness, end, args.limit, performance.now() - startedAt)
    if (end.status === 'failed') throw end.error
    return EXIT[end.status === 'stopped' ? 'finished' : end.status]
  } catch (error) {
    if (!signal.aborted) throw error
    console.log(`\nInterrupted. ${kept()}`)
    return EXIT.interrupted
  } finally {
    interruption.release()
    await attempt('the record', () => harness?.recorder.close())
    await releaseFiles()
  }
}

/** Says how a session ended, to people, in the record and in the files beside it. */
async function finish(
  harness: RecordedHarness,
  { status, error }: End,
  limit: number | undefined,
  ms: number,
): Promise<void> {
  const { recorder, results } = harness
  const { folder, info } = recorder
  const name = `${status[0]!.toUpperCase()}${status.slice(1)} after ${duration(ms)}`
  if (results.length === 0) {
    console.log(`\n${name}. Nothing was recorded.`)
    return
  }
  const steps = results.map(toStep)
  console.log(`\n${summaryText(summarise(steps, info.args.seed))}\n`)
  console.log(`${name}: ${plural(steps.length, 'example')} in ${shown(folder)}`)
  const why = status === 'failed' ? messageOf(error) : null
  const now = {
    ...info,
    args: { ...info.args, limit: limit ?? null },
    status,
    error: why,
    finishedAt: new Date().toISOString(),
  }
  const page = join(folder, 'report.html')
  await attempt('the record', () => recorder.end(status, why))
  await attempt('run.json', () => writeRunInfo(folder, now))
  await attempt('steps.jsonl', () => replaceDurably(join(folder, 'steps.jsonl'), stepsJsonl(steps)))
  if (await attempt('the report', () => writeReport(recorder, page))) console.log(`Report: ${shown(page)}`)
}

/** Does what is worth doing although something else failed, such as a full disk; the steps are safe. */
async function attempt(what: string, work: () => unknown): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    console.log(`Writing ${what} failed: ${messageOf(error)}`)
    return false
  }
}
