import { type LoRAHarness, toStep } from '../harness/index.js'
import { noRecorder } from '../harness/recorder.js'
import type { Step } from '../protocol/index.js'
import { changedCallables } from './changes.js'
import { firstDifference, type StepDifference } from './difference.js'
import type { RunRecord } from './record.js'

/** What came of computing one recorded step again. */
export interface Replayed {
  step: Step
  /** Null: equal in everything but times. */
  difference: StepDifference | null
  /** Callables other than today's made the step, so it was not computed again. */
  otherCallables: string[]
}

/**
 * Computes the steps of a branch again, each from the recorded state before it, and compares what comes out with what
 * is recorded: response, metrics, losses, hash of the adapter. If every step is equal, so is the run as a whole.
 *
 * Nothing is recorded. New adapters are saved where `setAdapterFolder` says; use another folder than the run's.
 *
 * @param harness with the experiment's callables and source; it must not have begun. Its seed becomes the run's
 * @param range indices of the steps: `from` (0) up to, and not with, `to` (the end)
 * @throws InputError if the source ends before the run does
 */
export async function* replay(
  record: RunRecord,
  harness: LoRAHarness,
  { branch = record.current, from = 0, to = Number.POSITIVE_INFINITY } = {},
): AsyncGenerator<Replayed, void, undefined> {
  const { runId, args } = record.info
  Object.assign(harness, { runId, seed: args.seed, shuffle: args.shuffle, recorder: noRecorder })
  await harness.restore(record, branch)
  const skipped = new Set(record.branches.flatMap(b => b.skipUpdates.map(index => JSON.stringify([b.name, index]))))
  for (const step of record.steps(branch).slice(from, to)) {
    const { index } = step
    const skipUpdates = skipped.has(JSON.stringify([step.branch, index])) ? [index] : []
    const fork = harness.fork({ at: index, name: `replay of ${index}`, skipUpdates })
    const otherCallables = changedCallables(step.callables, fork.callableHashes)
    if (otherCallables.length > 0) {
      yield { step, difference: null, otherCallables }
      continue
    }
    const result = await fork.step()
    if (!result) return
    yield { step, difference: firstDifference(step, toStep(result)), otherCallables }
  }
}
