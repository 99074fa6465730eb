import { binomialDistribution, mean, quantileSorted, sampleStandardDeviation, sum } from 'simple-statistics'
import { HarnessError } from '../errors.js'
import { random } from '../tensor.js'

/** What two arms got on the same example; `chat` null stands for an example that belongs to no chat. */
export interface Pair {
  chat: string | null
  /** Score of one arm minus score of the other. */
  difference: number
}

/** A mean difference with its 95 % interval. */
export interface Difference {
  mean: number
  /** 2.5 % and 97.5 % quantiles of the resampled means. */
  low: number
  high: number
  /** Number of pairs. */
  n: number
  /** What was resampled: whole chats, or single examples where there are not two chats to choose from. */
  unit: 'chat' | 'example'
  /** Number of units. */
  units: number
  /** `few`: under 20 pairs; `none`: the interval includes 0; else the sign of the difference. */
  verdict: 'few' | 'none' | 'better' | 'worse'
}

/** Under this many pairs no verdict is given. */
export const ENOUGH = 20
const RESAMPLES = 10_000

/** Items by key, keys in the order of their first item. (`Map.groupBy` needs Node 21.) */
export function groupBy<T, K>(items: readonly T[], keyOf: (item: T, index: number) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  items.forEach((item, i) => {
    const key = keyOf(item, i)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  })
  return groups
}

/**
 * Mean difference of paired scores, with a percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13).
 *
 * Examples of one chat share an adapter, so they are not independent: whole chats are drawn with replacement and the
 * mean is taken over all their examples. An example without a chat is a unit by itself. With a single chat its examples
 * are the units, and the interval then says nothing about other chats.
 *
 * @param seed the same pairs and seed give the same interval on every machine
 * @returns null if there is no pair
 */
export function pairedDifference(pairs: readonly Pair[], seed = 0): Difference | null {
  if (pairs.length === 0) return null
  const chats = groupBy(pairs, (pair, i) => pair.chat ?? i)
  const unit = chats.size > 1 && chats.size < pairs.length ? 'chat' : 'example'
  const groups = unit === 'chat' ? [...chats.values()] : pairs.map(pair => [pair])
  const sums = groups.map(group => sum(group.map(pair => pair.difference)))
  const counts = groups.map(group => group.length)

  const rng = random(seed)
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let total = 0
    let n = 0
    for (let i = 0; i < groups.length; i++) {
      const drawn = rng.below(groups.length)
      total += sums[drawn]!
      n += counts[drawn]!
    }
    return total / n
  }).sort()

  const low = quantileSorted(means as unknown as number[], 0.025)
  const high = quantileSorted(means as unknown as number[], 0.975)
  const verdict = pairs.length < ENOUGH ? 'few' : low > 0 ? 'better' : high < 0 ? 'worse' : 'none'
  return { mean: sum(sums) / pairs.length, low, high, n: pairs.length, unit, units: groups.length, verdict }
}

/**
 * Two-sided exact sign test: the probability of a split at least as uneven if either side wins with probability 1/2,
 * 2·P(X ≤ min(win, loss)) with X binomial, at most 1. Ties are left out beforehand. 1 if there is neither.
 *
 * @throws HarnessError for a million examples or more
 */
export function signTest(win: number, loss: number): number {
  if (win + loss === 0) return 1
  const density = binomialDistribution(win + loss, 0.5)
  if (!density) throw new HarnessError(`sign test over ${win + loss} examples: they are too many, 999,999 at most`)
  return Math.min(1, 2 * sum(density.slice(0, Math.min(win, loss) + 1)))
}

/** A mean over repeats with its 95 % interval. */
export interface RepeatMean {
  mean: number
  /** mean ± t·s/√n with Student's t of n − 1 degrees of freedom; null for fewer than two values. */
  low: number | null
  high: number | null
  n: number
}

/** 97.5 % quantiles of Student's t for 1 … 30 degrees of freedom (NIST/SEMATECH e-Handbook, section 1.3.6.7.2). */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const

/**
 * Mean of repeats of one experiment, with Student's interval. Beyond 31 values the quantile of 31 is used: at most 4 %
 * too wide.
 *
 * @returns null if there is no value
 */
export function repeatMean(values: readonly number[]): RepeatMean | null {
  const n = values.length
  if (n === 0) return null
  const centre = mean([...values])
  if (n === 1) return { mean: centre, low: null, high: null, n }
  const half = (T[Math.min(n - 1, T.length) - 1]! * sampleStandardDeviation([...values])) / Math.sqrt(n)
  return { mean: centre, low: centre - half, high: centre + half, n }
}
