import fc from 'fast-check'
import { expect, test } from 'vitest'
import { modulesOf } from '../../src/lora/adapter.js'
import { inner, updateOf } from '../../src/lora/gram.js'
import { moduleNorms, totalNorm } from '../../src/lora/norms.js'
import { tensorName } from '../../src/rules/lora.js'
import { dense, dot, norm, randomAdapter, SMOLLM2_MODULES } from '../helpers/adapters.js'
import { processorTime } from '../helpers/measures.js'

const size = fc.integer({ min: 1, max: 11 })

test('norms are those of the whole matrices, for every rank and scale', () => {
  fc.assert(
    fc.property(size, size, size, size, fc.boolean(), fc.nat(), (m, n, r, q, rslora, seed) => {
      const adapter = randomAdapter({ a: { m, n, r }, b: { m: n, n: m, r: q } }, seed, { rslora })
      const norms = moduleNorms(adapter)
      expect([...norms.keys()]).toEqual(['a', 'b'])
      // Squares are summed in another order: 1e-16 of the factors' norms, and the root of that where they cancel (r > m, n).
      for (const module of modulesOf(adapter)) expect(norms.get(module)).toBeCloseTo(norm(dense(adapter, module)), 6)
      expect(totalNorm(norms)).toBeCloseTo(norm([...dense(adapter, 'a'), ...dense(adapter, 'b')]), 6)
    }),
  )
})

test('inner products are those of the whole matrices, for two ranks and alphas', () => {
  fc.assert(
    fc.property(size, size, size, size, fc.nat(), (m, n, r, q, seed) => {
      const x = randomAdapter({ a: { m, n, r } }, seed)
      const y = randomAdapter({ a: { m, n, r: q } }, seed + 1, { alpha: 3, rslora: true })
      // Numbers up to some thousands, summed in another order.
      expect(inner(updateOf(x, 'a'), updateOf(y, 'a'))).toBeCloseTo(dot(dense(x, 'a'), dense(y, 'a')), 9)
    }),
  )
})

test('a fresh adapter (B = 0) has norm 0', () => {
  const adapter = randomAdapter({ a: { m: 5, n: 4, r: 3 } }, 1)
  adapter.tensors.get(tensorName('a', 'B'))!.data.fill(0)
  expect(moduleNorms(adapter).get('a')).toBe(0)
})

test('norms of 2.4 million parameters take no time', () => {
  const adapter = randomAdapter(SMOLLM2_MODULES, 1)
  moduleNorms(adapter)
  const ms = processorTime(() => expect(moduleNorms(adapter).size).toBe(210))
  // 12 to 25 ms were seen; a hundred times as long would be noticed in every step of a run.
  expect(ms).toBeLessThan(2_000)
})
