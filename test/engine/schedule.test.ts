import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rateAt, SCHEDULERS } from '../../src/engine/schedule.js'

interface Case {
  scheduler: (typeof SCHEDULERS)[number]
  steps: number
  warmupSteps: number
  rates: number[]
}
const vectors: { learningRate: number; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../fixtures/schedules.json', import.meta.url), 'utf8'),
)

test.each(vectors.cases)(
  "$scheduler over $steps steps, $warmupSteps of warm-up: transformers' rates",
  ({ scheduler, steps, warmupSteps, rates }) => {
    const found = rates.map((_, i) => vectors.learningRate * rateAt(scheduler, i + 1, steps, warmupSteps))
    // The formulas are the same, written with other operations: a few roundings of a float64 of size 3e-4.
    for (const [i, rate] of rates.entries()) expect(Math.abs(found[i]! - rate), `step ${i + 1}`).toBeLessThan(1e-18)
  },
)

test('rises over the warm-up, then never rises again, and stays in [0, 1]', () => {
  const runs = fc.integer({ min: 1, max: 60 }).chain(steps =>
    fc.record({
      scheduler: fc.constantFrom(...SCHEDULERS),
      steps: fc.constant(steps),
      warmup: fc.integer({ min: 0, max: steps }),
    }),
  )
  fc.assert(
    fc.property(runs, ({ scheduler, steps, warmup }) => {
      const rates = Array.from({ length: steps }, (_, i) => rateAt(scheduler, i + 1, steps, warmup))
      expect(rates.every(r => r >= 0 && r <= 1)).toBe(true)
      for (let i = 1; i < steps; i++)
        expect(i <= warmup ? rates[i]! > rates[i - 1]! : rates[i]! <= rates[i - 1]!).toBe(true)
      if (warmup < steps) expect(rates[warmup]).toBe(1)
    }),
  )
})
