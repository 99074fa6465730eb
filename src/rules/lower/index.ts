import { type Graph, GraphError } from '../../graph/graph.js'
import { OPS } from '../../graph/ops.js'
import { rewrite } from '../../graph/rewrite.js'
import { prune } from '../prune.js'
import { attention } from './attention.js'
import { fusedMatMul } from './matmul.js'
import { normalization, skipNormalization } from './norm.js'

/**
 * An exported decoder as a plain function of whole sequences: fused operators become operators that have a gradient,
 * and the key/value cache is gone.
 *
 *     input_ids [B, T] → logits [B, T, V]
 *
 * Sequences are right-padded: with causal attention no token sees the padding behind it, so there is no mask input,
 * and token t has position t.
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
  // What an exporter noted about sizes uses its own symbols; they are worked out again from input_ids [B, T].
  const known = new Set([...exported.inputs, ...exported.consts.keys()])
  const types = new Map([...exported.types].filter(([v]) => known.has(v)))
  types.set('input_ids', { dtype: 'int64', dims: ['B', 'T'] })
  const sequences = prune({ ...exported, opset: Math.max(exported.opset, 21), outputs: ['logits'], types })
  const rules = [normalization, skipNormalization, fusedMatMul, attention()]
  const unknown = sequences.nodes.find(n => !OPS[n.op])
  if (unknown)
    throw new GraphError(`lowering a decoder: operator ${unknown.op} (node ${unknown.name}) is not supported`)
  const { graph, hits } = rewrite(sequences, rules, 'lowering')
  const plain = prune(graph)
  const left = plain.inputs.filter(v => v !== 'input_ids')
  if (left.length > 0)
    throw new GraphError(
      `lowering a decoder: input ${left[0]} is still used (by ${plain.nodes.find(n => n.inputs.includes(left[0]!))?.name})`,
    )
  return { graph: plain, hits }
}
