import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph, type Graph, type Value } from '../../src/graph/graph.js'
import { compose } from '../../src/rules/compose.js'
import { type Feed, run, uniform } from '../helpers/ort.js'

const [B, H, T, W] = [2, 3, 5, 8]

/** x ∘ cos + [−b, a] ∘ sin, with something changed. */
function rotated(change: { tables?: 'different' | 'batch'; start?: number; order?: 'ab' } = {}): Graph {
  const e = new Emit(emptyGraph())
  const x = e.input('x', ['B', H, 'T', W], 'float32')
  const angles = e.input('angles', [change.tables === 'batch' ? 'B' : 1, 'T', W / 2], 'float32')
  const doubled = e.concat(change.tables === 'different' ? [angles, e.neg(angles)] : [angles, angles], -1)
  const table = (op: string): Value => e.op('Unsqueeze', [e.scale(e.op(op, [doubled]), 1.5), e.ints(1)])
  const [cos, sin] = [table('Cos'), table('Sin')]
  const start = change.start ?? W / 2
  const b = e.neg(e.op('Slice', [x, e.ints(start), e.ints(2 ** 31 - 1), e.ints(3)]))
  const a = e.slice(x, 3, 0, start)
  const swapped = e.concat(change.order === 'ab' ? [a, b] : [b, a], 3)
  e.op('Add', [e.mul(x, cos), e.mul(swapped, sin)], {}, 'y')
  e.graph.outputs = ['y']
  return e.graph
}

const float32 = (dims: number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed).data),
})
const feeds = (g: Graph) => ({
  x: float32([B, H, T, W], 1),
  angles: float32([g.types.get('angles')!.dims[0] === 1 ? 1 : B, T, W / 2], 2),
})

describe('rotary embedding as torch writes it', () => {
  test('becomes the operator of the runtime, which gives the same', async () => {
    const before = rotated()
    const { graph, hits } = compose(before)
    expect(hits['RotaryEmbedding of halves']).toBe(1)
    const [a, b] = [await run<Float32Array>(before, feeds(before)), await run<Float32Array>(graph, feeds(before))]
    expect(b.y!.dims).toEqual(a.y!.dims)
    // A sum of two products, rounded once or twice: 6e-8 of numbers of the order of 1.
    for (const [i, y] of b.y!.data.entries()) expect(y).toBeCloseTo(a.y!.data[i]!, 6)
  })

  test.each([
    ['halves of the table differ', rotated({ tables: 'different' })],
    ['a table for each sequence of the batch', rotated({ tables: 'batch' })],
    ['parts that are no halves', rotated({ start: 3 })],
    ['halves in their own order', rotated({ order: 'ab' })],
  ])('%s: left as it is', (_, graph) => {
    expect(compose(graph).hits['RotaryEmbedding of halves']).toBe(0)
  })

  test('a table that a vector stretches is no doubled one', () => {
    const g = rotated()
    const scale = g.nodes.find(n => n.op === 'Mul' && n.inputs[0]?.startsWith('cos'))!
    g.consts.set(scale.inputs[1]!, constOf([1, 2, 3, 4, 5, 6, 7, 8], [W], 'float32'))
    g.types.set(scale.inputs[1]!, { dtype: 'float32', dims: [W] })
    expect(compose(g).hits['RotaryEmbedding of halves']).toBe(0)
  })
})
