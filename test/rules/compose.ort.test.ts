import { describe, expect, test } from 'vitest'
import { backward } from '../../src/grad/backward.js'
import { Emit } from '../../src/graph/emit.js'
import { constOf, copyGraph, type Dim, emptyGraph, type Graph, type Value } from '../../src/graph/graph.js'
import { compose } from '../../src/rules/compose.js'
import { prune } from '../../src/rules/prune.js'
import { type Feed, run, uniform } from '../helpers/ort.js'

/** A function of x as a graph: y = f(x). */
function graphOf(dims: Dim[], f: (e: Emit, x: Value) => Value): Graph {
  const e = new Emit(emptyGraph())
  e.graph.outputs = [f(e, e.input('x', dims, 'float32'))]
  return e.graph
}

const float32 = (dims: readonly number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed, [-2, 2]).data),
})

/** y and the cotangent of x, for one x and one cotangent of y. */
async function valueAndGradient(g: Graph, dims: readonly number[]): Promise<[Float32Array, Float32Array]> {
  const e = new Emit(copyGraph(g))
  const y = g.outputs[0]!
  const dy = e.input('dy', e.dims(y), 'float32')
  const dx = backward(e, y, dy, ['x']).get('x')!
  e.graph.outputs = [y, dx]
  const out = await run<Float32Array>(prune(e.graph), { x: float32(dims, 1), dy: float32(dims, 2) })
  return [out[y]!.data, out[dx]!.data]
}

const W = 8
const weight = (e: Emit) => e.bytes('w', constOf([0.5, 2, -1, 1, 3, 0.1, 1, -0.5], [W], 'float32'))
const square = (e: Emit, x: Value) => e.mul(x, x)
const rms = (e: Emit, x: Value, axis = -1) => e.op('Sqrt', [e.add(e.mean(square(e, x), [axis], 1), e.scalar(0.01, x))])
const inverse = (e: Emit, x: Value) => e.op('Reciprocal', [rms(e, x)])

/** Tables of 3 positions, repeated for more: any numbers do. */
const table = (e: Emit, offset: number) =>
  e.bytes(
    'table',
    constOf(
      Array.from({ length: 20 }, (_, i) => Math.cos(i + offset)),
      [5, W / 2],
      'float32',
    ),
  )
function rotated(e: Emit, x: Value, order: 'ab' | 'ba' = 'ab'): Value {
  const [cos, sin] = [table(e, 0), table(e, 100)]
  const [a, b] = [e.slice(x, 3, 0, W / 2), e.slice(x, 3, W / 2, W)]
  const [low, high] = [e.sub(e.mul(a, cos), e.mul(b, sin)), e.add(e.mul(b, cos), e.mul(a, sin))]
  return e.concat(order === 'ab' ? [low, high] : [high, low], 3)
}

const norm = 'SimplifiedLayerNormalization'
const silu = 'com.microsoft.QuickGelu'
const rotary = 'com.microsoft.RotaryEmbedding'

describe('compose', () => {
  test.each<[string, string, Dim[], number[], (e: Emit, x: Value) => Value]>([
    ['x · 1/ρ · w', norm, ['B', 'T', W], [2, 3, W], (e, x) => e.mul(e.mul(x, inverse(e, x)), weight(e))],
    ['w · (x / ρ)', norm, ['B', 'T', W], [2, 3, W], (e, x) => e.mul(weight(e), e.div(x, rms(e, x)))],
    ['x · (1 / ρ) · w', norm, ['T', W], [3, W], (e, x) => e.mul(e.mul(e.div(e.scalar(1, x), rms(e, x)), x), weight(e))],
    ['x · σ(x)', silu, ['T', W], [3, W], (e, x) => e.mul(e.op('Sigmoid', [x]), x)],
    ['halves turned', rotary, ['B', 3, 5, W], [2, 3, 5, W], (e, x) => rotated(e, x)],
  ])('%s becomes %s, with the same value and gradient', async (_, op, dims, sizes, f) => {
    const plain = graphOf(dims, f)
    const { graph } = compose(plain)
    expect(graph.nodes.map(n => n.op)).toEqual([op])
    const [[y, dx], [y2, dx2]] = await Promise.all([valueAndGradient(plain, sizes), valueAndGradient(graph, sizes)])
    // Values up to 12 added in another order: some roundings of 6e-8 of that.
    for (const [i, v] of y.entries()) expect(Math.abs(y2[i]! - v)).toBeLessThan(5e-6)
    for (const [i, v] of dx.entries()) expect(Math.abs(dx2[i]! - v)).toBeLessThan(2e-5)
  })

  test.each<[string, Dim[], (e: Emit, x: Value) => Value]>([
    ['a mean over another axis', [3, W], (e, x) => e.mul(e.mul(x, e.op('Reciprocal', [rms(e, x, 0)])), weight(e))],
    ['a weight that is computed', ['T', W], (e, x) => e.mul(e.mul(x, inverse(e, x)), e.neg(weight(e)))],
    ['another x', ['T', W], (e, x) => e.mul(e.mul(e.neg(x), inverse(e, x)), weight(e))],
    ['halves the wrong way round', [2, 3, 5, W], (e, x) => rotated(e, x, 'ba')],
    ['σ of something else', ['T', W], (e, x) => e.mul(e.op('Sigmoid', [e.neg(x)]), x)],
    ['not four axes', [3, 5, W], (e, x) => e.reshape(rotated(e, e.reshape(x, 1, 3, 5, W), 'ba'), 3, 5, W)],
  ])('leaves %s alone', (_, dims, f) => {
    const plain = graphOf(dims, f)
    const { graph, hits } = compose(plain)
    expect(hits).toEqual({ [norm]: 0, QuickGelu: 0, RotaryEmbedding: 0, 'RotaryEmbedding of halves': 0 })
    expect(graph.nodes.length).toBe(plain.nodes.length)
  })
})
