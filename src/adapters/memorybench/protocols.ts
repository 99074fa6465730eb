import { InputError } from '../../errors.js'
import type { ExampleContext } from '../../harness/example.js'
import type { Examples } from '../../harness/feed.js'
import type { LoRAHarnessOptions } from '../../harness/options.js'
import { shuffled } from '../../harness/shuffle.js'
import { random, seedOf, shuffle } from '../../tensor.js'
import { MemoryBenchExampleSource, type MemoryBenchOptions } from './source.js'

/**
 * MemoryBench's protocols, each as what the loop learns from (`split`, by default the train rows, one after the other,
 * with the recorded dialog that `feedback` names) and the frozen test rows that it is probed with: scored, never
 * trained on.
 *
 * `split: 'test'` learns from the very rows that are probed. It is allowed and not hidden: every such step has a
 * `warning` in its details, and each probe whose answer was trained on is a `leak` in the run's record.
 *
 *     new LoRAHarness({ ...stepwise({ datasetType: 'domain', name: 'Open-Domain', feedback: 'bm25' }), retrieveLoraFn, … })
 */
export type Protocol = Required<Pick<LoRAHarnessOptions, 'exampleSource'>> & {
  probes: NonNullable<LoRAHarnessOptions['probes']>
}

export interface ProtocolOptions extends MemoryBenchOptions {
  /** Of the order in which rows are learned; 42 by default, as in MemoryBench, whose own order it is not. */
  seed?: number
}

/** Rows are learned in batches of so many; 100 by default. */
export interface BatchOptions extends ProtocolOptions {
  batch?: number
}

/** So late that only the end of a run comes. */
const AT_THE_END = Number.MAX_SAFE_INTEGER

/** Off-policy: learn from all train rows, in an order drawn from the seed; probe before and after. */
export const offPolicy = (options: ProtocolOptions): Protocol => ({
  exampleSource: inOrder(options),
  probes: { examples: testRows(options), every: AT_THE_END },
})

/** Stepwise off-policy: the same, probed after every batch. */
export const stepwise = ({ batch = 100, ...options }: BatchOptions): Protocol => ({
  exampleSource: inOrder(options),
  probes: { examples: testRows(options), every: batch },
})

/**
 * On-policy: in each of `steps` (10) steps a batch is drawn anew from the train rows, without repetition within it,
 * and answered by the adapter as it is then; probed after every batch. There are no recorded dialogs: what is learned
 * from is the adapter's own response and its score. A row that is drawn again has the key `12#2`: row 12, second time.
 *
 * @throws InputError when the run begins, if a batch is larger than the number of rows
 */
export function onPolicy({
  steps = 10,
  batch = 100,
  ...options
}: Omit<BatchOptions, 'feedback'> & { steps?: number }): Protocol {
  const exampleSource = async (): Promise<Examples> => {
    const rows: ExampleContext[] = []
    for await (const row of new MemoryBenchExampleSource(options)) rows.push(row)
    if (batch > rows.length)
      throw new InputError(`on-policy steps of ${batch} rows: there are ${rows.length}; \`batch\` must be at most that`)
    const times = new Map<ExampleContext, number>()
    return Array.from({ length: steps }, (_, step) =>
      shuffle([...rows], random(seedOf(options.seed ?? 42, step))).slice(0, batch),
    )
      .flat()
      .map(row => {
        const time = (times.get(row) ?? 0) + 1
        times.set(row, time)
        return time === 1 ? row : { ...row, testIdx: `${row.testIdx}#${time}` }
      })
  }
  return { exampleSource, probes: { examples: testRows(options), every: batch } }
}

/**
 * Train performance: learn as off-policy does, and probe the rows that are learned from. What it measures is memory, so
 * each probe after the first time is a `leak` in the run's record, as it should be.
 */
export const trainPerformance = (options: ProtocolOptions): Protocol => {
  const { feedback: _, ...probed } = options
  return {
    exampleSource: inOrder(options),
    probes: { examples: () => new MemoryBenchExampleSource(probed), every: AT_THE_END },
  }
}

const inOrder =
  ({ seed = 42, ...options }: ProtocolOptions) =>
  (): Promise<ExampleContext[]> =>
    shuffled(() => new MemoryBenchExampleSource(options), seed)

const testRows =
  ({ feedback: _, ...options }: MemoryBenchOptions) =>
  (): Examples =>
    new MemoryBenchExampleSource({ ...options, split: 'test' })
