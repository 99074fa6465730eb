import type { LoRAHandle } from '../lora/handle.js'
import type { Branch, Probing, RunEvent, Step } from '../protocol/index.js'
import type { Sources } from './callables.js'
import type { FinishedExample } from './example.js'

/** What belongs to a step beside itself. */
export interface StepContext {
  readonly branch: Branch
  readonly example: FinishedExample
  /** The adapters that the step names. */
  readonly retrievedLora: LoRAHandle | null
  readonly updatedLora: LoRAHandle | null
  /** Texts of the callables that made it. */
  readonly sources: Sources
}

/**
 * Where a run goes. A throw stops the run: the step then counts as not run, and earlier ones stay.
 * Whoever made a recorder closes it.
 */
export interface Recorder {
  /** Makes the files of a new adapter durable, which the next step will point to; the time is the step's `ms.record`. */
  keep?(lora: LoRAHandle): void | Promise<void>
  /** Makes a step durable before it returns: all of it, or nothing. */
  record(step: Step, context: StepContext): void | Promise<void>
  /** Makes the scores of all probes at one moment durable, all of them or none. */
  probe?(probing: Probing): void | Promise<void>
  /** A branch was begun by rewind or fork; it has no step yet. */
  begin?(branch: Branch): void
  /** Something happened beside steps. */
  note?(event: RunEvent): void
}

/** Keeps nothing: results are in the harness anyway. What a harness has unless it is told otherwise. */
export const noRecorder: Recorder = { record: () => {} }
