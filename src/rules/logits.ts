import { consumers, type Graph } from '../graph/graph.js'
import { rewrite } from '../graph/rewrite.js'

/**
 * Evaluates the LM head only for the last tokens: adds the input `num_logits_to_keep` [] int64, 0 for all. It is the
 * name transformers.js knows: it asks for one row while generating, which saves the head's work over the prompt.
 *
 *     logits [B, T, V] = head(x)    becomes    logits [B, n, V] = head(x[:, −n:])
 *
 * A graph that has the input already, or whose logits do not come straight from a node of x [B, T, D], is left alone.
 */
export function keepLastLogits(graph: Graph): Graph {
  const readers = consumers(graph)
  if (graph.inputs.includes('num_logits_to_keep')) return graph
  return rewrite(
    graph,
    [
      {
        name: 'last-logits',
        apply(node, e) {
          const x = node.inputs[0]!
          if (node.outputs[0] !== 'logits' || readers.has('logits') || e.graph.types.get(x)?.dims.length !== 3)
            return false
          const n = e.reshape(e.input('num_logits_to_keep', [], 'int64'), 1)
          // −0 is 0: all rows.
          const kept = { dtype: e.type(x).dtype, dims: [e.dims(x)[0]!, 'kept', e.dims(x)[2]!] }
          const rows = e.typed('Slice', [x, e.neg(n), e.ints(2 ** 31 - 1), e.ints(1)], {}, kept)
          e.keep({ ...node, inputs: [rows, ...node.inputs.slice(1)] })
          e.graph.types.set('logits', {
            dtype: e.type('logits').dtype,
            dims: [e.dims(x)[0]!, 'kept', e.dims('logits')[2]!],
          })
          return true
        },
      },
    ],
    'last-logits',
  ).graph
}
