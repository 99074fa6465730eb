import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { modulesOf, ranksOf } from '../../../src/lora/adapter.js'
import { adapterDistance } from '../../../src/lora/analysis/distance.js'
import { mergeAdapters, type Weighted } from '../../../src/lora/analysis/merge.js'
import { spectrum } from '../../../src/lora/analysis/spectrum.js'
import { decodePeft, encodePeft } from '../../../src/lora/format.js'
import { updateOf } from '../../../src/lora/gram.js'
import { tensorName } from '../../../src/rules/lora.js'
import { dense, norm, randomAdapter } from '../../helpers/adapters.js'

const size = fc.integer({ min: 1, max: 8 })
const weight = fc.double({ min: -3, max: 3, noNaN: true })

const distant = (x: ArrayLike<number>, y: ArrayLike<number>) => norm(Array.from(x, (v, i) => v - y[i]!))

/** Two adapters of unlike rank, alpha and scaling, with a module that both have and one each that the other lacks. */
const two = (m: number, n: number, r: number, q: number, seed: number, weights: [number, number]): Weighted[] => [
  { weight: weights[0], adapter: randomAdapter({ both: { m, n, r }, 'x.both': { m: n, n: m, r: q } }, seed) },
  {
    weight: weights[1],
    adapter: randomAdapter({ both: { m, n, r: q }, yours: { m, n, r } }, seed + 1, {
      alpha: 3,
      rslora: true,
      alphaPattern: { yours: 7 },
    }),
  },
]

describe('a merged adapter', () => {
  test('is the weighted sum of the whole matrices, also after a journey through PEFT files', () => {
    fc.assert(
      fc.property(size, size, size, size, fc.nat(), fc.tuple(weight, weight), (m, n, r, q, seed, weights) => {
        const parts = two(m, n, r, q, seed, weights)
        const merged = mergeAdapters(parts)
        const { adapter } = decodePeft(encodePeft(merged, { name: 'base', fingerprint: '' }), 'merged')
        expect(adapter.config).toEqual(merged.config)
        expect(modulesOf(merged)).toEqual(['both', 'x.both', 'yours'])
        expect(Object.fromEntries(ranksOf(merged))).toEqual({ both: r + q, 'x.both': q, yours: r })
        for (const module of modulesOf(adapter)) {
          const held = parts.filter(p => modulesOf(p.adapter).includes(module))
          const terms = held.map(p => dense(p.adapter, module).map(x => p.weight * x))
          const sum = terms.reduce((x, y) => x.map((v, i) => v + y[i]!))
          // Scale and weight go into B, which is rounded to float32 (2⁻²⁴) once; subnormal weights (1e-300) are zero there.
          const sizes = held.map(p => Math.abs(p.weight) * factorNorms(p.adapter, module))
          expect(distant(dense(adapter, module), sum)).toBeLessThanOrEqual(1.2e-7 * Math.hypot(...sizes) * 2 + 1e-30)
        }
      }),
    )
  })

  test('of one and the same, once added and once taken away, is zero', () => {
    const [{ adapter }] = two(5, 4, 2, 3, 1, [1, 1]) as [Weighted, Weighted]
    const parts = [1, -1].map(weight => ({ adapter, weight }))
    // Norms of some 100, in float64.
    expect(adapterDistance(mergeAdapters(parts), null)).toBeLessThan(1e-12)
    const nothing = { dims: [5, 2], data: new Float32Array(10) }
    expect(mergeAdapters(parts, { rank: 2 }).tensors.get(tensorName('both', 'B'))).toEqual(nothing)
  })

  test('cut to a rank lacks exactly the smallest singular values (Eckart–Young)', () => {
    fc.assert(
      fc.property(size, size, size, fc.nat(), fc.integer({ min: 1, max: 6 }), (m, n, r, seed, rank) => {
        const parts = two(m, n, r, r + 1, seed, [1, -0.5])
        const [whole, cut] = [mergeAdapters(parts), mergeAdapters(parts, { rank })]
        for (const module of modulesOf(whole)) {
          const { values, norm: all } = spectrum(updateOf(whole, module))
          const lost = distant(dense(whole, module), dense(cut, module))
          // Both are rounded to float32; the sum's factors may be larger than the sum.
          const exact = 1e-6 * Math.max(all, factorNorms(whole, module))
          expect(Math.abs(lost - norm(values.slice(rank)))).toBeLessThanOrEqual(exact)
          expect(ranksOf(cut).get(module)).toBe(Math.min(rank, ranksOf(whole).get(module)!))
        }
      }),
    )
  })
})

/** scale·‖B‖‖A‖, what rounding is relative to. */
function factorNorms(adapter: Weighted['adapter'], module: string): number {
  const { A, B, scale } = updateOf(adapter, module)
  return scale * norm(A.data) * norm(B.data)
}

test('rounding of a number does not depend on names: patterns fit their own module only', () => {
  const adapter = randomAdapter(
    { a: { m: 3, n: 3, r: 2 }, 'x.a': { m: 3, n: 3, r: 1 }, 'x+a': { m: 3, n: 3, r: 1 } },
    1,
  )
  const merged = mergeAdapters([{ adapter, weight: 1 }])
  expect(merged.config).toMatchObject({ r: 1, alpha: 1, rankPattern: { '^a': 2 }, alphaPattern: { '^a': 2 } })
  for (const module of modulesOf(merged))
    expect(distant(dense(merged, module), dense(adapter, module))).toBeLessThan(1e-5)
})

describe('what cannot be merged', () => {
  const [a, b] = two(3, 4, 2, 1, 1, [1, 1]) as [Weighted, Weighted]
  const other = { adapter: randomAdapter({ both: { m: 4, n: 4, r: 2 } }, 1), weight: 1 }

  test.each<[string, Weighted[], { rank?: number }, string]>([
    ['nothing', [], {}, 'there are none'],
    ['a weight of NaN', [a, { ...b, weight: Number.NaN }], {}, 'a weight is NaN; it must be a finite number'],
    ['rank 0', [a, b], { rank: 0 }, 'rank is 0; it must be a whole number, 1 or more'],
    ['rank 1.5', [a, b], { rank: 1.5 }, 'rank is 1.5'],
    ['adapters of two models', [a, other], {}, 'module both maps 4 to 3 in one, 4 to 4 in another'],
  ])('%s', (_, parts, options, message) => expect(() => mergeAdapters(parts, options)).toThrow(message))
})
