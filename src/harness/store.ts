import type { LoRAHandle } from '../lora/handle.js'
import type { Metrics } from '../protocol/index.js'
import type { ExampleView } from './example.js'

/** What the store keeps of one finished example. */
export interface StoreRecord {
  readonly dataset: string
  readonly testIdx: string | number
  readonly chatId: string | undefined
  /** The adapter after the example: the updated one, else the one that answered. */
  readonly lora: LoRAHandle | null
  readonly metrics: Readonly<Metrics>
  readonly response: string
  readonly embedding: readonly number[] | undefined
}

/** The reading half of the store: what callables are given. */
export interface StoreView {
  /** The adapter that this chat's last example left behind; undefined for an unknown chat or none. */
  getLast(chatId: string | undefined): LoRAHandle | undefined
  /**
   * Records by falling cosine similarity of their adapter's embedding to `query`; equal ones in the order recorded.
   * Records without an embedding of that length are left out; a zero vector has similarity 0 to everything.
   *
   * @param topK how many at most, 1 by default
   */
  searchByEmbedding(query: readonly number[], topK?: number): StoreRecord[]
  /** Every record so far, in order. */
  readonly records: readonly StoreRecord[]
}

/** Remembers which adapter each example left behind. */
export class LoRAStore implements StoreView {
  readonly #records: StoreRecord[] = []
  readonly #last = new Map<string, LoRAHandle>()

  record(done: { example: ExampleView; handle: LoRAHandle | null; metrics: Metrics; response: string }): void {
    const { example, handle, metrics, response } = done
    const { datasetName: dataset, testIdx, chatId } = example
    const embedding = handle?.embedding && Object.freeze([...handle.embedding])
    const kept = { dataset, testIdx, chatId, lora: handle, metrics: Object.freeze({ ...metrics }), response, embedding }
    this.#records.push(Object.freeze(kept))
    if (chatId !== undefined && handle) this.#last.set(chatId, handle)
  }

  getLast(chatId: string | undefined): LoRAHandle | undefined {
    return chatId === undefined ? undefined : this.#last.get(chatId)
  }

  searchByEmbedding(query: readonly number[], topK = 1): StoreRecord[] {
    return this.#records
      .filter(record => record.embedding?.length === query.length)
      .map(record => ({ record, similarity: cosine(query, record.embedding!) }))
      .sort((a, b) => b.similarity - a.similarity) // Array.prototype.sort is stable.
      .slice(0, Math.max(0, topK))
      .map(({ record }) => record)
  }

  get records(): readonly StoreRecord[] {
    return Object.freeze([...this.#records])
  }

  /** A facade through which the store can be read and not written. */
  readOnly(): StoreView {
    const store = this
    return Object.freeze({
      getLast: (chatId: string | undefined) => store.getLast(chatId),
      searchByEmbedding: (query: readonly number[], topK?: number) => store.searchByEmbedding(query, topK),
      get records() {
        return store.records
      },
    })
  }
}

/** a·b / (|a||b|), or 0 if either is zero. */
function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
  const norms = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b))
  return norms === 0 ? 0 : dot(a, b) / norms
}
