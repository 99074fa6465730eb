import { describe, expect, test } from 'vitest'
import { repeatsText } from '../../src/cli/repeats.js'
import { summariseRepeats } from '../../src/record/repeats.js'
import { sampleSteps, stepOf } from '../report/sample.js'

describe('repeatsText', () => {
  const repeats = [0, 1, 2].map(seed => ({ seed, steps: sampleSteps(8, 14, seed + 1) }))

  test('a line for each repeat, then means with both intervals, each named', () => {
    expect(repeatsText(summariseRepeats(repeats), 3)).toMatchInlineSnapshot(`
      "seed  examples  adapter  base
      0          112     0.47  0.02
      1          112     0.46  0.01
      2          112     0.43  0.02

      3 repeats, mean f1: adapter 0.45 (95 % 0.40 to 0.50), base 0.02 (95 % 0.00 to 0.03).
      Adapter minus base: +0.43 (95 % +0.38 to +0.48) over the repeats; all pairs pooled +0.43 (95 %
      +0.39 to +0.48).
      Intervals over repeats: Student's t; they tell how much the seed matters, not how other examples
      would come out.
      Pooled intervals: paired by example, 10,000 seeded resamples of 8 chats."
    `)
  })

  test('a single repeat has no interval; one that failed is missed', () => {
    const text = repeatsText(summariseRepeats(repeats.slice(0, 1)), 3)
    expect(text).toMatch(/^1 of 3 repeats, mean f1: adapter 0\.\d\d, base 0\.\d\d\.$/m)
  })

  test('nothing finished, nothing scored', () => {
    expect(repeatsText(summariseRepeats([]), 2)).toBe('No repeat was finished.')
    const steps = [stepOf(0, { metrics: {}, baselines: {} })]
    expect(repeatsText(summariseRepeats([{ seed: 0, steps }]), 1)).toBe('1 repeat; nothing was scored.')
  })
})
