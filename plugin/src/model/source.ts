import type { ControlAnswers, ControlRequest } from 'lora-harness/protocol'
import type { RunStore } from './store.js'

/** What is asked of a run: a request without its number and address. */
export type Ask = ControlRequest extends infer R ? (R extends unknown ? Omit<R, 'request' | 'id'> : never) : never
export type AskType = Ask['type'] & keyof ControlAnswers
export type AskOf<T extends AskType> = Ask & { type: T }

/** Where a run comes from: a kernel, an exported file, or a card that a notebook holds. */
export interface RunSource {
  readonly store: RunStore
  /** Why this cannot be asked now, in words for a tooltip; null if it can. */
  cannot(type: AskType): string | null
  /** @throws Error in words for a person, if it could not be done */
  ask<T extends AskType>(request: AskOf<T>): Promise<ControlAnswers[T]>
  /** Tries at once to reach what was lost. */
  reconnect(): void
  dispose(): void
}
