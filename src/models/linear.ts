import type { Const, Graph, Node, Value } from '../graph/graph.js'
import type { Gguf } from './gguf.js'
import { append, type DataFile, floatWeight, fourBitWeight, inputs, outputs, type Rows } from './weights.js'

/** A graph being built from a GGUF file, its weights going to a file of external data. */
export interface Building {
  g: Gguf
  graph: Graph
  data: DataFile
}

/** Appends a node; its outputs are named after it unless given. Returns the first. */
export function node(
  b: Building,
  name: string,
  op: string,
  inputs: Value[],
  attrs: Node['attrs'] = {},
  outputs = [`${name}/output_0`],
): Value {
  b.graph.nodes.push({ name, op, inputs, outputs, attrs })
  return outputs[0]!
}

export function constant(b: Building, name: Value, c: Const): Value {
  b.graph.consts.set(name, c)
  b.graph.types.set(name, c.type)
  return name
}

/**
 * Emits y [.., N] = x [.., K] · W for layers that share x, side by side.
 *
 * @param layer such as `/model/layers.0/attn/o_proj`
 */
export type Linear = (b: Building, layer: string, x: Value, parts: Rows[]) => Promise<Value>

const weightName = (layer: string): string => `${layer.slice(1).replaceAll('/', '.')}.MatMul.weight`

/** With float32 weights: one MatMul. */
export const floatLinear: Linear = async (b, layer, x, parts) => {
  const weight = await append(b.data, await floatWeight(b.g, parts), [inputs(parts), outputs(parts)])
  return node(b, `${layer}/MatMul`, 'MatMul', [x, constant(b, weightName(layer), weight)])
}

/**
 * With Q4_1 weights left in four bits, exactly: x·W = MatMulNBits(x) + s·offsets, where s [.., K/32] holds the sums of
 * the 32 inputs of each block. The forms that need no second term are worse on the CPU: with float zero points −m/d the
 * runtime unpacks the whole weight on every call (242 ms of one core for a token of SmolLM2-135M, against 27), and zero
 * points rounded to integers are no faster (28 ms) and another model (logits differ by up to 18).
 */
export const fourBitLinear: Linear = async (b, layer, x, parts) => {
  if (parts.some(p => p.tensor.type !== 'Q4_1')) return floatLinear(b, layer, x, parts)
  const [K, N] = [inputs(parts), outputs(parts)]
  const { q, scales, offsets } = await fourBitWeight(b.g, parts)
  const weight = weightName(layer)
  // Without accuracy_level the runtime computes in float32; 4 would round the activations to eight bits.
  const attrs = { K, N, bits: 4, block_size: 32 }
  const packed = constant(b, `${weight}_Q4`, await append(b.data, q, [N, K / 32, 16]))
  const scale = constant(b, `${weight}_scales`, await append(b.data, scales, [N, K / 32]))
  const offset = constant(b, `${weight}_offsets`, await append(b.data, offsets, [K / 32, N]))
  const scaled = node(b, `${layer}/MatMul_Q4`, 'com.microsoft.MatMulNBits', [x, packed, scale], attrs)
  const shifted = node(b, `${layer}/Offset/MatMul`, 'MatMul', [await blockSums(b, x, K), offset])
  return node(b, `${layer}/Add`, 'Add', [scaled, shifted])
}

/** The sums of every 32 inputs, x [.., K] → [.., K/32], emitted once for layers that share x. */
async function blockSums(b: Building, x: Value, K: number): Promise<Value> {
  const out = `${x}/block_sums`
  if (b.graph.nodes.some(n => n.outputs[0] === out)) return out
  const ones = `model.block_sums.${K}`
  if (!b.graph.consts.has(ones)) {
    const data = new Float32Array((K * K) / 32)
    for (let k = 0; k < K; k++) data[(k * K) / 32 + Math.floor(k / 32)] = 1
    constant(b, ones, await append(b.data, data, [K, K / 32]))
  }
  return node(b, `${x}/BlockSums`, 'MatMul', [x, ones], {}, [out])
}
