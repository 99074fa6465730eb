import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planOf } from '../../src/engine/plan.js'

const sizes = fc.record({
  items: fc.integer({ min: 1, max: 20 }),
  batchSize: fc.integer({ min: 1, max: 20 }),
  microBatchSize: fc.integer({ min: 1, max: 20 }),
  seed: fc.integer(),
  epochs: fc.integer({ min: 1, max: 4 }),
})

test('each epoch has every item once, in batches and micro-batches of the sizes asked for', () => {
  fc.assert(
    fc.property(sizes, ({ items, batchSize: most, epochs, ...o }) => {
      const batchSize = Math.min(most, items)
      const plan = planOf(items, { batchSize, ...o })
      const perEpoch = Math.ceil(items / batchSize)
      for (let epoch = 0; epoch < epochs; epoch++) {
        const batches = Array.from({ length: perEpoch }, (_, i) => plan(epoch * perEpoch + i + 1))
        expect(batches.flat(2).sort((a, b) => a - b)).toEqual(Array.from({ length: items }, (_, i) => i))
        for (const [i, batch] of batches.entries()) {
          expect(batch.flat().length).toBe(i < perEpoch - 1 ? batchSize : items - i * batchSize)
          expect(batch.every((m, j) => (j < batch.length - 1 ? m.length === o.microBatchSize : m.length > 0))).toBe(
            true,
          )
        }
      }
    }),
  )
})

test('the order is the seed’s, another in each epoch; a batch of all items keeps theirs', () => {
  const order = (seed: number, batchSize: number, epoch: number) =>
    Array.from({ length: 20 / batchSize }, (_, i) =>
      planOf(20, { batchSize, microBatchSize: 3, seed })((epoch * 20) / batchSize + i + 1),
    ).flat(2)
  expect(order(1, 5, 0)).toEqual(order(1, 5, 0))
  expect(order(1, 5, 0)).not.toEqual(order(2, 5, 0))
  expect(order(1, 5, 0)).not.toEqual(order(1, 5, 1))
  expect(order(1, 20, 1)).toEqual(Array.from({ length: 20 }, (_, i) => i))
})
