import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Pair, pairedDifference, repeatMean, signTest } from '../../src/record/stats.js'
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

describe('signTest', () => {
  // Worked out by hand: 2·Σ C(n, k) / 2ⁿ for k up to the smaller side.
  test.each([
    [0, 0, 1],
    [1, 0, 1],
    [5, 0, 2 / 32],
    [10, 0, 2 / 1024],
    [9, 1, (2 * (1 + 10)) / 1024],
    [8, 2, (2 * (1 + 10 + 45)) / 1024],
    [5, 5, 1],
    [2, 1, 1],
  ])('%i to %i', (win, loss, p) => {
    // The library's ln Γ is good to some 1e-14.
    expect(signTest(win, loss)).toBeCloseTo(p, 12)
    expect(signTest(loss, win)).toBe(signTest(win, loss))
  })

  test('agrees with exact whole numbers, and with the normal law where there are many', () => {
    const exact = (n: bigint, most: bigint) => {
      let [term, total] = [1n, 1n]
      for (let k = 1n; k <= most; k++) {
        term = (term * (n - k + 1n)) / k
        total += term
      }
      return Number((2n * total * 10n ** 15n) / 2n ** n) / 1e15
    }
    expect(signTest(270, 230)).toBeCloseTo(exact(500n, 230n), 10)
    // With continuity correction, z = (50,000 − 49,600 − 0.5) / √25,000 = 2.527, p = 0.0115.
    expect(signTest(50_400, 49_600)).toBeCloseTo(0.0115, 4)
  })
})

describe('repeatMean', () => {
  test('is the mean with Student’s interval', () => {
    // s = 1, n = 3, t(2) = 4.303: 2 ± 4.303/√3.
    const found = repeatMean([1, 2, 3])!
    expect(found).toMatchObject({ mean: 2, n: 3 })
    expect(found.high! - 2).toBeCloseTo(4.303 / Math.sqrt(3), 12)
    expect(2 - found.low!).toBeCloseTo(4.303 / Math.sqrt(3), 12)
  })

  test('has no interval for one value, and is null for none', () => {
    expect(repeatMean([0.5])).toEqual({ mean: 0.5, low: null, high: null, n: 1 })
    expect(repeatMean([])).toBeNull()
  })

  test.each([2, 3, 5, 11, 31])('covers Student’s law: quantile for %i values', n => {
    const values = Array.from({ length: n }, (_, i) => i)
    const { mean, high } = repeatMean(values)!
    const s = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1))
    const t = ((high! - mean) * Math.sqrt(n)) / s
    // P(|T| < t) by Simpson's rule on the density (1 + x²/ν)^−(ν+1)/2, normalised over the whole line by x = tan u.
    const nu = n - 1
    const density = (u: number) => Math.cos(u) ** -2 * (1 + Math.tan(u) ** 2 / nu) ** (-(nu + 1) / 2)
    const integral = (to: number) => {
      const h = to / 20_000
      let sum = 0
      for (let i = 0; i <= 20_000; i++) sum += (i === 0 || i === 20_000 ? 1 : i % 2 ? 4 : 2) * density(i * h)
      return (sum * h) / 3
    }
    // The table has three decimals: at t = 2.042 that is 0.0005 × a density of 0.05, at 12.706 far less.
    expect(integral(Math.atan(t)) / integral(Math.PI / 2 - 1e-9)).toBeCloseTo(0.95, 4)
  })
})
