import { InputError } from '../../errors.js'
import type { ExampleContext } from '../../harness/example.js'
import { readSet } from './files.js'
import { exampleOf, LOCOMO, type LocomoRecord, parseRecord } from './record.js'

export interface MemoryBenchOptions {
  /** Only `single` so far: every domain and task contains sets that are not supported yet. */
  datasetType: 'single' | 'domain' | 'task'
  /** One set or several, such as `Locomo-0`; they follow one another. */
  name: string | readonly string[]
  /** `train` by default; `all` is train, then test. */
  split?: 'train' | 'test' | 'all'
  /** At most so many examples of each set, from its beginning. */
  limitPerDataset?: number
  /** A JSON or JSON Lines file of records, or MemoryBench's folder; by default what MEMORY_BENCH_PATH says. */
  path?: string
  /** The conversation a record belongs to; by default its `dataset_name`. */
  chatId?: (record: LocomoRecord) => string
}

/**
 * Examples of MemoryBench (THUIR/MemoryBench), scored as it scores them. So far the ten LoCoMo sets.
 *
 * @throws InputError if a set is not supported or no path is known; while iterating, if files or records are wrong
 */
export class MemoryBenchExampleSource implements Iterable<ExampleContext> {
  readonly #options: MemoryBenchOptions
  readonly #names: readonly string[]
  readonly #path: string
  #examples: ExampleContext[] | undefined

  constructor(options: MemoryBenchOptions) {
    const { datasetType, name, limitPerDataset, path = process.env.MEMORY_BENCH_PATH } = options
    this.#names = [name].flat()
    const unknown = this.#names.filter(each => datasetType !== 'single' || !LOCOMO.includes(each))
    if (unknown.length > 0 || this.#names.length === 0)
      throw new InputError(
        `opening MemoryBench: ${datasetType} ${unknown.join(', ') || 'without a name'} is not supported yet; ` +
          `supported, with datasetType 'single': ${LOCOMO.join(', ')}`,
      )
    if (limitPerDataset !== undefined && !(Number.isInteger(limitPerDataset) && limitPerDataset > 0))
      throw new InputError(`opening MemoryBench: limitPerDataset is ${limitPerDataset}; it must be a positive integer`)
    if (!path)
      throw new InputError(
        'opening MemoryBench: give `path`, or set MEMORY_BENCH_PATH, to a file of records or its folder',
      )
    this.#path = path
    this.#options = options
  }

  [Symbol.iterator](): Iterator<ExampleContext> {
    this.#examples ??= this.#names.flatMap(name => this.#read(name))
    return this.#examples.values()
  }

  get length(): number {
    return [...this].length
  }

  #read(name: string): ExampleContext[] {
    const { split = 'train', limitPerDataset, chatId = record => record.dataset_name } = this.#options
    const ofSet = readSet(this.#path, name)
      .filter(({ value }) => !hasOtherName(value, name))
      .map(({ value, where, split: ofFile }) => {
        const record = parseRecord(value, where)
        const known = ofFile ?? record.split
        if (!known) throw new InputError(`${where}: no split; it must be "train" or "test"`)
        return { record: { ...record, split: known }, where }
      })
    const splits = split === 'all' ? ['train', 'test'] : [split]
    const wanted = splits.flatMap(each => ofSet.filter(({ record }) => record.split === each)).slice(0, limitPerDataset)
    if (wanted.length === 0)
      throw new InputError(`reading ${name} from ${this.#path}: no records of split ${split}, ${ofSet.length} of any`)
    return wanted.map(({ record, where }) => exampleOf(record, chatId(record), where))
  }
}

/** Rows of other sets are passed over unread; one without a name is an error of its own. */
function hasOtherName(row: unknown, name: string): boolean {
  const other = (Object(row) as { dataset_name?: unknown }).dataset_name
  return typeof other === 'string' && other !== name
}
