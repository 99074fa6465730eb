import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Adapter } from '../../../src/lora/adapter.js'
import { adapterPath } from '../../../src/lora/analysis/path.js'
import { tensorName } from '../../../src/rules/lora.js'
import { dense, dot, norm, randomAdapter } from '../../helpers/adapters.js'

const made = (seed: number, r = 2) => randomAdapter({ a: { m: 5, n: 4, r }, b: { m: 3, n: 6, r } }, seed)

/** The same adapter with all of its update multiplied: B times a power of two is exact. */
function times(factor: number, { config, tensors }: Adapter): Adapter {
  const scaled = [...tensors].map(
    ([name, { dims, data }]) =>
      [name, { dims, data: name.includes('lora_B') ? data.map(x => factor * x) : data }] as const,
  )
  return { config, tensors: new Map(scaled) }
}

describe('the path of an adapter', () => {
  test('straight away from the base model: all of the way is progress', () => {
    const a = made(1)
    const { steps, length, net, directness } = adapterPath([null, a, times(2, a), times(4, a)])
    const size = Math.hypot(norm(dense(a, 'a')), norm(dense(a, 'b')))
    const found = steps.map(s => [s.norm / size, s.step / size, s.turn, s.onward])
    // Gram matrices of numbers of size 1, in float64.
    for (const [i, wanted] of [
      [1, 1, null, null],
      [2, 1, 1, 1],
      [4, 2, 1, 1],
    ].entries())
      for (const [j, x] of wanted.entries())
        x === null ? expect(found[i]![j]).toBeNull() : expect(found[i]![j]).toBeCloseTo(x, 10)
    expect([length / size, net / size, directness]).toEqual([4, 4, 1].map(x => expect.closeTo(x, 10)))
  })

  test('there and back: no net progress, the second step undoes the first', () => {
    const [a, b] = [made(1), made(2)]
    const { steps, length, net, directness } = adapterPath([a, b, a])
    expect([net, directness]).toEqual([0, 0])
    expect(length).toBeCloseTo(2 * steps[0]!.step, 10)
    expect(steps[1]).toMatchObject({ turn: expect.closeTo(-1, 10), onward: expect.closeTo(-1, 10) })
  })

  test('with an update that changed nothing, or nothing that can be told, has no angle there', () => {
    const a = made(1)
    const b = { ...a, tensors: new Map(a.tensors) }
    const { dims, data } = a.tensors.get(tensorName('a', 'B'))!
    b.tensors.set(tensorName('a', 'B'), { dims, data: data.map((x, i) => (i === 0 ? x * (1 + 2e-7) : x)) })
    const { steps } = adapterPath([null, a, a, b])
    expect(steps.map(s => [s.turn, s.onward])).toEqual([
      [null, null],
      [null, null],
      [null, expect.any(Number)],
    ])
    expect(steps[1]!.step).toBe(0)
    expect(
      steps[2]!.step / (8 * Math.abs(data[0]! * 2e-7) * norm(a.tensors.get(tensorName('a', 'A'))!.data.subarray(0, 4))),
    ).toBeCloseTo(1, 0)
  })

  test('of nothing, or of one adapter, is no path', () => {
    for (const lineage of [[], [null], [made(1)]])
      expect(adapterPath(lineage)).toEqual({ steps: [], length: 0, net: 0, directness: null })
    expect(adapterPath([null, null])).toEqual({
      steps: [{ norm: 0, step: 0, turn: null, onward: null }],
      length: 0,
      net: 0,
      directness: null,
    })
  })

  test('is that of the whole matrices', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 4 }), (seed, r) => {
        const lineage = [0, 1, 2, 3, 4].map(i => (i === 0 && r > 2 ? null : made(seed + i, r)))
        const points = lineage.map(a => (a ? [...dense(a, 'a'), ...dense(a, 'b')] : Array<number>(38).fill(0)))
        const minus = (x: number[], y: number[]) => x.map((v, i) => v - y[i]!)
        const cos = (x: number[], y: number[]) => dot(x, y) / norm(x) / norm(y)
        const ways = points.slice(1).map((p, i) => minus(p, points[i]!))
        const found = adapterPath(lineage)
        for (const [i, step] of found.steps.entries()) {
          expect(step.norm).toBeCloseTo(norm(points[i + 1]!), 9)
          expect(step.step).toBeCloseTo(norm(ways[i]!), 9)
          if (i === 0) continue
          expect(step.turn).toBeCloseTo(cos(ways[i]!, ways[i - 1]!), 9)
          expect(step.onward).toBeCloseTo(cos(ways[i]!, minus(points[i]!, points[0]!)), 9)
        }
        expect(found.net).toBeCloseTo(norm(minus(points[4]!, points[0]!)), 9)
        expect(found.length).toBeCloseTo(
          ways.reduce((sum, w) => sum + norm(w), 0),
          9,
        )
        expect(found.directness).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })
})
