import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Pair, pairedDifference } from '../../src/record/stats.js'
import { random } from '../../src/tensor.js'

const singles = (differences: number[]): Pair[] => differences.map(difference => ({ chat: null, difference }))

describe('pairedDifference', () => {
  test('is null without pairs', () => {
    expect(pairedDifference([])).toBeNull()
  })

  test('agrees with the normal interval where examples are independent', () => {
    const rng = random(7)
    const values = Array.from({ length: 400 }, () => 0.1 + rng.normal())
    const mean = values.reduce((a, b) => a + b) / values.length
    const deviation = Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / values.length)
    const half = (1.96 * deviation) / Math.sqrt(values.length)
    const found = pairedDifference(singles(values))!
    expect(found.mean).toBeCloseTo(mean, 12)
    // A 2.5 % quantile of 10,000 draws is itself uncertain by about 2.7 % of a standard error (3 sigma: 8 %).
    const tolerance = (0.08 * half) / 1.96 + 0.02 * half
    expect(Math.abs(found.low - (mean - half))).toBeLessThan(tolerance)
    expect(Math.abs(found.high - (mean + half))).toBeLessThan(tolerance)
  })

  test('is wider where the examples of a chat go together, as wide as the chats are few', () => {
    const rng = random(3)
    const chats = Array.from({ length: 10 }, () => rng.normal())
    const together = chats.flatMap((value, c) =>
      Array.from({ length: 30 }, () => ({ chat: `c${c}`, difference: value })),
    )
    const apart = together.map(pair => ({ ...pair, chat: null }))
    const width = (pairs: Pair[]) => {
      const { low, high } = pairedDifference(pairs)!
      return high - low
    }
    // 30 equal examples a chat: the true standard error is sqrt(30) times that of independent examples. Both widths
    // carry the resampling error of the test above.
    expect(width(together) / width(apart)).toBeGreaterThan(0.85 * Math.sqrt(30))
    expect(width(together) / width(apart)).toBeLessThan(1.15 * Math.sqrt(30))
    expect(pairedDifference(together)).toMatchObject({ unit: 'chat', units: 10 })
    expect(pairedDifference(apart)).toMatchObject({ unit: 'example', units: 300 })
  })

  test('resamples examples where there is one chat only, and says so', () => {
    const pairs = [0, 1, 0, 1].map(difference => ({ chat: 'only', difference }))
    expect(pairedDifference(pairs)).toMatchObject({ unit: 'example', units: 4, n: 4 })
  })

  test('gives the same interval for the same seed, another for another', () => {
    const pairs = singles(Array.from({ length: 50 }, (_, i) => Math.sin(i)))
    expect(pairedDifference(pairs, 5)).toEqual(pairedDifference(pairs, 5))
    expect(pairedDifference(pairs, 5)!.low).not.toBe(pairedDifference(pairs, 6)!.low)
  })

  test.each([
    ['few', 19, 1],
    ['better', 20, 1],
    ['worse', 20, -1],
  ])('verdict %s', (verdict, n, value) => {
    expect(pairedDifference(singles(Array(n).fill(value)))!.verdict).toBe(verdict)
  })

  test('verdict none where the interval includes 0, its ends too', () => {
    expect(pairedDifference(singles(Array(20).fill(0)))!.verdict).toBe('none')
    expect(pairedDifference(singles(Array.from({ length: 40 }, (_, i) => (i % 2) * 2 - 1)))!.verdict).toBe('none')
  })

  test('the interval lies within the data and turns with its sign', () => {
    const pair = fc.record({
      chat: fc.constantFrom('a', 'b', 'c', null),
      difference: fc.double({ min: -1, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), pairs => {
        const found = pairedDifference(pairs)!
        const values = pairs.map(p => p.difference)
        // Sums of at most 12 numbers up to 1 are exact to 1e-14.
        expect(found.low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-14)
        expect(found.high).toBeLessThanOrEqual(Math.max(...values) + 1e-14)
        const turned = pairedDifference(pairs.map(p => ({ ...p, difference: -p.difference })))!
        expect(turned.mean).toBeCloseTo(-found.mean, 12)
      }),
      { numRuns: 25 },
    )
  })
})
