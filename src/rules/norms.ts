import type { Emit } from '../graph/emit.js'
import { type Graph, GraphError, type Node, type Value } from '../graph/graph.js'
import { attr } from '../graph/ops.js'
import { rewrite } from '../graph/rewrite.js'

/** Inputs of GroupQueryAttention that hold the weights [W] of the norms of queries and keys. */
const [QUERY_NORM, KEY_NORM] = [14, 15]

/**
 * Norms of queries and keys as nodes before the attention that an exporter gave their weights to: not every device's
 * kernel of GroupQueryAttention has them inside (the CPU's refuses them).
 */
export function normsBeforeAttention(graph: Graph): Graph {
  const rule = {
    name: 'norms-before-attention',
    apply(node: Node, e: Emit) {
      const weights = [QUERY_NORM, KEY_NORM].map(i => node.inputs[i])
      if (node.op !== 'com.microsoft.GroupQueryAttention' || !weights[0] || !weights[1]) return false
      const [H, K] = [attr(node.attrs, 'num_heads'), attr(node.attrs, 'kv_num_heads')]
      const W = graph.consts.get(weights[0])?.type.dims[0]
      if (W === undefined)
        throw new GraphError(`${node.name}: the norm of its queries (${weights[0]}) must be a constant [W]`)
      const epsilon = { float: attr(node.attrs, 'qk_norm_epsilon', 1e-6) }
      const append = (op: string, inputs: Value[], attrs: Node['attrs'] = {}): Value => {
        const out = e.fresh('norm')
        e.graph.nodes.push({ name: e.fresh('norm_node'), op, inputs, outputs: [out], attrs })
        return out
      }
      const part = (i: number, from: number, n: number): Value => {
        if (node.inputs[1]) return node.inputs[i]!
        return append('Slice', [node.inputs[0]!, e.ints(from * W), e.ints((from + n) * W), e.ints(2)])
      }
      const normed = (x: Value, n: number, w: Value): Value => {
        const heads = append('Reshape', [x, e.ints(0, 0, n, W)])
        const unit = append('SimplifiedLayerNormalization', [heads, w], { axis: -1, epsilon, stash_type: 1 })
        return append('Reshape', [unit, e.ints(0, 0, n * W)])
      }
      const q = normed(part(0, 0, H), H, weights[0])
      const k = normed(part(1, H, K), K, weights[1])
      const rest = node.inputs.slice(3).map((v, i) => (i + 3 === QUERY_NORM || i + 3 === KEY_NORM ? '' : v))
      const { qk_norm_epsilon: _, ...attrs } = node.attrs
      while (rest.at(-1) === '') rest.pop()
      e.graph.nodes.push({ ...node, inputs: [q, k, part(2, H + K, K), ...rest], attrs })
      return true
    },
  }
  return rewrite(graph, [rule], rule.name, 'exported').graph
}
