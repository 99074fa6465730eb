import { type Graph, GraphError } from '../../graph/graph.js'
import { OPS } from '../../graph/ops.js'
import { prune } from '../prune.js'
import { activation } from './activation.js'
import { clip, power, split } from './arithmetic.js'
import { groupedAttention, multiHeadAttention } from './attention.js'
import { evaluate } from './evaluate.js'
import { fusedMatMul, gemm } from './matmul.js'
import { layerNormalization, normalization, skipNormalization } from './norm.js'
import { integerProduct, scaledIntegerProduct } from './quantized.js'
import { rotaryEmbedding } from './rotary.js'

const RULES = [
  normalization,
  skipNormalization,
  layerNormalization,
  fusedMatMul,
  gemm,
  integerProduct,
  scaledIntegerProduct,
  groupedAttention,
  multiHeadAttention,
  rotaryEmbedding,
  activation,
  power,
  split,
  clip,
]

/**
 * An exported decoder as a plain function of whole sequences: fused operators become operators that have a gradient,
 * an exporter's arithmetic on shapes is worked out, and the key/value cache is gone.
 *
 *     input_ids [B, T] → logits [B, T, V]
 *
 * Sequences are right-padded: with causal attention no token sees the padding behind it, so there is no mask input,
 * and token t has position t. All is computed in float32; half-precision weights are cast where they are used.
 *
 * @param exported a decoder with inputs `input_ids` and past keys and values, and an output `logits`
 * @returns the graph, and how often each rule fired
 * @throws GraphError naming the first operator that has neither a rule here nor a place in the table of ops
 */
export function lower(exported: Graph): { graph: Graph; hits: Record<string, number> } {
  for (const v of ['input_ids', 'logits'])
    if (![...exported.inputs, ...exported.outputs].includes(v))
      throw new GraphError(
        `lowering a decoder: it has no ${v}; found ${[...exported.inputs, ...exported.outputs].slice(0, 6).join(', ')}, …`,
      )
  const sequences = prune({ ...exported, opset: Math.max(exported.opset, 21), outputs: ['logits'] })
  const unknown = sequences.nodes.find(n => !OPS[n.op])
  if (unknown)
    throw new GraphError(`lowering a decoder: operator ${unknown.op} (node ${unknown.name}) is not supported`)
  return evaluate(sequences, RULES)
}
