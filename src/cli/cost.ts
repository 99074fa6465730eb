import { mean, median } from 'simple-statistics'
import type { RecordedHarness } from '../record/open.js'
import { plural } from '../report/words.js'
import { aligned, duration, shown, size } from './text.js'

/** Examples that an estimate is made from. */
export const SAMPLE = 5

/** A database grows by whole pages [bytes]. */
const PAGE = 4096

/** What one example took: time [ms], growth of the database and new adapters [bytes]. */
export interface Cost {
  ms: number
  database: number
  adapters: number
}

/**
 * Measures the next examples of a run, SAMPLE at most.
 *
 * @param done called with their costs when there are so many
 * @returns their costs so far
 */
export function measure(harness: RecordedHarness, done?: (costs: readonly Cost[]) => void): readonly Cost[] {
  const { recorder } = harness
  const now = () => ({ ms: performance.now(), database: recorder.bytes })
  const costs: Cost[] = []
  let before = now()
  const end = harness.onStep(({ updatedLora }) => {
    const after = now()
    costs.push({
      ms: after.ms - before.ms,
      database: after.database - before.database,
      adapters: updatedLora ? (recorder.adapter(updatedLora.identifier)?.bytes ?? 0) : 0,
    })
    before = after
    if (costs.length < SAMPLE) return
    end()
    done?.(costs)
  })
  return costs
}

/** Mean size of an example [bytes]. Texts that a record keeps once, such as the source, come with the first. */
function sizes(costs: readonly Cost[]): { database: number; adapters: number; both: number } {
  const database = mean((costs.length > 1 ? costs.slice(1) : costs).map(cost => cost.database))
  const adapters = mean(costs.map(cost => cost.adapters))
  return { database, adapters, both: database + adapters }
}

const seconds = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s` : duration(ms))

/** `2.1 s (median; 1.9 s to 4.0 s)`. */
function timeOf(costs: readonly Cost[]): string {
  const ms = costs.map(cost => cost.ms)
  return `${seconds(median(ms))} (median; ${seconds(Math.min(...ms))} to ${seconds(Math.max(...ms))})`
}

/** What a disk has no room for, if it has not. @param bytes of one example */
const tooSmall = (left: number, bytes: number, free: number): string[] =>
  left * bytes <= free
    ? []
    : [`Warning: there is room for about ${plural(Math.floor(free / bytes), 'example')} like these, not for ${left}.`]

/**
 * A line for a run on its way, and a warning if its disk is too small.
 *
 * @param left examples to come
 * @param free room on the disk [bytes]
 */
export function estimateLines(costs: readonly Cost[], left: number, free: number): string[] {
  const bytes = sizes(costs).both
  return [
    `Estimate from ${plural(costs.length, 'example')}: ${timeOf(costs)} and ${size(bytes)} (mean) each; ` +
      `at that, the other ${left} take about ${duration(left * median(costs.map(cost => cost.ms)))} and ` +
      `${size(left * bytes)}; ${size(free)} are free.`,
    ...tooSmall(left, bytes, free),
  ]
}

export interface EstimateFacts {
  costs: readonly Cost[]
  /** Examples of the whole run; undefined if the source does not tell. */
  total: number | undefined
  /** Time before the first example [ms]. */
  loading: number
  /** Room on the disk [bytes], and the folder that is asked about. */
  free: number
  folder: string
}

/** An estimate, with what it rests on. */
export function estimateText({ costs, total, loading, free, folder }: EstimateFacts): string {
  const { database, adapters, both } = sizes(costs)
  const n = costs.length
  const made = costs.filter(cost => cost.adapters > 0).length
  const left = total === undefined ? undefined : Math.max(0, total - n)
  const spent = costs.reduce((sum, cost) => sum + cost.ms, 0)
  const whole =
    left === undefined
      ? 'not known: the source does not tell how many examples it has'
      : left === 0
        ? `${seconds(loading + spent)}: these were all examples`
        : `about ${duration(loading + spent + left * median(costs.map(cost => cost.ms)))} for ${total} examples: ` +
          `what these took, and the median for each of the other ${left}`
  const grown = database < PAGE ? `under ${size(PAGE)}` : size(database)
  const rows = [
    ['example', timeOf(costs)],
    ['before the first', seconds(loading)],
    ['whole run', whole],
    [
      'disk',
      `${size(both)} an example (mean): database ${grown}, adapters ${size(adapters)} (${made} of ${n} made one)`,
    ],
    ...(left ? [['', `about ${size((left + n) * both)} for ${total} examples, if the others are like these`]] : []),
    ['free', `${size(free)} on the disk of ${shown(folder)}`],
  ]
  return [aligned(rows, ['left', 'left']), ...(left ? tooSmall(left + n, both, free) : [])].join('\n')
}
