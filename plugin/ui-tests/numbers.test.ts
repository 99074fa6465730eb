import type { TimelinePoint } from 'lora-harness/protocol'
import { pairedDifference } from 'lora-harness/report'
import { describe, expect, test } from 'vitest'
import { intervalOf, MOST_RESAMPLED, outcomesOf, recentScore, sinceEditOf, subjectOf } from '../src/model/numbers.js'
import { RunStore } from '../src/model/store.js'
import { FIRST_VIEW } from '../src/model/view.js'
import { pointOf, sample } from './page/sample.js'

const pointsOf = (examples: number): TimelinePoint[] => sample(examples).steps.map(pointOf)

function storeOf(lines: Record<string, TimelinePoint[]>, at = 0): RunStore {
  const store = new RunStore('people')
  const branches = Object.keys(lines).map((name, i) => ({
    ...{ name, parent: i === 0 ? null : 'main', at: i === 0 ? 0 : at, skipUpdates: [] },
  }))
  store.apply({ type: 'branches', branches, current: branches.at(-1)!.name })
  for (const [i, points] of Object.values(lines).entries())
    store.apply({ type: 'points', branch: branches[i]!.name, from: branches[i]!.at, points })
  return store
}
const differences = (points: readonly TimelinePoint[]) =>
  points.flatMap(({ chatId, metrics, baselines }) =>
    baselines.base ? [{ chat: chatId, difference: metrics.f1! - baselines.base.f1! }] : [],
  )

describe('numbers of a run', () => {
  test('the difference is that of the library, chats as units', () => {
    const points = pointsOf(200)
    const { mean, low, high, n } = pairedDifference(differences(points))!
    expect(intervalOf(subjectOf(storeOf({ main: points }), FIRST_VIEW))).toEqual({ mean, low, high, n, missing: 0 })
  })

  test('many units take the normal limit of the same interval', () => {
    for (const chatId of [null, 'one'])
      for (const examples of [400, 800]) {
        const points = pointsOf(examples).map(point => ({ ...point, chatId }))
        const ours = intervalOf(subjectOf(storeOf({ main: points }), FIRST_VIEW))!
        const theirs = pairedDifference(differences(points))!
        expect(points.length).toBeGreaterThan(MOST_RESAMPLED)
        expect(ours.mean).toBeCloseTo(theirs.mean, 12)
        // 10,000 resamples place a quantile to about 2.5 % of the half width; twice that, and the shape is not quite normal.
        const tolerance = 0.08 * (theirs.high - theirs.mean)
        expect(Math.abs(ours.low - theirs.low)).toBeLessThan(tolerance)
        expect(Math.abs(ours.high - theirs.high)).toBeLessThan(tolerance)
      }
  })

  test('examples without a baseline are counted, not dropped in silence', () => {
    const points = pointsOf(100).map((point, i) => (i % 10 === 3 ? { ...point, baselines: {} } : point))
    expect(intervalOf(subjectOf(storeOf({ main: points }), FIRST_VIEW))).toMatchObject({ n: 90, missing: 10 })
  })

  test('a branch is compared from where it left, by example key', () => {
    const points = pointsOf(60)
    const better = points.slice(40).map(point => ({ ...point, metrics: { f1: point.metrics.f1! + 0.5 } }))
    const store = storeOf({ main: points, 'main-2': better }, 40)
    const subject = subjectOf(store, { ...FIRST_VIEW, against: ['main'] })
    expect(subject).toMatchObject({ other: 'main', from: 40 })
    // Sums of halves, fifths and fives of tenths in another order: the last bit may differ.
    expect(intervalOf(subject)!.mean).toBeCloseTo(0.5, 12)
    expect(intervalOf(subject)!.n).toBe(20)
  })

  test('nothing scored, nothing to compare with', () => {
    const bare = pointsOf(40).map(point => ({ ...point, metrics: {}, baselines: {} }))
    const subject = subjectOf(storeOf({ main: bare }), FIRST_VIEW)
    expect(subject.metric).toBeNull()
    expect([recentScore(subject.line, null, 50), intervalOf(subject)]).toEqual([null, null])
    expect(intervalOf(subjectOf(storeOf({ main: [] }), FIRST_VIEW))).toBeNull()
  })

  test('the score is the mean of the last ones, outcomes are all', () => {
    const points = pointsOf(200)
    const last = points.slice(-50).map(({ metrics }) => metrics.f1!)
    const mean = last.reduce((sum, score) => sum + score) / 50
    expect(recentScore(points, 'f1', 50)!.mean).toBeCloseTo(mean, 12) // Added in the other direction.
    expect(recentScore(points.slice(0, 7), 'f1', 50)!.n).toBe(7)
    expect(Object.values(outcomesOf(points)).reduce((sum, count) => sum + count)).toBe(200)
    expect(outcomesOf(points).failed).toBe(1)
  })

  test('an edit is judged by as many examples before it as after', () => {
    const scores = [9, 9, 0, 0, 1, 1, 1, 1, 0]
    const points = pointsOf(12)
      .slice(0, 9)
      .map((point, i) => ({ ...point, metrics: { f1: scores[i]! } }))
    const store = storeOf({ main: points })
    expect(sinceEditOf(store, FIRST_VIEW)).toBeNull()
    const swap = { type: 'swap', branch: 'main', time: '', changed: ['finetuneFn'] }
    store.apply({ type: 'event', n: 0, event: { ...swap, index: 1 } })
    store.apply({ type: 'event', n: 1, event: { ...swap, index: 5 } })
    // Before: 9, 0, 0, 1 (mean 2.5, variance 57/3 = 19); after: 1, 1, 1, 0 (0.75, 0.25).
    const half = 1.96 * Math.sqrt((19 + 0.25) / 4)
    expect(sinceEditOf(store, FIRST_VIEW)).toEqual({ edit: 2, index: 5, before: 2.5, after: 0.75, half, n: 4 })
    expect(sinceEditOf(store, FIRST_VIEW, 1)).toMatchObject({ edit: 1, n: 1, before: 9, after: 9 })
  })
})
