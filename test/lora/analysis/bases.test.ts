import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commonBases } from '../../../src/lora/analysis/bases.js'
import { type Update, updateOf } from '../../../src/lora/gram.js'
import { dense, dot, norm, randomAdapter } from '../../helpers/adapters.js'

const size = fc.integer({ min: 1, max: 9 })

test('common bases are orthonormal and give the whole matrix again, also of nearly equal factors', () => {
  fc.assert(
    fc.property(size, size, size, fc.integer({ min: -15, max: 0 }), fc.nat(), (m, n, r, digits, seed) => {
      const x = updateOf(randomAdapter({ a: { m, n, r } }, seed), 'a')
      const z = randomAdapter({ a: { m, n, r } }, seed + 1)
      const noise = z.tensors.values().next().value!.data
      const near = Float64Array.from(x.A.data, (v, i) => v + noise[i]! * 10 ** digits)
      const y: Update = { ...x, A: { ...x.A, data: near } }
      const { left, right, cores } = commonBases([x, y, updateOf(z, 'a')])
      // Each number is off by some 1e-16 of a vector of length 1.
      for (const basis of [left, right])
        for (const [i, u] of basis.entries())
          for (const [j, v] of basis.entries()) expect(Math.abs(dot(u, v) - (i === j ? 1 : 0))).toBeLessThan(1e-14)
      expect(left.length).toBeLessThanOrEqual(m)
      const wanted = dense(z, 'a')
      const found = wanted.map((_, at) => {
        const [i, j] = [Math.floor(at / n), at % n]
        let sum = 0
        for (const [p, u] of left.entries())
          for (const [q, v] of right.entries()) sum += u[i]! * cores[2]!.get(p, q) * v[j]!
        return sum
      })
      expect(norm(found.map((v, i) => v - wanted[i]!))).toBeLessThanOrEqual(1e-12 * Math.max(1, norm(wanted)))
    }),
  )
})
