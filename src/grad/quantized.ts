import type { Emit } from '../graph/emit.js'
import { type Const, GraphError, type Node, type Value } from '../graph/graph.js'
import { attr } from '../graph/ops.js'

/**
 * The matrix W [N, K] of a MatMulNBits, unpacked when the graph runs. Rows are padded to whole blocks; the packed bytes
 * [N, blocks, bytes] are row-major integers [N, blocks·block], so the same constant is read again under another type.
 *
 *     W = s ∘ (q − z)         s, z one for each block; without z: half of the range
 *
 * @throws GraphError for weights of other than 4 or 8 bits, weights in another order, or that are no constant
 */
export function dequantized(e: Emit, node: Node): Value {
  const [N, K, block] = ['N', 'K', 'block_size'].map(name => attr(node.attrs, name)) as [number, number, number]
  const bits = attr(node.attrs, 'bits', 4)
  const [, packed, scales, zeros, order] = node.inputs
  const bytes = e.graph.consts.get(packed!)
  if ((bits !== 4 && bits !== 8) || order || !bytes)
    throw new GraphError(
      `gradient of ${node.name}: only constant weights of 4 or 8 bits in their own order have one; found ${bits} bits${order ? ' and an order of groups' : ''}`,
    )
  const dtype = bits === 4 ? 'uint4' : 'uint8'
  const blocks = Math.ceil(K / block)
  const w = e.bytes(dtype, { type: { dtype, dims: [N, blocks * block] }, data: bytes.data })
  const s = e.reshape(scales!, N, blocks)
  const attrs = { axis: 1, block_size: block }
  const whole = (v: Value) => (blocks * block === K ? v : e.slice(v, 1, 0, K))
  const z = zeros ? packedZeros(e, zeros, N, blocks, bits) : middle(e, N, blocks, bits)
  if (z !== undefined) return whole(e.op('DequantizeLinear', [w, s, z], attrs))

  const shift = e.mul(s, floatZeros(e, zeros!, N, blocks))
  const inBlocks = e.reshape(e.op('DequantizeLinear', [w, s], attrs), N, blocks, block)
  return whole(e.reshape(e.sub(inBlocks, e.reshape(shift, N, blocks, 1)), N, blocks * block))
}

/** The zero point of weights that have none of their own: the middle of the range. */
function middle(e: Emit, N: number, blocks: number, bits: number): Value {
  const [dtype, byte] = bits === 4 ? (['uint4', 0x88] as const) : (['uint8', 0x80] as const)
  const data = new Uint8Array(Math.ceil((N * blocks * bits) / 8)).fill(byte)
  return e.bytes('zero', { type: { dtype, dims: [N, blocks] }, data })
}

/** Integer zero points as they lie, if their rows are whole bytes. */
function packedZeros(e: Emit, zeros: Value, N: number, blocks: number, bits: number): Value | undefined {
  const c = integers(e, zeros)
  if (!c || (blocks * bits) % 8 !== 0) return undefined
  return e.bytes('zero', { type: { dtype: bits === 4 ? 'uint4' : 'uint8', dims: [N, blocks] }, data: c.data })
}

/** Zero points [N, blocks] as floats: given so, or four-bit integers whose rows are padded to whole bytes. */
function floatZeros(e: Emit, zeros: Value, N: number, blocks: number): Value {
  const c = integers(e, zeros)
  if (!c) return e.reshape(zeros, N, blocks)
  const padded = 2 * Math.ceil(blocks / 2)
  const q = e.bytes('zero', { type: { dtype: 'uint4', dims: [N, padded] }, data: c.data })
  return e.slice(e.op('DequantizeLinear', [q, e.const([1], [], 'float32')]), 1, 0, blocks)
}

const integers = (e: Emit, v: Value): Const | undefined => {
  const c = e.graph.consts.get(v)
  return c?.type.dtype === 'uint8' ? c : undefined
}
