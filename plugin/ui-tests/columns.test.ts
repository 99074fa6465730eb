import fc from 'fast-check'
import type { TimelinePoint } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import { runningMean } from '../../src/record/curve.js'
import { Columns, rangeOfScores } from '../src/model/columns.js'

const pointOf = (index: number, f1: number | null, about: Partial<TimelinePoint> = {}): TimelinePoint => ({
  ...{ index, key: `k/${index}`, chatId: null, metrics: f1 === null ? {} : { f1 }, baselines: {} },
  ...{ losses: [], targetLoss: null, outcome: 'updated', finetuneFn: 'c', lora: null },
  ...about,
})
const about = { metric: 'f1', baseline: null, window: 50 }

describe('columns of a line', () => {
  test('their running mean is that of the record, however the examples came', () => {
    const score = fc.option(fc.float({ min: 0, max: 1, noNaN: true }), { nil: null })
    fc.assert(
      fc.property(
        fc.array(score, { maxLength: 700 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(700),
        (all, window, at) => {
          const points = all.map((f1, i) => pointOf(i, f1))
          const line = points.slice(0, at)
          const columns = new Columns(line, { ...about, window })
          columns.catchUp()
          line.push(...points.slice(at))
          columns.catchUp()
          const expected = runningMean(all, window).map(v => v ?? Number.NaN)
          expect(columns.length).toBe(all.length)
          // Stored as float32 (2^-24 of 1), summed in float64.
          for (const [i, mean] of expected.entries())
            expect(columns.adapter.mean[i]).toSatisfy((v: number) =>
              Number.isNaN(mean) ? Number.isNaN(v) : Math.abs(v - mean) < 1e-6,
            )
        },
      ),
      { numRuns: 60 },
    )
  })

  test('hold outcomes, chats, counts and the range of both arms', () => {
    const baselines = { base: { f1: -1 } }
    const line = [
      pointOf(0, 0.5, { chatId: 'a', baselines }),
      pointOf(1, null, { chatId: 'b', outcome: 'failed' }),
      pointOf(2, 2, { chatId: 'a', outcome: 'skipped' }),
    ]
    const columns = new Columns(line, { ...about, baseline: 'base' })
    columns.catchUp()
    expect([...columns.outcome.slice(0, 3)]).toEqual([0, 3, 2])
    expect([...columns.chat.slice(0, 3)]).toEqual([0, 1, 0])
    expect(columns.chats).toEqual(['a', 'b'])
    expect(columns.counts).toEqual({ updated: 1, unchanged: 0, skipped: 1, failed: 1 })
    expect([columns.low, columns.high]).toEqual([-1, 2])
    expect([...columns.base.score.slice(0, 3)]).toEqual([-1, Number.NaN, Number.NaN])
    expect([...columns.values]).toEqual([0.5, 2])
  })

  test('are of one line and one way to look at it', () => {
    const line: TimelinePoint[] = []
    const columns = new Columns(line, about)
    expect(columns.holds(line, { ...about })).toBe(true)
    expect(columns.holds(line, { ...about, window: 20 })).toBe(false)
    expect(columns.holds([], about)).toBe(false)
  })
})

describe('the range of the upright axis', () => {
  test('is 0 to 1 for what lies within it', () => {
    expect(rangeOfScores(null, 0.2, 0.4)).toEqual([0, 1])
    expect(rangeOfScores(null, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toEqual([0, 1])
  })

  test('has a tenth of room around other scores, and none below 0 for scores that are not', () => {
    expect(rangeOfScores(null, 10, 20)).toEqual([9, 21])
    expect(rangeOfScores(null, 0, 20)).toEqual([0, 22])
    expect(rangeOfScores(null, -5, 5)).toEqual([-6, 6])
    expect(rangeOfScores(null, 3, 3)).toEqual([2.7, 3.3])
  })

  test('stays while it holds what comes, and grows on the side where it must', () => {
    expect(rangeOfScores([9, 21], 12, 20)).toEqual([9, 21])
    expect(rangeOfScores([0, 1], 0, 2)).toEqual([0, 2.2])
    expect(rangeOfScores([0, 1], -1, 1)).toEqual([-1.2, 1])
  })
})
