import type { Emit } from '../graph/emit.js'
import type { Graph, Value } from '../graph/graph.js'
import { rewrite } from '../graph/rewrite.js'
import { headOf } from './head.js'

/**
 * Evaluates the LM head only for the last tokens: adds the input `num_logits_to_keep` [] int64, 0 for all. It is the
 * name transformers.js knows: it asks for one row while generating, which saves the head's work over the prompt.
 *
 *     logits [B, T, V] = head(x)    becomes    logits [B, n, V] = head(x[:, −n:])
 *
 * A graph that has the input already, or whose logits [B, T, V] do not come from a linear node, is left alone.
 */
export function keepLastLogits(graph: Graph): Graph {
  const head = headOf(graph)
  const logits = graph.types.get('logits')
  if (!head || logits?.dims.length !== 3 || graph.inputs.includes('num_logits_to_keep')) return graph
  const [B, , V] = logits.dims
  const rule = {
    name: 'last-logits',
    apply(node: Graph['nodes'][number], e: Emit) {
      if (node !== head.node) return false
      const n = e.reshape(e.input('num_logits_to_keep', [], 'int64'), 1)
      // −0 is 0: all rows.
      const bounds = [e.neg(n), e.ints(2 ** 31 - 1), e.ints(1)]
      e.keep({ ...node, inputs: [lastRows(e, node.inputs[0]!, bounds), ...node.inputs.slice(1)] })
      for (const { outputs } of [node, ...head.after]) e.graph.types.delete(outputs[0]!)
      e.graph.types.set('logits', { dtype: logits.dtype, dims: [B!, 'kept', V!] })
      return true
    },
  }
  return rewrite(graph, [rule], 'last-logits', 'exported').graph
}

function lastRows(e: Emit, x: Value, bounds: Value[]): Value {
  const t = e.graph.types.get(x)
  if (t) return e.typed('Slice', [x, ...bounds], {}, { dtype: t.dtype, dims: t.dims.with(1, 'kept') })
  const rows = e.fresh('slice')
  e.keep({ name: e.fresh('slice_node'), op: 'Slice', inputs: [x, ...bounds], outputs: [rows], attrs: {} })
  return rows
}
