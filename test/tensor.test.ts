import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHalf, half, toHalf } from '../src/tensor.js'

const one = (x: number): number => toHalf(Float32Array.of(x))[0]!

test('every half float that is a number keeps its bits', () => {
  const all = Array.from({ length: 65536 }, (_, bits) => bits).filter(bits => !Number.isNaN(half(bits)))
  // As text: comparing as many numbers one by one would take seconds.
  expect(toHalf(fromHalf(Uint16Array.from(all))).join()).toBe(all.join())
})

test('landmarks', () => {
  expect([1, -2, 65504, 2 ** -14, 2 ** -24].map(one)).toEqual([0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001])
  // Ties go to the even one; halfway past the largest is infinite; half of the smallest is 0.
  expect([2049, 2051, 65519, 65520, 2 ** -25, 3 * 2 ** -25].map(one)).toEqual([
    0x6800, 0x6802, 0x7bff, 0x7c00, 0x0000, 0x0002,
  ])
  expect(half(one(Number.NaN))).toBeNaN()
  expect(half(one(Number.NEGATIVE_INFINITY))).toBe(Number.NEGATIVE_INFINITY)
})

test('a number becomes the nearest half float', () => {
  fc.assert(
    fc.property(fc.float({ min: -65519, max: 65519, noNaN: true }), x => {
      const bits = one(x)
      const error = Math.abs(half(bits) - x)
      const magnitude = bits & 0x7fff
      for (const other of [magnitude - 1, magnitude + 1])
        if (other >= 0 && other < 0x7c00)
          expect(Math.abs(half((bits & 0x8000) | other) - x)).toBeGreaterThanOrEqual(error)
    }),
  )
})
