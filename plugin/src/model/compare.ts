import type { TimelinePoint } from 'lora-harness/protocol'
import { type Interval, intervalOf } from './numbers.js'
import { baselineScoreOf, scoreOf } from './shown.js'

/** What the examples that are looked at are compared with. */
export type Other = { branch: string; line: readonly TimelinePoint[] } | { baseline: string }

/** An example that both have. */
export interface Pair {
  point: TimelinePoint
  /** The same example of the other branch; the same point where a baseline is compared with. */
  other: TimelinePoint
}

export interface Joined {
  pairs: Pair[]
  /** Examples from before the branches parted: they are the same. */
  shared: number
  /** Examples that only one has. */
  unmatched: { here: TimelinePoint[]; there: TimelinePoint[] }
}

/** Pairs examples by key; of several with one key the last counts. */
export function join(line: readonly TimelinePoint[], other: Other): Joined {
  if ('baseline' in other) {
    const has = (point: TimelinePoint) => Object.hasOwn(point.baselines, other.baseline)
    const pairs = line.filter(has).map(point => ({ point, other: point }))
    return { pairs, shared: 0, unmatched: { here: line.filter(point => !has(point)), there: [] } }
  }
  const here = new Map(line.map(point => [point.key, point]))
  const there = new Map(other.line.map(point => [point.key, point]))
  const both = [...here.values()].flatMap(point => {
    const found = there.get(point.key)
    return found ? [{ point, other: found }] : []
  })
  const pairs = both.filter(pair => pair.point !== pair.other)
  return {
    pairs,
    shared: both.length - pairs.length,
    unmatched: {
      here: [...here.values()].filter(({ key }) => !there.has(key)),
      there: [...there.values()].filter(({ key }) => !here.has(key)),
    },
  }
}

/** Score of the other side of a pair. */
export const otherScoreOf = ({ other }: Pair, what: Other, metric: string | null): number | null =>
  'baseline' in what ? baselineScoreOf(other, what.baseline, metric) : scoreOf(other, metric)

/** What is looked at minus the other; null unless both are scored. */
export function pairDifference(pair: Pair, what: Other, metric: string | null): number | null {
  const [here, there] = [scoreOf(pair.point, metric), otherScoreOf(pair, what, metric)]
  return here === null || there === null ? null : here - there
}

/** One metric over the pairs that have it on both sides. */
export interface Row {
  metric: string
  means: { here: number; there: number }
  /** What is looked at minus the other. */
  difference: Interval
}

/** Every metric that some pair has on both sides, in the order of their first appearance. */
export function metricRows(pairs: readonly Pair[], what: Other): Row[] {
  const names = new Set(pairs.flatMap(({ point }) => Object.keys(point.metrics)))
  const pairOf = new Map(pairs.map(pair => [pair.point, pair]))
  return [...names].flatMap(metric => {
    const scored = pairs.filter(pair => pairDifference(pair, what, metric) !== null)
    const otherScore = (point: TimelinePoint) => otherScoreOf(pairOf.get(point)!, what, metric)
    const subject = { line: scored.map(({ point }) => point), metric, other: null, otherScore, from: 0 }
    const difference = intervalOf(subject)
    if (!difference) return []
    const here = scored.reduce((sum, { point }) => sum + scoreOf(point, metric)!, 0) / scored.length
    return [{ metric, means: { here, there: here - difference.mean }, difference }]
  })
}

/** Pairs whose score changed, the largest change first. */
export const byScore = (pairs: readonly Pair[], what: Other, metric: string | null): Pair[] =>
  pairs
    .map(pair => ({ pair, size: Math.abs(pairDifference(pair, what, metric) ?? 0) }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size)
    .map(({ pair }) => pair)
