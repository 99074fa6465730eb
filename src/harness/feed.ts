import { HarnessError, InputError, messageOf } from '../errors.js'
import { type ExampleContext, exampleKey, readExample } from './example.js'

export type Examples = Iterable<ExampleContext> | AsyncIterable<ExampleContext>
/** Examples, or a callable that gives them. */
export type ExampleSource = Examples | (() => Examples | Promise<Examples>)

interface Opened {
  next(): IteratorResult<ExampleContext> | Promise<IteratorResult<ExampleContext>>
  length: number | undefined
}

/**
 * Reads a source once, one example at a time and no further than asked, and remembers what it read, so that a run can
 * be rewound and forked whatever the source is.
 */
export class Feed {
  readonly #source: ExampleSource
  #opened: Promise<Opened> | undefined
  readonly #read: Promise<ExampleContext | undefined>[] = []
  readonly #keys = new Map<string, number>()

  constructor(source: ExampleSource) {
    this.#source = source
  }

  /** How many examples there are, where the source tells it by a `length`. */
  async total(): Promise<number | undefined> {
    return (await this.#open()).length
  }

  /**
   * Example `index` (from 0); undefined after the last one.
   *
   * @throws InputError if the source is empty, or the example is malformed or has the key of an earlier one
   * @throws HarnessError if the source fails
   */
  at(index: number): Promise<ExampleContext | undefined> {
    for (let i = this.#read.length; i <= index; i++) {
      const previous = this.#read[i - 1] ?? Promise.resolve()
      this.#read.push(previous.then(() => this.#next(i)))
    }
    return this.#read[index]!
  }

  #open(): Promise<Opened> {
    this.#opened ??= open(this.#source)
    return this.#opened
  }

  async #next(index: number): Promise<ExampleContext | undefined> {
    const source = await this.#open()
    const next = await guard(`reading example ${index} of the source`, () => source.next())
    if (next.done && index === 0)
      throw new InputError('reading the example source: it is empty; a run needs at least one example')
    if (next.done) return undefined
    const example = readExample(next.value, index)
    const key = exampleKey(example)
    const earlier = this.#keys.get(key)
    if (earlier !== undefined)
      throw new InputError(
        `reading example ${index} of the source: its key ${key} is that of example ${earlier}; ` +
          'datasetName, split and testIdx together must differ between the examples of a run',
      )
    this.#keys.set(key, index)
    return example
  }
}

const open = (source: ExampleSource): Promise<Opened> =>
  guard('opening the example source', async () => {
    const examples: object = Object(typeof source === 'function' ? await source() : source)
    const iterator =
      Symbol.asyncIterator in examples
        ? (examples as AsyncIterable<ExampleContext>)[Symbol.asyncIterator]()
        : Symbol.iterator in examples
          ? (examples as Iterable<ExampleContext>)[Symbol.iterator]()
          : undefined
    if (!iterator)
      throw new InputError('opening the example source: it must be iterable, or a callable that gives an iterable')
    const length = 'length' in examples && typeof examples.length === 'number' ? examples.length : undefined
    return { next: () => iterator.next(), length }
  })

/** Says what was being done when a source fails; errors about bad input already say it. */
async function guard<T>(doing: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new HarnessError(`${doing}: ${messageOf(cause)}`, { cause })
  }
}
