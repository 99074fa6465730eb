import type { LoRAHandle } from '../lora/handle.js'
import type { Step } from '../protocol/index.js'

/** One line of a run's history: the steps of `parent` before `at`, then its own. */
export interface Branch {
  readonly name: string
  /** The branch it left; null for the first one. */
  readonly parent: string | null
  /** Index of its first own step. */
  readonly at: number
}

/**
 * Where finished steps go. A throw stops the run: the step then counts as not run, and earlier ones stay.
 * Whoever made a recorder closes it.
 */
export interface Recorder {
  /** Keeps a new adapter that the next step will point to; the time this takes is the step's `ms.record`. */
  keep?(lora: LoRAHandle): void | Promise<void>
  /** Makes the step durable before it returns. */
  record(step: Step, branch: Branch): void | Promise<void>
}

/** Keeps steps in memory: what a harness does unless it is told otherwise. */
export function memoryRecorder(): Recorder & { readonly steps: readonly Step[] } {
  const steps: Step[] = []
  return { steps, record: step => void steps.push(step) }
}
