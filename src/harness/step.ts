import type { LoRAHandle, TrainingSummary } from '../lora/handle.js'
import type { Json, Metrics, Outcome, Step } from '../protocol/index.js'
import { exampleKey, type FinishedExample } from './example.js'

/** One finished example: what `LoRAHarness.run` yields. Frozen; `toStep` gives its plain JSON form. */
export interface ExampleResult {
  readonly runId: string
  readonly branch: string
  /** Position in the run, from 0. */
  readonly index: number
  readonly example: FinishedExample
  readonly response: string
  readonly metrics: Readonly<Metrics>
  /** What the scorer returned beside numbers. */
  readonly details: Readonly<Record<string, Json>>
  readonly baselines: Readonly<Record<string, { readonly response: string; readonly metrics: Readonly<Metrics> }>>
  /** The adapter that answered. */
  readonly retrievedLora: LoRAHandle | null
  /** The new adapter; null unless the outcome is `updated`. */
  readonly updatedLora: LoRAHandle | null
  readonly outcome: Readonly<Outcome>
  readonly callables: Readonly<Step['callables']>
  readonly seed: number
  readonly tokens: Readonly<Step['tokens']>
  /** Wall time of each stage [ms]; baselines are not counted. */
  readonly ms: Readonly<Step['ms']>
  /** ISO 8601, UTC. */
  readonly startedAt: string
}

/** A result as plain JSON, sharing nothing with it. */
export function toStep(result: ExampleResult): Step {
  const { runId, branch, index, example, response, seed, startedAt } = result
  const { losses = [], targetLoss = null } = trainingOf(result.updatedLora)
  return structuredClone({
    v: 1,
    runId,
    branch,
    index,
    key: exampleKey(example),
    datasetName: example.datasetName,
    split: example.split ?? null,
    testIdx: example.testIdx,
    chatId: example.chatId ?? null,
    lang: example.lang,
    messages: [...example.messages],
    response,
    metrics: result.metrics,
    details: result.details,
    baselines: result.baselines,
    retrievedLora: result.retrievedLora && { identifier: result.retrievedLora.identifier },
    updatedLora: result.updatedLora && { identifier: result.updatedLora.identifier },
    outcome: result.outcome,
    callables: result.callables,
    seed,
    losses,
    targetLoss,
    tokens: result.tokens,
    ms: result.ms,
    startedAt,
  })
}

/** What training of ours wrote into the adapter's metadata; nothing for adapters of other stacks. */
function trainingOf(lora: LoRAHandle | null): Partial<TrainingSummary> {
  const { losses, targetLoss } = (lora?.metadata.training ?? {}) as Partial<TrainingSummary>
  if (!Array.isArray(losses) || !losses.every(Number.isFinite)) return {}
  return targetLoss ? { losses, targetLoss } : { losses }
}
