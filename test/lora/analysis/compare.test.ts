import fc from 'fast-check'
import { Matrix, SVD } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { compareAdapters } from '../../../src/lora/analysis/compare.js'
import { adapterDistance, adapterInnerProduct } from '../../../src/lora/analysis/distance.js'
import { spectrum } from '../../../src/lora/analysis/spectrum.js'
import { subspaces } from '../../../src/lora/analysis/subspace.js'
import { inner, type Update, updateOf } from '../../../src/lora/gram.js'
import { tensorName } from '../../../src/rules/lora.js'
import { random } from '../../../src/tensor.js'
import { dense, dot, norm, randomAdapter, SMOLLM2_MODULES } from '../../helpers/adapters.js'
import { processorTime } from '../../helpers/measures.js'

const size = fc.integer({ min: 1, max: 9 })
const sizes = fc.record({ m: size, n: size, r: size, q: size, seed: fc.nat() })

/** |x − y| in parts of the larger scale: results of float64 sums of at most some hundred products. */
const near = (x: number, y: number, scale = 1, tolerance = 1e-11) =>
  expect(Math.abs(x - y), `${x} and ${y}`).toBeLessThanOrEqual(tolerance * Math.max(1, scale))

const two = (m: number, n: number, r: number, q: number, seed: number) =>
  [
    randomAdapter({ a: { m, n, r }, b: { m: n, n: m, r } }, seed),
    randomAdapter({ a: { m, n, r: q }, b: { m: n, n: m, r: q } }, seed + 1, { alpha: 5, rslora: true }),
  ] as const

describe('a comparison says what the whole matrices say', () => {
  test('module by module', () => {
    fc.assert(
      fc.property(sizes, ({ m, n, r, q, seed }) => {
        const [a, b] = two(m, n, r, q, seed)
        for (const { module, ...found } of compareAdapters(a, b).modules) {
          const [x, y] = [dense(a, module), dense(b, module)]
          const change = y.map((v, i) => v - x[i]!)
          const scale = norm(x) + norm(y)
          near(found.a.norm, norm(x), scale)
          near(found.b.norm, norm(y), scale)
          near(found.change.norm, norm(change), scale)
          near(found.cosine!, dot(x, y) / norm(x) / norm(y))
          for (const [spectrum, matrix] of [
            [found.a, x],
            [found.change, change],
          ] as const) {
            const [rows, columns] = module === 'a' ? [m, n] : [n, m]
            const all = new SVD(Matrix.from1DArray(rows, columns, [...matrix]), { autoTranspose: true }).diagonal
            for (const [i, s] of all.entries()) near(spectrum.values[i] ?? 0, s, scale)
            near(norm(spectrum.values), spectrum.norm, scale)
            expect(spectrum.effectiveRank).toBeLessThanOrEqual(spectrum.values.length + 1e-9)
            expect(spectrum.stableRank).toBeGreaterThanOrEqual(1)
            expect(spectrum.stableRank).toBeLessThanOrEqual(spectrum.effectiveRank! ** 2 + 1e-9)
          }
        }
      }),
    )
  })

  test('and of all modules as one vector, those that one adapter lacks being zero', () => {
    fc.assert(
      fc.property(sizes, ({ m, n, r, q, seed }) => {
        const a = randomAdapter({ both: { m, n, r }, mine: { m: n, n: m, r } }, seed)
        const b = randomAdapter({ both: { m, n, r: q }, yours: { m, n, r: q } }, seed + 1)
        const zero = (length: number) => new Float64Array(length)
        const x = [...dense(a, 'both'), ...dense(a, 'mine'), ...zero(m * n)]
        const y = [...dense(b, 'both'), ...zero(m * n), ...dense(b, 'yours')]
        const found = compareAdapters(a, b)
        const scale = norm(x) + norm(y)
        expect([found.onlyA, found.onlyB]).toEqual([['mine'], ['yours']])
        near(found.norms.a, norm(x), scale)
        near(found.norms.b, norm(y), scale)
        const change = norm(x.map((v, i) => v - y[i]!))
        near(found.norms.change, change, scale)
        near(found.relativeChange!, change / norm(x), change / norm(x))
        near(found.cosine!, dot(x, y) / norm(x) / norm(y))
        near(adapterDistance(a, b), change, scale)
        near(adapterDistance(a, null), norm(x), scale)
        near(adapterInnerProduct(a, b), dot(x, y), scale ** 2)
      }),
    )
  })
})

describe('an adapter is its update, not its factors', () => {
  const update = (m: number, n: number, r: number, seed: number): Update => {
    const { normal } = random(seed)
    const numbers = (length: number) => Float64Array.from({ length }, normal)
    return {
      module: 'm',
      A: { rank: r, length: n, data: numbers(r * n), across: n, along: 1 },
      B: { rank: r, length: m, data: numbers(m * r), across: 1, along: r },
      scale: 2,
    }
  }
  /** (BM, M⁻¹A) for a random M = L·U with ones on both diagonals, so that neither M nor M⁻¹ is large. */
  const refactored = ({ A, B, ...rest }: Update, seed: number): Update => {
    const r = A.rank
    const { normal } = random(seed)
    const triangle = () => {
      const t = Matrix.eye(r)
      for (let i = 0; i < r; i++) for (let j = 0; j < i; j++) t.set(i, j, normal() / 2)
      return t
    }
    const M = triangle().mmul(triangle().transpose())
    const a = new SVD(M).inverse().mmul(Matrix.from1DArray(r, A.length, A.data))
    const b = Matrix.from1DArray(B.length, r, B.data).mmul(M)
    return {
      ...rest,
      A: { ...A, data: Float64Array.from(a.to1DArray()) },
      B: { ...B, data: Float64Array.from(b.to1DArray()) },
    }
  }

  test('(BM, M⁻¹A) has the same norm, products, spectrum and directions', () => {
    fc.assert(
      // Rank below the sizes: else the directions span the whole space and say nothing.
      fc.property(fc.integer({ min: 1, max: 4 }), fc.nat(), (r, seed) => {
        const [x, y] = [update(7, 6, r, seed), update(7, 6, 3, seed + 1)]
        const z = refactored(x, seed + 2)
        // M's condition number, some 1e3, times float64's rounding; small singular values are only that exact too.
        const scale = inner(x) + inner(y)
        near(inner(z), inner(x), scale, 1e-9)
        near(inner(z, y), inner(x, y), scale, 1e-9)
        const [before, after] = [spectrum(x).values, spectrum(z).values]
        for (const [i, s] of before.entries()) near(after[i]!, s, before[0], 1e-9)
        const [p, q] = [subspaces(x, y), subspaces(z, y)]
        // All directions together: single ones turn freely where singular values are nearly equal.
        for (const side of ['left', 'right'] as const)
          near(q[side].phi.at(-1)!.at(-1)!, p[side].phi.at(-1)!.at(-1)!, 1, 1e-6)
      }),
    )
  })
})

describe('distances and angles', () => {
  test('are alike both ways, keep the triangle inequality, and cosines lie in [−1, 1]', () => {
    fc.assert(
      fc.property(sizes, ({ m, n, r, q, seed }) => {
        const [a, b] = two(m, n, r, q, seed)
        const c = randomAdapter({ b: { m: n, n: m, r } }, seed + 2)
        const [ab, ba] = [compareAdapters(a, b), compareAdapters(b, a)]
        near(ab.norms.change, ba.norms.change, ab.norms.change)
        near(ab.cosine!, ba.cosine!)
        expect(adapterDistance(a, c)).toBeLessThanOrEqual((adapterDistance(a, b) + adapterDistance(b, c)) * (1 + 1e-12))
        for (const { cosine, overlap } of ab.modules) {
          expect(Math.abs(cosine!)).toBeLessThanOrEqual(1)
          for (const part of Object.values(overlap!)) {
            expect(part).toBeGreaterThanOrEqual(0)
            expect(part).toBeLessThanOrEqual(1 + 1e-12)
          }
        }
      }),
    )
  })

  test('of an adapter and itself: no change, cosine 1, all directions shared', () => {
    const [a] = two(5, 7, 3, 3, 1)
    const found = compareAdapters(a, a)
    expect(found.norms.change).toBe(0)
    expect(found.cosine).toBeCloseTo(1, 14)
    for (const { change, overlap } of found.modules) {
      expect(change).toMatchObject({ norm: 0, stableRank: null, effectiveRank: null, energyRank: 0 })
      expect(overlap!.left).toBeCloseTo(1, 12)
      expect(overlap!.right).toBeCloseTo(1, 12)
    }
    expect(adapterDistance(a, a)).toBe(0)
  })

  test('of a fresh adapter (B = 0) have no cosine, no ranks, no directions', () => {
    const [a, fresh] = two(5, 7, 3, 2, 1)
    for (const module of ['a', 'b']) fresh.tensors.get(tensorName(module, 'B'))!.data.fill(0)
    const found = compareAdapters(fresh, a)
    expect([found.norms.a, found.cosine, found.relativeChange]).toEqual([0, null, null])
    expect(found.modules[0]).toMatchObject({
      a: { values: [0, 0], norm: 0, stableRank: null, effectiveRank: null, energyRank: 0 },
      cosine: null,
      overlap: null,
    })
    const x = updateOf(fresh, 'a')
    expect(subspaces(x, updateOf(a, 'a')).left).toEqual({ phi: [], angles: [], geodesic: 0, projection: 0 })
  })

  test('hold where two adapters differ by the last bit of one number', () => {
    const [a] = two(40, 30, 3, 3, 5)
    const b = { ...a, tensors: new Map(a.tensors) }
    const name = tensorName('a', 'B')
    const { dims, data } = a.tensors.get(name)!
    const bits = new Uint32Array(data.slice().buffer)
    bits[0]! += 1
    const changed = new Float32Array(bits.buffer)
    b.tensors.set(name, { dims, data: changed })
    // ΔW changes by scale·δ·(first row of A).
    const first = a.tensors.get(tensorName('a', 'A'))!.data.subarray(0, 30)
    const wanted = (16 / 3) * Math.abs(changed[0]! - data[0]!) * norm(first)
    // 1e-15 of ‖ΔW‖ is 1e-8 of a change as small as this.
    expect(adapterDistance(a, b) / wanted).toBeCloseTo(1, 7)
    expect(compareAdapters(a, b).norms.change / wanted).toBeCloseTo(1, 7)
    expect(compareAdapters(a, b).modules[0]!.change.stableRank).toBeCloseTo(1, 6)
  })
})

describe('what cannot be compared', () => {
  const one = (modules: Parameters<typeof randomAdapter>[0]) => randomAdapter(modules, 1)

  test('adapters without a module in common', () => {
    const [a, b] = [one({ x: { m: 2, n: 2, r: 1 } }), one({ 'y\u001b[31m': { m: 2, n: 2, r: 1 } })]
    expect(() => compareAdapters(a, b)).toThrow(
      'comparing adapters: they have no module in common; one has x (1 in all), the other "y\\u001b[31m" (1 in all)',
    )
  })

  test('a module of two sizes', () => {
    const [a, b] = [one({ x: { m: 2, n: 3, r: 1 } }), one({ x: { m: 2, n: 4, r: 1 } })]
    expect(() => compareAdapters(a, b)).toThrow(
      'adapters of different models: module x maps 3 to 2 in one, 4 to 2 in another',
    )
    expect(() => adapterDistance(a, b)).toThrow('adapters of different models')
  })

  test('NaN and infinity', () => {
    const [a, b] = [one({ x: { m: 2, n: 3, r: 1 } }), one({ x: { m: 2, n: 3, r: 1 } })]
    b.tensors.get(tensorName('x', 'A'))!.data[1] = Number.NaN
    expect(() => compareAdapters(a, b)).toThrow('module x of an adapter holds NaN or infinity')
  })
})

test('two adapters of SmolLM2-135M are compared in seconds', () => {
  const [a, b] = [1, 2].map(seed => randomAdapter(SMOLLM2_MODULES, seed)) as [
    ReturnType<typeof randomAdapter>,
    ReturnType<typeof randomAdapter>,
  ]
  const ms = processorTime(() => expect(compareAdapters(a, b).modules).toHaveLength(210))
  // About 1 s was seen.
  expect(ms).toBeLessThan(20_000)
})
