import type { Metrics, Outcome, TimelinePoint } from '../../protocol/index.js'
import { headline, mean, ownValue } from '../../record/curve.js'
import { lineOf } from '../../record/line.js'
import type { RunRecord } from '../../record/record.js'

/** The scores of one arm, one for each example; null where it has none. */
export interface Scores {
  name: string
  scores: (number | null)[]
}

/** What a timeline draws. Positions count from 0, as a step's index does. */
export interface TimelineData {
  branch: string
  /** null if nothing was scored. */
  metric: string | null
  outcomes: Outcome['kind'][]
  adapter: Scores
  baselines: Scores[]
  /**
   * Other branches over their whole line, if they have examples of their own; what lies before `at` is drawn with the
   * branch they share it with. `leaves`: it is this one.
   */
  others: (Scores & { at: number; leaves: boolean })[]
  /** Before which examples a callable was edited. */
  edits: number[]
  /** Mean score of the probes before example `at`. */
  probes: { at: number; score: number }[]
}

/** What `timelineOf` reads of a run. */
export type TimelineSource = Pick<RunRecord, 'branches' | 'current' | 'timeline' | 'events' | 'probings'>

/**
 * What a timeline draws of a branch of a run, in time and memory linear in its examples.
 *
 * @param branch the current one by default
 * @param metric the headline metric by default
 * @throws InputError if there is no such branch
 */
export function timelineOf(
  record: TimelineSource,
  { branch = record.current, metric }: { branch?: string | undefined; metric?: string | undefined } = {},
): TimelineData {
  const points = record.timeline(branch)
  const name = metric ?? headline(points)
  const scoreIn = (metrics: Metrics | undefined) => (name === null ? null : (ownValue(metrics, name) ?? null))
  const scored = (of: readonly TimelinePoint[]) => of.map(({ metrics }) => scoreIn(metrics))
  const baselines = [...new Set(points.flatMap(point => Object.keys(point.baselines)))]
  const line = lineOf(record, branch)
  return {
    branch,
    metric: name,
    outcomes: points.map(({ outcome }) => outcome),
    adapter: { name: 'adapter', scores: scored(points) },
    baselines: baselines.map(name => ({ name, scores: points.map(point => scoreIn(ownValue(point.baselines, name))) })),
    others: record.branches.flatMap(other => {
      if (other.name === branch) return []
      const left = leftAt(record, branch, other.name)
      const at = Math.max(left, other.at)
      const scores = scored(record.timeline(other.name))
      return scores.length > at ? [{ name: other.name, at, leaves: at === left, scores }] : []
    }),
    edits: record
      .events()
      .filter(event => event.type === 'swap' && line.some(part => part.name === event.branch && event.index < part.end))
      .map(({ index }) => index)
      .sort((a, b) => a - b),
    probes: record.probings(branch).flatMap(({ at, probes }) => {
      const score = mean(probes.map(({ metrics }) => scoreIn(metrics)))
      return score === null ? [] : [{ at, score }]
    }),
  }
}

/** The first index that two branches do not share. */
export function leftAt(record: Pick<RunRecord, 'branches'>, a: string, b: string): number {
  const [one, other] = [lineOf(record, a), lineOf(record, b)]
  let at = 0
  for (const [i, part] of one.entries()) {
    if (other[i]?.name !== part.name) break
    at = Math.min(part.end, other[i]!.end)
  }
  return at
}
