import type { TimelinePoint } from 'lora-harness/protocol'
import { pairedDifference } from 'lora-harness/report'
import { baselineOf, baselineScoreOf, branchOf, lineOf, marksOf, metricOf, type Run, scoreOf } from './shown.js'
import type { OutcomeKind, ViewState } from './view.js'

/** Pairs under which no verdict is given, as in the report. */
export const ENOUGH = 20
/** Units up to which intervals are resampled as in the report: a million draws, about 15 ms. */
export const MOST_RESAMPLED = 100

/** A mean difference with its 95 % interval. */
export interface Interval {
  mean: number
  low: number
  high: number
  /** Pairs of examples. */
  n: number
  /** Examples that have a score and nothing to compare it with. */
  missing: number
}

/** What the numbers are about: differences are score minus that of `other` on the same examples. */
export interface Subject {
  line: readonly TimelinePoint[]
  metric: string | null
  /** Name of what is compared with. */
  other: string | null
  /** What that is. */
  against: 'baseline' | 'branch'
  otherScore: (point: TimelinePoint) => number | null
  /** Index of the first example that can differ. */
  from: number
}

/** What a view's numbers are about. Branches are compared by example key after they part. */
export function subjectOf(run: Run, view: ViewState): Subject {
  const line = lineOf(run, view)
  const metric = metricOf(run, view)
  const branch = view.against.find(name => name !== branchOf(run, view) && run.branches.some(b => b.name === name))
  if (branch === undefined) {
    const other = baselineOf(run, view)
    const otherScore = (point: TimelinePoint) => baselineScoreOf(point, other, metric)
    return { line, metric, other, against: 'baseline', otherScore, from: 0 }
  }
  const theirs = run.line(branch)
  let from = 0
  while (from < line.length && line[from] === theirs[from]) from++
  let scores: Map<string, number | null> | undefined
  const otherScore = ({ key }: TimelinePoint) => {
    scores ??= new Map(theirs.slice(from).map(point => [point.key, scoreOf(point, metric)]))
    return scores.get(key) ?? null
  }
  return { line, metric, other: branch, against: 'branch', otherScore, from }
}

/** Mean of the last `window` scores before example `end`, and of how many; null if nothing is scored. */
export function recentScore(
  line: readonly TimelinePoint[],
  metric: string | null,
  window: number,
  end = line.length,
): { mean: number; n: number } | null {
  let [total, n] = [0, 0]
  for (let i = end - 1; i >= 0 && n < window; i--) {
    const score = scoreOf(line[i]!, metric)
    if (score === null) continue
    total += score
    n++
  }
  return n === 0 ? null : { mean: total / n, n }
}

export function outcomesOf(line: readonly TimelinePoint[]): Record<OutcomeKind, number> {
  const counts = { updated: 0, unchanged: 0, skipped: 0, failed: 0 }
  for (const { outcome } of line) counts[outcome]++
  return counts
}

/**
 * Difference over the same examples with its 95 % interval, chats as units. Up to MOST_RESAMPLED units by the report's
 * bootstrap; beyond that by the normal limit of the same bootstrap, mean ± 1.96·√Σ(s_g − m·n_g)²/N with s_g the sum and
 * n_g the size of unit g, m the mean and N the number of pairs (Cochran 1977, section 6.3), which takes linear time.
 *
 * @returns null if there is no pair
 */
export function intervalOf({ line, metric, otherScore, from }: Omit<Subject, 'other' | 'against'>): Interval | null {
  const pairs: { chat: string | null; difference: number }[] = []
  let missing = 0
  for (const point of line.slice(from)) {
    const score = scoreOf(point, metric)
    if (score === null) continue
    const other = otherScore(point)
    if (other === null) missing++
    else pairs.push({ chat: point.chatId, difference: score - other })
  }
  const groups = new Map<string | number, { sum: number; count: number }>()
  for (const [i, { chat, difference }] of pairs.entries()) {
    const group = groups.get(chat ?? i)
    if (group) {
      group.sum += difference
      group.count++
    } else groups.set(chat ?? i, { sum: difference, count: 1 })
  }
  // Where there are not two chats to choose from, single examples are the units, as in `pairedDifference`.
  const units = groups.size > 1 ? [...groups.values()] : pairs.map(({ difference }) => ({ sum: difference, count: 1 }))
  if (units.length <= MOST_RESAMPLED) {
    const resampled = pairedDifference(pairs)
    return resampled && { mean: resampled.mean, low: resampled.low, high: resampled.high, n: pairs.length, missing }
  }
  const mean = pairs.reduce((sum, { difference }) => sum + difference, 0) / pairs.length
  const spread = Math.sqrt(units.reduce((sum, unit) => sum + (unit.sum - mean * unit.count) ** 2, 0))
  const half = (1.96 * spread) / pairs.length
  return { mean, low: mean - half, high: mean + half, n: pairs.length, missing }
}

/** What came after an edit against as many examples before it. */
export interface SinceEdit {
  /** Number of the edit in the run, from 1. */
  edit: number
  index: number
  /** Mean scores. */
  before: number
  after: number
  /** Half of the 95 % interval 1.96·√(s_b²/n + s_a²/n); the examples differ, so it is not paired. */
  half: number
  /** Examples on each side. */
  n: number
}

/** What an edit of a line did, the last one by default; null if there is none, or nothing scored on one side of it. */
export function sinceEditOf(run: Run, view: ViewState, edit: number | null = null): SinceEdit | null {
  const line = lineOf(run, view)
  const metric = metricOf(run, view)
  const mark = marksOf(run, branchOf(run, view)).findLast(
    mark => mark.kind === 'edit' && (edit === null || mark.n === edit),
  )
  if (mark?.kind !== 'edit') return null
  const scored = (points: readonly TimelinePoint[]) => points.flatMap(point => scoreOf(point, metric) ?? [])
  const [before, after] = [scored(line.slice(0, mark.index)), scored(line.slice(mark.index))]
  const n = Math.min(before.length, after.length)
  if (n === 0) return null
  const [b, a] = [spreadOf(before.slice(-n)), spreadOf(after.slice(0, n))]
  const half = 1.96 * Math.sqrt((b.variance + a.variance) / n)
  return { edit: mark.n, index: mark.index, before: b.mean, after: a.mean, half, n }
}

/** Mean and sample variance; the variance of a single value counts as 0. */
function spreadOf(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, variance: values.length > 1 ? squares / (values.length - 1) : 0 }
}
