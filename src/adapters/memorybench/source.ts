import { InputError } from '../../errors.js'
import type { Evaluation, ExampleContext } from '../../harness/example.js'
import { type EvaluateOptions, evaluateSingle } from './evaluate.js'
import { feedbackColumns } from './feedback.js'
import { readSet, SPLITS, type Split } from './files.js'
import { ensurePart, localPart, rowsOf } from './hub.js'
import { COLUMNS, exampleOf, type MemoryBenchRecord, parseRecord } from './record.js'
import { type DatasetType, type MemoryBenchSet, setsOf } from './sets.js'

export interface MemoryBenchOptions extends Omit<EvaluateOptions, 'signal'> {
  /** Is `name` one of the 28 sets, a domain or a task? */
  datasetType: DatasetType
  /** One or several: `Locomo-0`, `Open-Domain`, `Long-Short`; sets follow one another in the configuration's order. */
  name: string | readonly string[]
  /** `train` by default; `all` is train, then test. */
  split?: Split | 'all'
  /** At most so many examples of each set, from its beginning. */
  limitPerDataset?: number
  /**
   * MemoryBench's folder, a hub id (`THUIR/MemoryBench`), or a JSON or JSON Lines file of records; by default what
   * MEMORY_BENCH_PATH says.
   */
  path?: string
  /** The conversation a record belongs to; by default its `dataset_name`. */
  chatId?: (record: MemoryBenchRecord) => string
  /**
   * The memory system, such as `bm25`, whose dialog with its user each example brings along as `metadata.feedback`
   * (see `feedbackOf`, `likedAnswers`); of sets without a corpus their own dialog. None by default.
   */
  feedback?: string
}

const WARNING =
  'this row is of the test split: once a run learns from it, what that run scores on this split is no test result'

/**
 * Examples of MemoryBench (THUIR/MemoryBench), scored as it scores them. Read as they are asked for: one record batch
 * of an Arrow file is in memory at a time, and of its columns only those that are wanted.
 *
 * `for await` works everywhere and downloads what a hub id lacks on this machine; `for` needs the files to be there.
 *
 * @throws InputError if a set is unknown or no path is given; while iterating, if files or records are wrong
 */
export class MemoryBenchExampleSource implements Iterable<ExampleContext>, AsyncIterable<ExampleContext> {
  readonly #options: MemoryBenchOptions
  readonly #sets: readonly MemoryBenchSet[]
  readonly #path: string
  #length: number | undefined

  constructor(options: MemoryBenchOptions) {
    const { datasetType, name, split = 'train', limitPerDataset, path = process.env.MEMORY_BENCH_PATH } = options
    this.#sets = [name].flat().flatMap(each => setsOf(datasetType, each))
    if (this.#sets.length === 0) throw new InputError('opening MemoryBench: no name is given')
    if (split !== 'all' && !SPLITS.includes(split))
      throw new InputError(`opening MemoryBench: split is ${JSON.stringify(split)}; it must be train, test or all`)
    if (limitPerDataset !== undefined && !(Number.isInteger(limitPerDataset) && limitPerDataset > 0))
      throw new InputError(`opening MemoryBench: limitPerDataset is ${limitPerDataset}; it must be a positive integer`)
    if (!path)
      throw new InputError(
        'opening MemoryBench: give `path`, or set MEMORY_BENCH_PATH, to its folder, a file of records, or the hub id ' +
          'THUIR/MemoryBench',
      )
    this.#path = path
    this.#options = options
  }

  *[Symbol.iterator](): Iterator<ExampleContext> {
    for (const { name } of this.#sets) yield* this.#examples(name, this.#local(name))
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ExampleContext> {
    for (const { name } of this.#sets) yield* this.#examples(name, await ensurePart(this.#path, rowsOf(name)))
  }

  /** How many examples there are; undefined as long as some of them have to be downloaded first. */
  get length(): number | undefined {
    if (
      this.#length === undefined &&
      this.#sets.every(({ name }) => localPart(this.#path, rowsOf(name)) !== undefined)
    ) {
      this.#length = 0
      for (const { name } of this.#sets) for (const _ of this.#rows(name, this.#local(name), [])) this.#length++
    }
    return this.#length
  }

  #local(name: string): string {
    const folder = localPart(this.#path, rowsOf(name))
    if (folder !== undefined) return folder
    throw new InputError(
      `reading ${name} of ${this.#path}: it is not on this machine; \`for await\` over the source downloads it`,
    )
  }

  *#examples(name: string, folder: string): Generator<ExampleContext> {
    const { chatId = record => record.dataset_name, feedback } = this.#options
    const columns = feedback === undefined ? COLUMNS : [...COLUMNS, ...feedbackColumns(feedback)]
    for (const { value, where, split } of this.#rows(name, folder, columns)) {
      const record = { ...parseRecord(value, where), split }
      if (record.dataset_name !== name)
        throw new InputError(`${where}: it is of ${record.dataset_name}, among the files of ${name}`)
      yield exampleOf(record, where, {
        chatId: chatId(record),
        feedback,
        evaluate: (...given) => this.#evaluate(...given),
      })
    }
  }

  /** Rows of the wanted splits, as far as the limit allows. */
  *#rows(name: string, folder: string, columns: readonly string[]) {
    const { split: wanted = 'train', limitPerDataset = Number.POSITIVE_INFINITY } = this.#options
    let [found, seen] = [0, 0]
    for (const split of wanted === 'all' ? SPLITS : [wanted])
      for (const row of readSet(folder, name, split, column => columns.includes(column))) {
        if (found === limitPerDataset) return
        seen++
        const known = row.split ?? (Object(row.value) as { split?: unknown }).split
        if (known !== 'train' && known !== 'test')
          throw new InputError(`${row.where}: no split; it must be "train" or "test"`)
        if (known !== split) continue
        found++
        yield { ...row, split }
      }
    if (found === 0)
      throw new InputError(`reading ${name} from ${folder}: no records of split ${wanted}, ${seen} of any`)
  }

  async #evaluate(
    { dataset_name, split, info }: MemoryBenchRecord,
    prompt: string,
    response: string,
  ): Promise<Evaluation> {
    const { judgeModel, criticModel, bertScore } = this.#options
    const scores = await evaluateSingle(dataset_name, prompt, info, response, { judgeModel, criticModel, bertScore })
    return split === 'test' ? { ...scores, warning: WARNING } : scores
  }
}
