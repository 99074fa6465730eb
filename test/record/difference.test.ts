import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json, Step } from '../../src/protocol/index.js'
import { firstDifference, firstDifferentStep, sameStep } from '../../src/record/difference.js'
import { stepOf } from '../report/sample.js'

describe('firstDifference', () => {
  test('names of runs and branches and wall time do not count', () => {
    const other = stepOf(3, {
      runId: 'another',
      branch: 'branch-1',
      startedAt: '2027-01-01T00:00:00.000Z',
      ms: { retrieve: 9, infer: 9, evaluate: 9, finetune: 9, record: 9 },
    })
    expect(sameStep(stepOf(3), other)).toBe(true)
  })

  test.each<[string, Partial<Step>, unknown, unknown]>([
    ['response', { response: 'other' }, 'answer 3', 'other'],
    ['metrics.f1', { metrics: { f1: 1e-16 } }, 0, 1e-16],
    ['metrics["token f1"]', { metrics: { f1: 0, 'token f1': 1 } }, undefined, 1],
    ['metrics.f1', { metrics: {} }, 0, undefined],
    ['updatedLora', { updatedLora: { identifier: 'x' } }, null, { identifier: 'x' }],
    ['messages[0].content', { messages: [{ role: 'user', content: '' }] }, 'Question 3?', ''],
    ['losses[0]', { losses: [1] }, undefined, 1],
    ['details.golden_answer', { details: { golden_answer: ['blue'] } }, 'blue', ['blue']],
    ['baselines.base.metrics.f1', { baselines: { base: { response: 'no idea', metrics: { f1: 1 } } } }, 0, 1],
    ['outcome.reason', { outcome: { kind: 'unchanged', reason: 'x' } }, undefined, 'x'],
  ])('%s', (path, about, a, b) => {
    expect(firstDifference(stepOf(3), stepOf(3, about))).toEqual({ path, a, b })
  })

  test('gives the cause before its effects', () => {
    const about = { response: 'x', metrics: { f1: 1 }, retrievedLora: { identifier: 'other' } }
    expect(firstDifference(stepOf(0), stepOf(0, about))!.path).toBe('retrievedLora')
  })

  test('fields that are named do not count', () => {
    const callables = { retrieveLoraFn: 'x', inferenceFn: 'y', finetuneFn: 'z' }
    expect(firstDifference(stepOf(0), stepOf(0, { callables }))!.path).toBe('callables.retrieveLoraFn')
    expect(firstDifference(stepOf(0), stepOf(0, { callables }), ['callables'])).toBeNull()
  })

  test('agrees with equality of the JSON, for any details', () => {
    const json = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
    fc.assert(
      fc.property(json, json, (a, b) => {
        const [x, y] = [a, b].map(details => stepOf(0, { details: JSON.parse(JSON.stringify(details)) }))
        expect(sameStep(x!, x!)).toBe(true)
        expect(sameStep(x!, structuredClone(x!))).toBe(true)
        expect(sameStep(x!, y!)).toBe(sorted(x!.details) === sorted(y!.details))
      }),
    )
  })
})

/** JSON with the keys of every object in order. */
const sorted = (value: Json): string =>
  JSON.stringify(value, (_, v) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  )

describe('firstDifferentStep', () => {
  const steps = [0, 1, 2, 3].map(i => stepOf(i))

  test('null for equal runs', () => {
    expect(firstDifferentStep(steps, structuredClone(steps))).toBeNull()
    expect(firstDifferentStep([], [])).toBeNull()
  })

  test('the first position, not a later one', () => {
    const other = steps.with(3, stepOf(3, { response: 'y' })).with(2, stepOf(2, { response: 'x' }))
    expect(firstDifferentStep(steps, other)).toEqual({ position: 2, path: 'response', a: 'answer 2', b: 'x' })
  })

  test('where one ends', () => {
    expect(firstDifferentStep(steps, steps.slice(0, 2))).toEqual({
      position: 2,
      path: '',
      a: 'people/train/2',
      b: undefined,
    })
  })
})
