import type { Graph, Node, Value } from '../graph/graph.js'
import { broadcast } from '../graph/ops.js'
import { type Rule, rewrite } from '../graph/rewrite.js'
import { prune } from './prune.js'

/** True for a Transpose of just the last two axes. */
function swapsLastTwo(node: Node | undefined): boolean {
  if (node?.op !== 'Transpose' || !Array.isArray(node.attrs.perm)) return false
  const n = node.attrs.perm.length
  return node.attrs.perm.every((p, i) => p === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i))
}

interface Factor {
  value: Value
  swapped: boolean
}

/** What a factor was before it was transposed; the second of two transposes undoes the first (a tied LM head's gradient). */
function untransposed(v: Value, producer: Map<Value, Node>): Factor {
  const from = producer.get(v)
  if (!swapsLastTwo(from)) return { value: v, swapped: false }
  const { value, swapped } = untransposed(from!.inputs[0]!, producer)
  return { value, swapped: !swapped }
}

/** aᵀ·b, a·bᵀ and aᵀ·bᵀ in one operation that reads the factors as they lie: no transposed copy of a weight is made. */
const fuseTranspose: Rule = {
  name: 'FusedMatMul',
  apply(node, e, { producer }) {
    if (node.op !== 'MatMul') return false
    const [a, b] = node.inputs.map(v => untransposed(v, producer)) as [Factor, Factor]
    if (a.value === node.inputs[0] && b.value === node.inputs[1]) return false
    const attrs = { transA: Number(a.swapped), transB: Number(b.swapped), alpha: { float: 1 } }
    e.op('com.microsoft.FusedMatMul', [a.value, b.value], attrs, node.outputs[0]!)
    return true
  },
}

/** Arithmetic that repeats its smaller operand by itself needs no repeated copy of it. */
const dropExpand: Rule = {
  name: 'Expand',
  apply(node, e, { producer }) {
    if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.op)) return false
    const at = node.inputs.findIndex(v => producer.get(v)?.op === 'Expand')
    if (at < 0) return false
    const small = producer.get(node.inputs[at]!)!.inputs[0]!
    const inputs = node.inputs.with(at, small)
    const [a, b] = inputs.map(v => e.dims(v))
    if (String(broadcast(a!, b!)) !== String(e.dims(node.outputs[0]!))) return false
    e.keep({ ...node, inputs })
    return true
  },
}

/**
 * The graph with transposes folded into the products that read them, and without needless copies. For float32 (the
 * runtime has no float64 kernel of FusedMatMul).
 */
export function fuse(graph: Graph): { graph: Graph; hits: Record<string, number> } {
  const { graph: out, hits } = rewrite(graph, [fuseTranspose, dropExpand], 'fusing')
  return { graph: prune(out), hits }
}
