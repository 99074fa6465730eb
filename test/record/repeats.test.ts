import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/protocol/index.js'
import { summariseRepeats } from '../../src/record/repeats.js'
import { pairedDifference } from '../../src/record/stats.js'
import { sampleSteps, stepOf } from '../report/sample.js'

/** One example for each score, in one chat; the baseline always has 0.25. */
const repeat = (...f1: number[]): Step[] =>
  f1.map((value, i) =>
    stepOf(i, { metrics: { f1: value }, baselines: { base: { response: '', metrics: { f1: 0.25 } } } }),
  )

describe('summariseRepeats', () => {
  test('the mean of each arm and of the difference, with an interval over the repeats', () => {
    const found = summariseRepeats([
      { seed: 3, steps: repeat(0, 0.5) },
      { seed: 4, steps: repeat(0.5, 1) },
      { seed: 5, steps: repeat(1, 0) },
    ])
    expect(found.metric).toBe('f1')
    expect(found.runs).toEqual([
      { seed: 3, examples: 2, means: [0.25, 0.25] },
      { seed: 4, examples: 2, means: [0.75, 0.25] },
      { seed: 5, examples: 2, means: [0.5, 0.25] },
    ])
    // s = 0.25 over 0.25, 0.75, 0.5; Student's t(2) = 4.303.
    const half = (4.303 * 0.25) / Math.sqrt(3)
    expect(found.arms).toEqual([
      {
        name: 'adapter',
        over: { mean: 0.5, low: expect.closeTo(0.5 - half, 12), high: expect.closeTo(0.5 + half, 12), n: 3 },
      },
      { name: 'base', over: { mean: 0.25, low: 0.25, high: 0.25, n: 3 } },
    ])
    expect(found.differences[0]).toMatchObject({ baseline: 'base', over: { mean: 0.25, n: 3 } })
  })

  test('pools all pairs; repeats of an example go together', () => {
    const steps = repeat(0, 0.5, 1, 1)
    const once = pairedDifference([-0.25, 0.25, 0.75, 0.75].map(difference => ({ chat: null, difference })))!
    const { pooled } = summariseRepeats([1, 2, 3].map(seed => ({ seed, steps }))).differences[0]!
    // Three equal repeats say no more about other examples than one does.
    expect(pooled).toMatchObject({ n: 12, unit: 'example', units: 4, mean: once.mean })
    expect([pooled.low, pooled.high]).toEqual([once.low, once.high])
  })

  test('chats are the clusters where there are several', () => {
    const runs = [1, 2].map(seed => ({ seed, steps: sampleSteps(8, 14, seed) }))
    expect(summariseRepeats(runs).differences[0]!.pooled).toMatchObject({ n: 224, unit: 'chat', units: 8 })
  })

  test('one repeat, none, and nothing scored', () => {
    const one = summariseRepeats([{ seed: 0, steps: repeat(1) }])
    expect(one.arms[0]!.over).toEqual({ mean: 1, low: null, high: null, n: 1 })
    expect(summariseRepeats([])).toEqual({ metric: null, runs: [], arms: [], differences: [] })
    const unscored = [stepOf(0, { metrics: {}, baselines: {} })]
    expect(summariseRepeats([{ seed: 0, steps: unscored }])).toMatchObject({ metric: null, arms: [] })
  })

  test('a baseline that only some repeats have', () => {
    const bare = repeat(1).map(step => ({ ...step, baselines: {} }))
    const found = summariseRepeats([
      { seed: 0, steps: repeat(0.5) },
      { seed: 1, steps: bare },
    ])
    expect(found.runs.map(run => run.means)).toEqual([
      [0.5, 0.25],
      [1, null],
    ])
    expect(found.differences[0]!.over).toMatchObject({ mean: 0.25, n: 1 })
  })
})
