import { describe, expect, test } from 'vitest'
import { sampleSteps, stepOf } from '../../test/report/sample.js'
import { byScore, join, metricRows, pairDifference } from '../src/model/compare.js'
import { pointOf } from './page/sample.js'

const steps = sampleSteps(4, 50)
const main = steps.map(pointOf)

describe('compare', () => {
  test('with a baseline: every example that has it', () => {
    const without = pointOf(stepOf(200, { baselines: {} }))
    const joined = join([...main, without], { baseline: 'base' })
    expect(joined.pairs).toHaveLength(200)
    expect(joined.unmatched).toEqual({ here: [without], there: [] })
    const [row] = metricRows(joined.pairs, { baseline: 'base' })
    const mean = (of: number[]) => of.reduce((a, b) => a + b, 0) / of.length
    expect(row!.means.here).toBeCloseTo(mean(steps.map(step => step.metrics.f1!)), 12)
    expect(row!.means.there).toBeCloseTo(mean(steps.map(step => step.baselines.base!.metrics.f1!)), 12)
    expect(row!.difference.low).toBeLessThan(row!.difference.mean)
    expect(row!.difference.n).toBe(200)
  })

  test('with a branch: by key; what is shared is left out and counted, what only one has is told', () => {
    // Leaves after 100, runs its examples in another order, and has two of its own instead of two of main's.
    const own = steps
      .slice(100, 198)
      .toReversed()
      .map((step, i) => pointOf({ ...step, index: 100 + i, metrics: { f1: 1 } }))
    const extra = [198, 199].map(index => pointOf(stepOf(index, { key: `new/${index}` })))
    const line = [...main.slice(0, 100), ...own, ...extra]
    const other = { branch: 'main', line: main }
    const joined = join(line, other)
    expect(joined.shared).toBe(100)
    expect(joined.pairs).toHaveLength(98)
    expect(joined.pairs.every(({ point, other: there }) => point.key === there.key)).toBe(true)
    expect(joined.unmatched.here.map(({ key }) => key)).toEqual(['new/198', 'new/199'])
    expect(joined.unmatched.there.map(({ index }) => index)).toEqual([198, 199])
    const changed = byScore(joined.pairs, other, 'f1')
    expect(changed.length).toBe(steps.slice(100, 198).filter(step => step.metrics.f1 !== 1).length)
    const sizes = changed.map(pair => pairDifference(pair, other, 'f1')!)
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  })

  test('metrics may be called anything; one that only one side has is no row', () => {
    const metrics = JSON.parse('{"__proto__":1,"constructor":2,"f1":0}')
    const baselines = JSON.parse('{"__proto__":{"response":"","metrics":{"__proto__":0.5,"f1":1}}}')
    const line = [pointOf(stepOf(0, { metrics, baselines }))]
    const other = { baseline: '__proto__' }
    // pointOf keeps what JSON calls __proto__ as a field.
    line[0]!.baselines = JSON.parse('{"__proto__":{"__proto__":0.5,"f1":1}}')
    const { pairs } = join(line, other)
    expect(metricRows(pairs, other).map(({ metric, difference }) => [metric, difference.mean])).toEqual([
      ['__proto__', 0.5],
      ['f1', -1],
    ])
    expect(metricRows([], other)).toEqual([])
  })
})
