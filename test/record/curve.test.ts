import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/protocol/index.js'
import { armsOf, curvesOf, headline, meanByPosition, runningMean } from '../../src/record/curve.js'
import { processorTime } from '../helpers/measures.js'
import { stepOf } from '../report/sample.js'

const scored = (chats: (string | null)[], f1: number[], base: number[] = []): Step[] =>
  chats.map((chatId, i) =>
    stepOf(i, {
      chatId,
      metrics: { f1: f1[i]! },
      baselines: base[i] === undefined ? {} : { base: { response: '', metrics: { f1: base[i]! } } },
    }),
  )

describe('headline', () => {
  test('is f1 if there is one, else the first metric, else null', () => {
    expect(headline([stepOf(0, { metrics: { rouge: 1, f1: 0 } })])).toBe('f1')
    expect(headline([stepOf(0, { metrics: { rouge: 1, bleu: 0 } })])).toBe('rouge')
    expect(headline([stepOf(0, { metrics: {} })])).toBeNull()
  })
})

describe('runningMean', () => {
  test('over all so far, over a window, over gaps', () => {
    expect(runningMean([1, 0, 0.5, 0.5])).toEqual([1, 0.5, 0.5, 0.5])
    expect(runningMean([1, 0, 1, 1], 2)).toEqual([1, 0.5, 0.5, 1])
    expect(runningMean([null, 1, null, 0], 1)).toEqual([null, 1, 1, 0])
  })

  const scores = fc.array(fc.option(fc.double({ min: -1, max: 1, noNaN: true })), { maxLength: 60 })
  const direct = (values: (number | null)[], window: number) =>
    values.map((_, i) => {
      const known = values.slice(0, i + 1).filter(v => v !== null)
      const last = known.slice(-Math.min(window, known.length))
      return known.length === 0 ? null : last.reduce((a, b) => a + b, 0) / last.length
    })

  test('is the direct mean at each position', () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 70 }), (values, window) => {
        for (const w of [window, Number.POSITIVE_INFINITY]) {
          const [found, right] = [runningMean(values, w), direct(values, w)]
          // At most 60 additions and 60 subtractions of numbers up to 1: 120 roundings of 2^-53 × 60.
          for (const [i, value] of found.entries())
            if (value === null) expect(right[i]).toBeNull()
            else expect(Math.abs(value - right[i]!)).toBeLessThan(1e-12)
        }
      }),
    )
  })

  test('obeys the recursion of the prequential mean: P(i) = P(i−1) + (s(i) − P(i−1)) / i', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 }), values => {
        let recursive = 0
        for (const [i, found] of runningMean(values).entries()) {
          recursive += (values[i]! - recursive) / (i + 1)
          expect(Math.abs(found! - recursive)).toBeLessThan(1e-13) // As above, with means up to 1.
        }
      }),
    )
  })
})

test('mean by position in the chat', () => {
  const steps = scored(['a', 'b', 'a', 'a'], [1, 0, 1, 0.5])
  expect(meanByPosition(steps, armsOf(steps, 'f1')[0]!.scores)).toEqual([0.5, 1, 0.5])
})

describe('curvesOf', () => {
  test('adapter and each baseline, after each step and over a window', () => {
    const { metric, window, curves } = curvesOf(scored([null, null, null], [0, 1, 1], [0, 0, 0.5]), { window: 2 })
    expect([metric, window]).toEqual(['f1', 2])
    expect(curves).toEqual([
      { name: 'adapter', scores: [0, 1, 1], soFar: [0, 0.5, 2 / 3], recent: [0, 0.5, 1] },
      { name: 'base', scores: [0, 0, 0.5], soFar: [0, 0, 0.5 / 3], recent: [0, 0, 0.25] },
    ])
  })

  test('first and last third of each chat; a chat of one example has none, one of two its two examples', () => {
    const chats = ['a', 'b', 'a', 'c', 'a', 'b', 'a', 'a', 'a']
    const { chats: found } = curvesOf(scored(chats, [0, 0.25, 0.5, 1, 1, 0.75, 1, 0.5, 1]))
    const ends = found.map(({ chat, examples, arms }) => [chat, examples, arms[0]!.first, arms[0]!.last])
    // Chat a: 0, 0.5 | 1, 1 | 0.5, 1.
    expect(ends).toEqual([
      ['a', 6, 0.25, 0.75],
      ['b', 2, 0.25, 0.75],
      ['c', 1, null, null],
    ])
  })

  test('nothing scored, another metric', () => {
    expect(curvesOf([stepOf(0, { metrics: {}, baselines: {} })])).toMatchObject({ metric: null, curves: [] })
    const steps = [stepOf(0, { metrics: { f1: 0, bleu: 1 } })]
    expect(curvesOf(steps, { metric: 'bleu' }).curves[0]!.soFar).toEqual([1])
  })

  test('reads each step a fixed number of times, however many there are', () => {
    /** Reads of chatId and metrics per step. */
    const readsPerStep = (n: number) => {
      let reads = 0
      const steps = Array.from({ length: n }, (_, i) => {
        const { chatId: _c, metrics: _m, ...step } = stepOf(i)
        return {
          ...step,
          get chatId() {
            reads++
            return `chat-${i % 10}`
          },
          get metrics() {
            reads++
            return { f1: i % 2 }
          },
        }
      })
      const { curves } = curvesOf(steps)
      meanByPosition(steps, curves[0]!.scores)
      return reads / n
    }
    expect(readsPerStep(10_000)).toBe(readsPerStep(100))
  })

  test('100,000 steps take about ten times as long as 10,000', () => {
    const time = (n: number) => {
      const values = Array.from({ length: n }, (_, i) => (i % 7) / 7)
      const steps = scored(Array(n).fill('one chat'), values, values)
      const once = () => processorTime(() => meanByPosition(steps, curvesOf(steps).curves[0]!.scores))
      return Math.min(once(), once(), once()) // The least disturbed of three.
    }
    // Quadratic work would take a hundred times as long. What lies between is left to caches and a busy machine.
    expect(time(100_000) / time(10_000)).toBeLessThan(40)
  })
})
