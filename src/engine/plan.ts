import { random, seedOf, shuffle } from '../tensor.js'

/** Which of `items` items an optimizer step learns from, in micro-batches. */
export type Plan = (step: number) => number[][]

/**
 * Passes over all items, batch by batch; the last batch of a pass may be smaller. A batch of all items keeps their
 * order; with smaller ones each pass has an order of its own, drawn from the seed.
 *
 * @returns for a step's number, from 1: positions of its items
 */
export function planOf(
  items: number,
  { batchSize, microBatchSize, seed }: { batchSize: number; microBatchSize: number; seed: number },
): Plan {
  const inOrder = Array.from({ length: items }, (_, i) => i)
  const perEpoch = Math.ceil(items / batchSize)
  let [epoch, order] = [-1, inOrder]
  return step => {
    const now = Math.floor((step - 1) / perEpoch)
    if (now !== epoch && batchSize < items) order = shuffle(inOrder, random(seedOf(seed, now)))
    epoch = now
    const at = ((step - 1) % perEpoch) * batchSize
    return inParts(order.slice(at, at + batchSize), microBatchSize)
  }
}

const inParts = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
