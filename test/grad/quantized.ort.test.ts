import { expect, test } from 'vitest'
import { pullback } from '../../src/grad/backward.js'
import { Emit } from '../../src/graph/emit.js'
import { constOf, copyGraph, emptyGraph, type Graph } from '../../src/graph/graph.js'
import { random } from '../../src/tensor.js'
import { type Feed, run, uniform } from '../helpers/ort.js'

const N = 6
const rng = random(1)
const bytes = (length: number) => Uint8Array.from({ length }, () => rng.below(256))
const scalesOf = (n: number) => Array.from({ length: n }, () => 0.1 + rng.uniform())

interface Form {
  why: string
  K: number
  block: number
  bits: 4 | 8
  zeros?: 'integers' | 'floats'
}

const FORMS: Form[] = [
  { why: '4 bits, the zero point 8', K: 64, block: 32, bits: 4 },
  { why: '4 bits, zero points, an even number of blocks', K: 64, block: 32, bits: 4, zeros: 'integers' },
  { why: '4 bits, zero points whose rows are padded to bytes', K: 96, block: 32, bits: 4, zeros: 'integers' },
  { why: '4 bits, zero points that are floats', K: 96, block: 32, bits: 4, zeros: 'floats' },
  { why: '4 bits, rows padded to whole blocks', K: 80, block: 32, bits: 4, zeros: 'integers' },
  { why: '4 bits, blocks of 16', K: 48, block: 16, bits: 4 },
  { why: '4 bits, blocks of 128', K: 256, block: 128, bits: 4, zeros: 'integers' },
  { why: '8 bits, the zero point 128', K: 64, block: 32, bits: 8 },
  { why: '8 bits, zero points', K: 96, block: 32, bits: 8, zeros: 'integers' },
]

/** y [B, T, N] = x [B, T, K] · Wᵀ in that form; the graph's node, and W as the format says. */
function forward({ K, block, bits, zeros }: Form, attrs: object = {}) {
  const blocks = Math.ceil(K / block)
  const e = new Emit(emptyGraph())
  e.input('x', ['B', 'T', K], 'float32')
  const packed = bytes((N * blocks * block * bits) / 8)
  const scales = scalesOf(N * blocks)
  const w = e.bytes('w', { type: { dtype: 'uint8', dims: [N, blocks, (block * bits) / 8] }, data: packed })
  const inputs = ['x', w, e.bytes('scales', constOf(scales, [N * blocks], 'float32'))]
  const row = Math.ceil((blocks * bits) / 8)
  const integers = bytes(N * row)
  const floats = scalesOf(N * blocks).map(x => 10 * x)
  if (zeros === 'integers') inputs.push(e.bytes('zeros', { type: { dtype: 'uint8', dims: [N * row] }, data: integers }))
  if (zeros === 'floats') inputs.push(e.bytes('zeros', constOf(floats, [N, blocks], 'float32')))
  const y = e.op('com.microsoft.MatMulNBits', inputs, { K, N, bits, block_size: block, ...attrs }, 'y')

  /** Two four-bit values a byte, the lower half first. */
  const read = (from: Uint8Array, at: number) => (bits === 8 ? from[at]! : (from[at >> 1]! >> (4 * (at & 1))) & 15)
  const W = (n: number, k: number): number => {
    const b = Math.floor(k / block)
    const zero =
      zeros === 'integers'
        ? read(integers.subarray(n * row), b)
        : zeros === 'floats'
          ? Math.fround(floats[n * blocks + b]!)
          : 2 ** (bits - 1)
    return (read(packed, n * blocks * block + k) - zero) * Math.fround(scales[n * blocks + b]!)
  }
  return { e, W, graph: { ...copyGraph(e.graph), outputs: [y] } as Graph }
}
const float32 = (dims: number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed).data),
})

test.each(FORMS.map(f => [f.why, f] as const))(
  'the gradient of a layer in blocks (%s) is dy·W, with W unpacked from the same bytes',
  async (_, form) => {
    const { e, W, graph } = forward(form)
    const { K, bits } = form
    const dy = e.input('dy', ['B', 'T', N], 'float32')
    const [dx, ...rest] = pullback(e, e.graph.nodes[0]!, dy)
    expect(rest.every(d => d === null)).toBe(true)
    expect(e.type(dx!)).toEqual(e.type('x'))
    e.graph.outputs = [dx!]
    const [x, u] = [float32([2, 3, K], 1), float32([2, 3, N], 2)]
    const got = (await run<Float32Array>(e.graph, { x, dy: u }))[dx!]!
    expect(got.dims).toEqual([2, 3, K])
    for (const [at, value] of got.data.entries()) {
      const [row, k] = [Math.floor(at / K), at % K]
      const exact = Array.from({ length: N }, (_, n) => W(n, k) * u.data[row * N + n]!).reduce((a, b) => a + b)
      // Six products of the order of 5 (4 bits) or 100 (8 bits), each rounded to 6e-8.
      expect(value).toBeCloseTo(exact, bits === 4 ? 4 : 2)
    }
    // The forward pass is that of the same W, or the test would prove nothing: y is linear, so ⟨u, W·x⟩ = ⟨Wᵀ·u, x⟩.
    const { y } = await run<Float32Array>(graph, { x })
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    expect(dot(got.data, x.data) / dot(u.data, y!.data)).toBeCloseTo(1, 4)
  },
)

test('a layer of 2 bits has no gradient, and says which have', () => {
  const { e } = forward(FORMS[0]!, { bits: 2 })
  const dy = e.input('dy', ['B', 'T', N], 'float32')
  expect(() => pullback(e, e.graph.nodes[0]!, dy)).toThrow(
    'gradient of matmulnbits_node_0: only constant weights of 4 or 8 bits in their own order have one; found 2 bits',
  )
})
