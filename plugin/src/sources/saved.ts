import type { ControlAnswers } from 'lora-harness/protocol'
import type { AskOf, AskType, RunSource } from '../model/source.js'
import type { RunStore } from '../model/store.js'

/** What a run that is stored can answer. */
export type Answers = { [T in AskType]?: (asked: AskOf<T>) => ControlAnswers[T] | Promise<ControlAnswers[T]> }

/** A run as a file or a notebook's output holds it: it is looked at, and nothing of it changes. */
export class SavedSource implements RunSource {
  readonly store: RunStore
  readonly #answers: Answers
  readonly #why: string

  /**
   * @param store filled
   * @param what names where it is stored, as "shown from …"
   * @param why it cannot do what it does not answer, in words for a tooltip
   * @param version of its format, if it is another one than ours
   */
  constructor(store: RunStore, what: string, why: string, answers: Answers, version?: string) {
    this.store = store
    this.#answers = answers
    this.#why = why
    store.set({ connection: { kind: 'stored', what, ...(version !== undefined && { version }) } })
  }

  cannot(type: AskType): string | null {
    return this.#answers[type] ? null : this.#why
  }

  async ask<T extends AskType>(request: AskOf<T>): Promise<ControlAnswers[T]> {
    const answer = this.#answers[request.type as T] as ((asked: AskOf<T>) => ControlAnswers[T]) | undefined
    if (!answer) throw new Error(this.#why)
    return await answer(request)
  }

  /** Nothing: it is all here. */
  reconnect(): void {}
  dispose(): void {}
}
