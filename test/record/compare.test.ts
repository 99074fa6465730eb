import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import type { Step } from '../../src/protocol/index.js'
import { compareSteps } from '../../src/record/compare.js'
import { sampleSteps, stepOf } from '../report/sample.js'

/** Steps of one chat with these scores. */
const scored = (...f1: number[]): Step[] => f1.map((value, i) => stepOf(i, { chatId: 'c', metrics: { f1: value } }))

const anySteps = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 15 }).chain(ids =>
  fc.tuple(
    ...ids.map(id =>
      fc
        .record({
          f1: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
          bleu: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
          response: fc.constantFrom('x', 'y'),
        })
        .map(({ f1, bleu, response }) => {
          const metrics = { ...(f1 === undefined ? {} : { f1 }), ...(bleu === undefined ? {} : { bleu }) }
          // A chat is a property of the example, so it goes with the key.
          return stepOf(id, { chatId: id % 5 === 0 ? null : `chat-${id % 3}`, metrics, response })
        }),
    ),
  ),
)

describe('compareSteps', () => {
  test('a run against itself: no difference, anywhere', () => {
    fc.assert(
      fc.property(anySteps, steps => {
        const found = compareSteps(steps, structuredClone(steps))
        expect(found).toMatchObject({ pairs: steps.length, unmatched: { a: 0, b: 0 }, callables: [], first: null })
        expect(found.changes).toEqual({ scores: 0, responses: 0, examples: [] })
        for (const { difference } of found.metrics)
          expect([difference.mean, difference.low, difference.high]).toEqual([0, 0, 0])
        for (const { win, loss, signTest, means } of [...found.metrics, ...found.chats]) {
          expect([win, loss, signTest]).toEqual([0, 0, 1])
          expect(means.a).toBe(means.b)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('B against A is A against B turned round', () => {
    fc.assert(
      fc.property(anySteps, anySteps, (a, b) => {
        fc.pre(a.some(step => b.some(other => other.key === step.key)))
        const [there, back] = [compareSteps(a, b), compareSteps(b, a)]
        expect(back.unmatched).toEqual({ a: there.unmatched.b, b: there.unmatched.a })
        expect(back.first?.position).toBe(there.first?.position)
        expect(back.changes.scores).toBe(there.changes.scores)
        const others = new Map(back.metrics.map(m => [m.metric, m]))
        for (const { metric, difference, win, tie, loss, signTest } of there.metrics) {
          const turned = others.get(metric)!
          expect(turned).toMatchObject({ win: loss, tie, loss: win, signTest })
          // Rounding of sums of at most 15 numbers up to 1.
          expect(turned.difference.mean).toBeCloseTo(-difference.mean, 13)
          expect(turned.difference.low).toBeCloseTo(-difference.high, 13)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('the interval holds the mean, and is the same whatever the order of the examples', () => {
    const a = sampleSteps(8, 14, 1)
    const b = sampleSteps(8, 14, 2)
    const { difference } = compareSteps(a, b).metrics[0]!
    expect(difference).toMatchObject({ n: 112, unit: 'chat', units: 8 })
    expect(difference.low).toBeLessThanOrEqual(difference.mean)
    expect(difference.high).toBeGreaterThanOrEqual(difference.mean)
    expect(compareSteps(a.toReversed(), b).metrics[0]!.difference).toEqual(difference)
    expect(compareSteps(a, b, { seed: 1 }).metrics[0]!.difference.low).not.toBe(difference.low)
  })

  test('pairs by key and counts what has no partner', () => {
    const a = scored(0, 0.5, 1)
    const b = [...scored(9, 0.75, 0.5).slice(1), stepOf(7, { metrics: { f1: 1 } })]
    const found = compareSteps(a, b)
    expect(found).toMatchObject({ pairs: 2, unmatched: { a: 1, b: 1 } })
    expect(found.metrics[0]).toMatchObject({
      metric: 'f1',
      means: { a: 0.75, b: 0.625 },
      difference: { mean: -0.125, n: 2, verdict: 'few' },
      win: 1,
      tie: 0,
      loss: 1,
      signTest: 1,
    })
  })

  test('every metric that both have, the headline first; an example without it does not count', () => {
    const a = [stepOf(0, { metrics: { bleu: 0, f1: 0 } }), stepOf(1, { metrics: { f1: 0, own: 1 } })]
    const b = [stepOf(0, { metrics: { bleu: 1, f1: 1 } }), stepOf(1, { metrics: { f1: 1, other: 1 } })]
    expect(compareSteps(a, b).metrics.map(m => [m.metric, m.difference.n])).toEqual([
      ['f1', 2],
      ['bleu', 1],
    ])
    expect(compareSteps(a, b, { metric: 'bleu' }).metrics.map(m => m.metric)).toEqual(['bleu'])
    expect(() => compareSteps(a, b, { metric: 'own' })).toThrow(
      'comparing runs by own: no example has it in both; both have f1, bleu',
    )
  })

  test('by chat, and by category where the scorer gives one', () => {
    const step = (i: number, f1: number, category?: string) =>
      stepOf(i, { chatId: i < 2 ? 'x' : null, metrics: { f1 }, details: category ? { category } : {} })
    const a = [step(0, 0, '1'), step(1, 0, '2'), step(2, 1)]
    const b = [step(0, 1, '1'), step(1, 1, '2'), step(2, 0)]
    const brief = (groups: { group: string | null; n: number; means: { a: number; b: number } }[]) =>
      groups.map(({ group, n, means }) => [group, n, means.b - means.a])
    const found = compareSteps(a, b)
    expect(brief(found.chats)).toEqual([
      ['x', 2, 1],
      [null, 1, -1],
    ])
    expect(brief(found.categories)).toEqual([
      ['1', 1, 1],
      ['2', 1, 1],
      [null, 1, -1],
    ])
    expect(brief(compareSteps(a, b, { by: s => s.key.at(-1)! }).categories)).toHaveLength(3)
    expect(compareSteps(scored(0), scored(1)).categories).toEqual([])
  })

  test('examples that changed most: by the difference, then other answers', () => {
    const a = scored(0.5, 0.5, 0.5, 0.5, 0.5)
    const b = scored(0.5, 0.75, 0.5, 0, 0.5).with(2, { ...scored(0.5, 0.5, 0.5)[2]!, response: 'other' })
    const { changes } = compareSteps(a, b)
    expect(changes).toMatchObject({ scores: 2, responses: 1 })
    expect(changes.examples.map(e => [e.index.a, e.difference])).toEqual([
      [3, -0.5],
      [1, 0.25],
      [2, 0],
    ])
    expect(compareSteps(a, b, { most: 1 }).changes.examples).toHaveLength(1)
  })

  test('where the two part, and which callables differ', () => {
    const callables = { ...stepOf(0).callables, finetuneFn: 'other' }
    const a = scored(0, 0, 0)
    const b = a.map((step, i) => ({ ...step, seed: 99, callables, ...(i < 2 ? {} : { response: 'other' }) }))
    const found = compareSteps(a, b)
    expect(found.callables).toEqual(['finetuneFn'])
    expect(found.first).toEqual({
      position: 2,
      path: 'response',
      a: 'answer 2',
      b: 'other',
      key: { a: 'people/train/2', b: 'people/train/2' },
    })
    expect(compareSteps(a, a.slice(0, 2)).first).toMatchObject({ position: 2, path: '', b: undefined })
  })

  test('runs without a common example, and without a common metric', () => {
    expect(() => compareSteps(scored(1), [stepOf(5)])).toThrow(InputError)
    expect(() => compareSteps(scored(1), [])).toThrow(
      'comparing runs: no example is in both: the first begins with people/train/0, the second has none',
    )
    const found = compareSteps(scored(1), [stepOf(0, { metrics: {}, response: 'other' })])
    expect(found).toMatchObject({ metrics: [], chats: [], changes: { scores: 0, responses: 1 } })
    expect(found.changes.examples[0]).toMatchObject({ difference: null, score: { a: null, b: null } })
  })
})
