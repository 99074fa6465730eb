import { type Rule, rewrite } from '../graph/rewrite.js'
import type { Graph, Node } from '../graph/graph.js'
import { prune } from './prune.js'

/** True for a Transpose of just the last two axes. */
function swapsLastTwo(node: Node | undefined): boolean {
  if (node?.op !== 'Transpose' || !Array.isArray(node.attrs.perm)) return false
  const n = node.attrs.perm.length
  return node.attrs.perm.every((p, i) => p === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i))
}

/** aᵀ·b, a·bᵀ and aᵀ·bᵀ in one operation that reads the factors as they lie: no transposed copy of a weight is made. */
const fuseTranspose: Rule = {
  name: 'FusedMatMul',
  apply(node, e, { producer }) {
    if (node.op !== 'MatMul') return false
    const from = node.inputs.map(v => producer.get(v))
    const [transA, transB] = from.map(swapsLastTwo)
    if (!transA && !transB) return false
    const inputs = node.inputs.map((v, i) => (swapsLastTwo(from[i]) ? from[i]!.inputs[0]! : v))
    e.op('com.microsoft.FusedMatMul', inputs, { transA: Number(transA), transB: Number(transB), alpha: { float: 1 } }, node.outputs[0]!)
    return true
  },
}

/** The graph with transposes folded into the products that read them. For float32 (the runtime has no float64 kernel). */
export function fuse(graph: Graph): { graph: Graph; hits: Record<string, number> } {
  const { graph: out, hits } = rewrite(graph, [fuseTranspose], 'fusing')
  return { graph: prune(out), hits }
}
