import type { Json, Metrics, Outcome, Step } from './step.js'

/** One line of a run's history: the steps of `parent` before `at`, then its own. */
export interface Branch {
  readonly name: string
  /** The branch it left; null for the first one. */
  readonly parent: string | null
  /** Index of its first own step. */
  readonly at: number
  /** Indices of examples whose update is left out on this branch. */
  readonly skipUpdates: readonly number[]
}

/** A probe's score at one moment. */
export interface Probe {
  /** `datasetName/split/testIdx` of the probe. */
  key: string
  chatId: string | null
  response: string
  metrics: Metrics
  /** The adapter that answered. */
  lora: { identifier: string } | null
}

/** Every probe, asked with the state before one example (or after the last): scored, never trained on. */
export interface Probing {
  branch: string
  /** Steps finished before: 0 is the state that the run began with. */
  at: number
  probes: Probe[]
  /** ISO 8601, UTC. */
  startedAt: string
}

/** Something that happened to a run beside its steps. */
export interface RunEvent {
  /**
   * - `swap`: a callable changed; `changed` names them, `diff` is the unified diff of their source
   * - `leak`: what was to be scored had been trained on; `key` names it (`probe` too if it is one), `adapter` the one
   *   whose making trained on it, `trainedAt` the step that made that (null: outside the run)
   * - `changes`: the run went on although something was not as before; `changes` says what
   * - `annotation`: a person's words on the example; see `Annotation`
   */
  type: string
  branch: string
  /** Index of the step that it came before. */
  index: number
  /** ISO 8601, UTC. */
  time: string
  [field: string]: Json
}

/** What a timeline draws of a step. */
export type TimelinePoint = Pick<Step, 'index' | 'key' | 'chatId' | 'metrics' | 'losses' | 'targetLoss'> & {
  outcome: Outcome['kind']
  /** Metrics of each baseline. */
  baselines: Record<string, Metrics>
  /** Hash of the finetuneFn that it was made by. */
  finetuneFn: string
  /** The adapter that the example left behind. */
  lora: string | null
}
