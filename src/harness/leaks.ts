import type { LoRAHandle, TrainingSummary } from '../lora/handle.js'
import { chatHash } from '../lora/trained.js'
import type { FinishedExample } from './example.js'
import type { ExampleResult } from './step.js'

/** An adapter that had been trained on what it was to be asked. */
export interface Leak {
  /** The adapter whose making trained on it: the one that answers, or one that it was made from. */
  adapter: string
  /** Index of the step that made that adapter; null if it came from outside the run. */
  trainedAt: number | null
}

/** What made an adapter, from which one, and what that trained on. */
interface Maker {
  /** Index of the step; null: something outside the run. */
  index: number | null
  from: string | null
  items: ReadonlySet<string>
}

/** What each adapter of a run was trained on, itself and through those it was made from. */
export class Lineage {
  /** By the adapter that was made: two steps can make the same one. */
  readonly #makers = new Map<string, Maker[]>()
  /** Everything that anything was trained on: what is not in here needs no walk. */
  readonly #trained = new Set<string>()

  /**
   * Takes in a finished example. What an adapter was trained on is what its trainer says in `metadata.training.items`;
   * of an adapter of another stack, which says nothing, the example that it was made on.
   */
  add({ index, example: { messages, target }, retrievedLora, updatedLora }: ExampleResult): void {
    if (retrievedLora) this.#meet(retrievedLora)
    if (!updatedLora) return
    const items = itemsOf(updatedLora) ?? (target === undefined ? [] : [chatHash(messages, target)])
    this.#know(updatedLora.identifier, index, retrievedLora?.identifier ?? null, items)
  }

  /**
   * Was an adapter, or one that it was made from, trained on this example? An example without a target cannot be. One
   * hash and one look-up where it was not trained on at all.
   */
  leakOf({ messages, target }: Pick<FinishedExample, 'messages' | 'target'>, lora: LoRAHandle | null): Leak | null {
    if (!lora || target === undefined) return null
    this.#meet(lora)
    const item = chatHash(messages, target)
    if (!this.#trained.has(item)) return null
    const line = new Set([lora.identifier])
    for (const adapter of line) // A set is walked to its end, with what is added on the way.
      for (const { index, from, items } of this.#makers.get(adapter) ?? []) {
        if (items.has(item)) return { adapter, trainedAt: index }
        if (from !== null) line.add(from)
      }
    return null
  }

  /** An adapter that no step is known to have made has what it brings along. */
  #meet(lora: LoRAHandle): void {
    if (!this.#makers.has(lora.identifier)) this.#know(lora.identifier, null, null, itemsOf(lora) ?? [])
  }

  #know(adapter: string, index: number | null, from: string | null, items: readonly string[]): void {
    for (const item of items) this.#trained.add(item)
    const makers = this.#makers.get(adapter) ?? []
    makers.push({ index, from, items: new Set(items) })
    this.#makers.set(adapter, makers)
  }
}

/** What a trainer of ours says that it trained on. */
function itemsOf(lora: LoRAHandle): readonly string[] | undefined {
  const { items } = (lora.metadata.training ?? {}) as Partial<TrainingSummary>
  return Array.isArray(items) ? items : undefined
}
