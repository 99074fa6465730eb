import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRun, type RecordedHarness } from '../record/open.js'
import { experimentName } from '../report/words.js'
import { estimateText, measure, SAMPLE } from './cost.js'
import { EXIT, type ExitCode } from './exit.js'
import { argsOf, harnessOf, loadExperiment } from './experiment.js'
import { freeBytes } from './folder.js'
import { follow } from './follow.js'
import { onInterrupt } from './interrupt.js'
import type { RunOptions } from './run.js'

/**
 * `lora-harness run --estimate`: runs the first examples into a folder that is removed again, and says how long and how
 * large the whole run would be.
 *
 * @throws InputError, or what stopped the run
 */
export async function estimate(path: string, { out = 'runs', ...options }: RunOptions): Promise<ExitCode> {
  const folder = mkdtempSync(join(tmpdir(), 'lora-harness-estimate-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const interruption = onInterrupt(remove)
  let harness: RecordedHarness | undefined
  try {
    console.log(`Estimating ${path} from its first examples …`)
    const startedAt = performance.now()
    const load = async () => {
      const { experiment, code } = await loadExperiment(path)
      const context = { args: argsOf(options, folder), signal: interruption.signal }
      return Object.assign(await harnessOf(experiment, path, context), { code })
    }
    const loaded = await Promise.race([load(), interruption.aborted])
    const { seed = loaded.seed, shuffle = loaded.shuffle, limit = Number.POSITIVE_INFINITY } = options
    harness = Object.assign(loaded, { recorder: await createRun(folder), seed, shuffle })
    const all = (await harness.total()) ?? Number.POSITIVE_INFINITY
    const loading = performance.now() - startedAt
    const costs = measure(harness)
    const first = Math.min(SAMPLE, limit)
    const end = await follow(harness, experimentName(path), { limit: first, interruption, watched: undefined })
    if (end.error !== undefined) throw end.error
    if (costs.length === 0) return EXIT.finished
    const ranOut = end.status === 'finished' && costs.length < first
    const total = ranOut ? costs.length : Math.min(all, limit)
    const facts = { total: Number.isFinite(total) ? total : undefined, loading, free: freeBytes(out), folder: out }
    console.log(`\n${estimateText({ costs, ...facts })}\n\nNothing was kept.`)
    return EXIT.finished
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    console.log('\nInterrupted. Nothing was kept.')
    return EXIT.interrupted
  } finally {
    interruption.release()
    harness?.recorder.close()
    remove()
  }
}
