import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Dim } from '../../src/graph/graph.js'
import { minus, over, plus, product, sign, times } from '../../src/graph/size.js'

test('sizes have one canonical form', () => {
  expect(plus('T', 0)).toBe('T')
  expect(plus('T', 'P')).toBe(plus('P', 'T'))
  expect(plus('past + T', 'T')).toBe('2*T+past')
  expect(minus('T', 1)).toBe('T+-1')
  expect(plus(minus('T', 1), 1)).toBe('T')
  expect(minus('T', 'T')).toBe(0)
  expect(times('T', 'B')).toBe('B*T')
  expect(product(['B', 2, 'T', 3])).toBe('6*B*T')
  expect(times(plus('T', 1), 'T')).toBe('T+T*T')
})

test('quotients that are sizes', () => {
  expect(over('6*B*T', '2*B')).toBe('3*T')
  expect(over('B*T', 'B*T')).toBe(1)
  expect(over(0, 'T')).toBe(0)
  for (const [a, b] of [
    ['T', 2],
    ['T', 'B'],
    ['B*T', plus('B', 1)],
  ] as const)
    expect(over(a, b)).toBeUndefined()
})

test('signs, for all sizes ≥ 1', () => {
  expect([sign('T'), sign(0), sign(-3), sign(times('T', -1)), sign(minus('T', 1)), sign(plus('B*T', 2))]).toEqual([
    1,
    0,
    -1,
    -1,
    undefined,
    1,
  ])
})

/** A size and what it is worth for B = 2, T = 3. */
const sized: fc.Arbitrary<[Dim, number]> = fc.letrec(tie => ({
  leaf: fc.oneof(
    fc.integer({ min: -5, max: 5 }).map((n): [Dim, number] => [n, n]),
    fc.constant<[Dim, number]>(['B', 2]),
    fc.constant<[Dim, number]>(['T', 3]),
  ),
  size: fc.oneof(
    { maxDepth: 3 },
    tie('leaf'),
    fc.tuple(tie('size'), tie('size')).map(xs => {
      const [[a, x], [b, y]] = xs as [[Dim, number], [Dim, number]]
      return [plus(a, b), x + y]
    }),
    fc.tuple(tie('size'), tie('size')).map(xs => {
      const [[a, x], [b, y]] = xs as [[Dim, number], [Dim, number]]
      return [times(a, b), x * y + 0]
    }),
  ),
})).size as fc.Arbitrary<[Dim, number]>

const worth = (d: Dim): number =>
  typeof d === 'number'
    ? d
    : d
        .split('+')
        .map(t => t.split('*').reduce((n, f) => n * (f === 'B' ? 2 : f === 'T' ? 3 : Number(f)), 1))
        .reduce((a, b) => a + b)

test('the text says what the arithmetic meant', () => {
  fc.assert(
    fc.property(sized, ([d, value]) => {
      expect(worth(d)).toBe(value)
      if (sign(d) !== undefined) expect(sign(d)).toBe(Math.sign(value))
    }),
  )
})
