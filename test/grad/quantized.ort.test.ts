import { expect, test } from 'vitest'
import { pullback } from '../../src/grad/backward.js'
import { Emit } from '../../src/graph/emit.js'
import { constOf, copyGraph, emptyGraph, type Graph } from '../../src/graph/graph.js'
import { random } from '../../src/tensor.js'
import { type Feed, run, uniform } from '../helpers/ort.js'

const [N, K, BLOCK] = [6, 64, 32]
const rng = random(1)
const packed = Uint8Array.from({ length: (N * K) / 2 }, () => rng.below(256))
const scales = Array.from({ length: (N * K) / BLOCK }, () => 0.1 + rng.uniform())

/** W [N, K] as the format says: two values a byte, the lower half first, less the zero point 8, times their block's scale. */
const W = Array.from(
  { length: N * K },
  (_, i) => (((packed[i >> 1]! >> (4 * (i & 1))) & 15) - 8) * scales[Math.floor(i / BLOCK)]!,
)

/** y [B, T, N] = x [B, T, K] · Wᵀ, and the node that computes it. */
function forward(attrs: object = {}, zeros = false): { e: Emit; graph: Graph } {
  const e = new Emit(emptyGraph())
  e.input('x', ['B', 'T', K], 'float32')
  const w = e.bytes('w', { type: { dtype: 'uint8', dims: [N, K / BLOCK, BLOCK / 2] }, data: packed })
  const inputs = ['x', w, e.bytes('scales', constOf(scales, [scales.length], 'float32'))]
  if (zeros) inputs.push(e.bytes('zeros', { type: { dtype: 'uint8', dims: [N] }, data: new Uint8Array(N).fill(0x88) }))
  const y = e.op('com.microsoft.MatMulNBits', inputs, { K, N, bits: 4, block_size: BLOCK, ...attrs }, 'y')
  return { e, graph: { ...copyGraph(e.graph), outputs: [y] } }
}
const float32 = (dims: number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed).data),
})

test('the gradient of a 4-bit layer is dy·W, with W unpacked from the same bytes', async () => {
  const { e, graph } = forward()
  const dy = e.input('dy', ['B', 'T', N], 'float32')
  const [dx, ...rest] = pullback(e, e.graph.nodes[0]!, dy)
  expect(rest).toEqual([null, null])
  expect(e.type(dx!)).toEqual(e.type('x'))
  e.graph.outputs = [dx!]
  const [x, u] = [float32([2, 3, K], 1), float32([2, 3, N], 2)]
  const got = (await run<Float32Array>(e.graph, { x, dy: u }))[dx!]!
  expect(got.dims).toEqual([2, 3, K])
  for (const [at, value] of got.data.entries()) {
    const [row, k] = [Math.floor(at / K), at % K]
    // Six products of the order of 5, each rounded to 6e-8.
    expect(value).toBeCloseTo(
      W.reduce((sum, w, i) => (i % K === k ? sum + w * u.data[row * N + Math.floor(i / K)]! : sum), 0),
      4,
    )
  }
  // The forward pass is that of the same W, or the test would prove nothing: y is linear, so ⟨u, W·x⟩ = ⟨Wᵀ·u, x⟩.
  const { y } = await run<Float32Array>(graph, { x })
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  expect(dot(got.data, x.data) / dot(u.data, y!.data)).toBeCloseTo(1, 5)
})

test.each<[string, object, boolean]>([
  ['8 bits', { bits: 8 }, false],
  ['zero points of its own', {}, true],
])('a layer with %s has no gradient, and says which have', (_, attrs, zeros) => {
  const { e } = forward(attrs, zeros)
  const dy = e.input('dy', ['B', 'T', N], 'float32')
  expect(() => pullback(e, e.graph.nodes[0]!, dy)).toThrow(
    'gradient of matmulnbits_node_0: only 4-bit weights in whole blocks with the zero point 8 have one',
  )
})
