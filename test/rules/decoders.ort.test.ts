import { describe, expect, test } from 'vitest'
import { findSites } from '../../src/lora/modules.js'
import { keepLastLogits } from '../../src/rules/logits.js'
import { addLoraInputs } from '../../src/rules/lora.js'
import { addLoss } from '../../src/rules/loss.js'
import { lower } from '../../src/rules/lower/index.js'
import { architecture, decoderFeeds, exported, TABLE, weightsOf } from '../helpers/fixtures.js'
import { type Feed, int64, run } from '../helpers/ort.js'

const ids = [5, 9, 2, 250, 17, 17, 300, 1]
/**
 * float32 has a relative precision of 6e-8; the exported and the lowered graph add the same products in another order,
 * and softmax in another way, over two layers: some ten roundings of logits of the order of 5.
 */
const ROUNDING = 1e-5

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((max, x, i) => Math.max(max, Math.abs(x - b[i]!)), 0)

const FLOAT32 = TABLE.filter(d => d.dtype === 'fp32').map(d => d.name)

describe.each(FLOAT32)('%s', name => {
  const graph = exported(name)
  const V = graph.types.get('logits')!.dims[2] as number
  const weights = weightsOf(name)
  const original = run<Float32Array>(graph, decoderFeeds(graph, ids), weights)

  test('the lowered graph gives the logits of the exported one', async () => {
    const { logits } = await run<Float32Array>(lower(graph).graph, { input_ids: int64(ids, [1, ids.length]) }, weights)
    expect(logits!.dims).toEqual([1, ids.length, V])
    expect(largest(logits!.data, (await original).logits!.data)).toBeLessThan(ROUNDING)
  })

  test('right padding in a batch changes nothing before it', async () => {
    const lowered = lower(graph).graph
    const two = await run<Float32Array>(
      lowered,
      { input_ids: int64([...ids, ...ids.slice(0, 3), 0, 0, 0, 0, 0], [2, 8]) },
      weights,
    )
    const short = await run<Float32Array>(lowered, { input_ids: int64(ids.slice(0, 3), [1, 3]) }, weights)
    expect(largest(short.logits!.data, two.logits!.data.subarray(8 * V, 11 * V))).toBeLessThan(ROUNDING)
  })

  test('rank-0 inputs beside every linear layer leave the logits as they are, bit for bit', async () => {
    const { graph: adapted, groups } = addLoraInputs(graph, findSites(graph, name, architecture(name)))
    const empty = (dims: number[]): Feed<Float32Array> => ({ dims, data: new Float32Array() })
    const feeds = groups.flatMap(g => [
      [g.a, empty([g.in, 0])] as const,
      ...g.nodes.map(n => [n.b, empty([0, n.out])] as const),
    ])
    const { logits } = await run<Float32Array>(
      adapted,
      { ...decoderFeeds(graph, ids), ...Object.fromEntries(feeds) },
      weights,
    )
    expect(logits).toEqual((await original).logits)
  })

  test.each([0, 1, 3])('the last %d rows of logits (0: all, and no bit differs)', async n => {
    const kept = keepLastLogits(graph)
    const feeds = { ...decoderFeeds(graph, ids), num_logits_to_keep: { dims: [], data: BigInt64Array.of(BigInt(n)) } }
    const { logits } = await run<Float32Array>(kept, feeds, weights)
    const rows = n || ids.length
    expect(logits!.dims).toEqual([1, rows, V])
    const expected = (await original).logits!.data.slice(-rows * V)
    if (n === 0) expect(logits!.data).toEqual(expected)
    // For a product of few rows with a transposed table the runtime adds in another order.
    else expect(largest(logits!.data, expected)).toBeLessThan(ROUNDING)
  })

  test('the loss is the cross-entropy of the chosen tokens', async () => {
    const { graph: scored, loss, nll } = addLoss(lower(graph).graph)
    const [positions, targets] = [
      [2, 6, 3],
      [250, 1, 17],
    ]
    const weight = Float32Array.of(0.5, 0.25, 0.25)
    const out = await run<Float32Array>(
      scored,
      {
        input_ids: int64(ids, [1, 8]),
        positions: int64(positions),
        targets: int64(targets),
        weights: { dims: [3], data: weight },
      },
      weights,
    )
    const logits = (await original).logits!.data
    const expected = positions.map((p, s) => {
      const row = Array.from(logits.subarray(p * V, (p + 1) * V))
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[targets[s]!]!
    })
    expect(largest(out[nll]!.data, expected)).toBeLessThan(ROUNDING)
    expect(out[loss]!.data[0]).toBeCloseTo(
      expected.reduce((sum, x, s) => sum + x * weight[s]!, 0),
      5,
    )
  })
})
