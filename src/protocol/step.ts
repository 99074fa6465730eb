/** JSON values: what a Step may hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** One chat turn. */
export interface Message {
  role: 'system' | 'user' | 'assistant' | (string & {})
  content: string
}

/** An answer, and what it took. */
export interface Generation {
  text: string
  /** Length of the prompt [tokens]. */
  promptTokens: number
  /** Length of the answer [tokens]. */
  newTokens: number
  /** Why it ended, such as `stop` (the model ended its turn, or a stop text came) or `length` (no room left). */
  finishReason: string
}

/** Numbers that a score is made of. Booleans of an evaluator become 0 or 1. */
export type Metrics = Record<string, number>

/**
 * What came of fine-tuning on one example.
 *
 * - `updated`: the callable returned a new adapter
 * - `unchanged`: it returned null or the adapter it was given
 * - `skipped`: it returned `skip(reason)`
 * - `failed`: it threw; `reason` is the error's message, the score is kept
 */
export interface Outcome {
  kind: 'updated' | 'unchanged' | 'skipped' | 'failed'
  reason?: string
}

/** The stages of one example, in the order in which they run. */
export const STAGES = ['retrieve', 'infer', 'evaluate', 'finetune', 'record'] as const
export type Stage = (typeof STAGES)[number]

/** One example's outcome as plain JSON: one line of steps.jsonl, and what record, report, kernel and plugin share. */
export interface Step {
  v: 1
  runId: string
  branch: string
  /** Position in the run, from 0. */
  index: number
  /** `datasetName/split/testIdx`. */
  key: string
  datasetName: string
  split: string | null
  testIdx: string | number
  chatId: string | null
  lang: string
  messages: Message[]
  response: string
  metrics: Metrics
  /** What the evaluator returned beside numbers. */
  details: Record<string, Json>
  baselines: Record<string, { response: string; metrics: Metrics }>
  retrievedLora: { identifier: string } | null
  updatedLora: { identifier: string } | null
  outcome: Outcome
  /** sha-256 of each callable's text (and the experiment's files, where the caller knows them). */
  callables: { retrieveLoraFn: string; inferenceFn: string; finetuneFn: string }
  /** Seed of this step: a function of the run's seed and the index. */
  seed: number
  /** Loss before each optimizer step of the update [nats/token]; empty if nothing was trained. */
  losses: number[]
  /** Loss on this example's target alone [nats/token]; null if nothing was trained. */
  targetLoss: { before: number; after: number } | null
  tokens: { prompt: number; new: number }
  /** Wall time of each stage [ms]; never decides anything that is recorded as a result. */
  ms: Record<Stage, number>
  /** ISO 8601, UTC. */
  startedAt: string
}
