import { type Graph, type Node, numbers, type Value } from '../graph/graph.js'
import { broadcast } from '../graph/ops.js'
import { type Before, type Rule, rewrite } from '../graph/rewrite.js'
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

const scalarOf = ({ graph }: Before, v: Value): number | undefined => {
  const c = graph.consts.get(v)
  return c && c.type.dims.length === 0 ? numbers(c)[0] : undefined
}

/** The factor x of c·x, and c. */
function unscaled(v: Value, before: Before): { value: Value; scale: number } {
  const from = before.producer.get(v)
  if (from?.op !== 'Mul') return { value: v, scale: 1 }
  const at = from.inputs.findIndex(i => scalarOf(before, i) !== undefined)
  return at < 0 ? { value: v, scale: 1 } : { value: from.inputs[1 - at]!, scale: scalarOf(before, from.inputs[at]!)! }
}

/**
 * α · aᵀ·b, a·bᵀ and aᵀ·bᵀ in one operation that reads the factors as they lie: no transposed copy of a weight and no
 * scaled copy of a factor is made.
 */
const fuseTranspose: Rule = {
  name: 'FusedMatMul',
  apply(node, e, before) {
    if (node.op !== 'MatMul') return false
    let alpha = 1
    const [a, b] = node.inputs.map(v => {
      const { value, swapped } = untransposed(v, before.producer)
      const inner = unscaled(value, before)
      alpha *= inner.scale
      const under = untransposed(inner.value, before.producer)
      return { value: under.value, swapped: swapped !== under.swapped }
    }) as [Factor, Factor]
    if (a.value === node.inputs[0] && b.value === node.inputs[1]) return false
    const attrs = { transA: Number(a.swapped), transB: Number(b.swapped), alpha: { float: alpha } }
    e.op('com.microsoft.FusedMatMul', [a.value, b.value], attrs, node.outputs[0]!)
    return true
  },
}

/** How far below the largest score of its row a score counts: e⁻⁴⁰ = 4e-18 of the largest is nothing to a float32 sum. */
const LEAST = -40

/**
 * Softmax of masked scores, with its tail cut at e⁻⁴⁰. Exponentials of scores far below are subnormal numbers, for which
 * the processor takes six times as long; gradients of weights not much larger than those are subnormal too, so the tail
 * is cut well above.
 */
const softmax: Rule = {
  name: 'Softmax',
  apply(node, e, { producer }) {
    const [x] = node.inputs as [Value]
    const axis = e.axis(node, -1)
    if (node.op !== 'Softmax' || producer.get(x)?.op !== 'Add' || axis !== e.dims(x).length - 1) return false
    const below = e.sub(x, e.op('ReduceMax', [x, e.ints(axis)], { keepdims: 1 }))
    e.op('Softmax', [e.op('Max', [below, e.scalar(LEAST, x)])], { axis }, node.outputs[0]!)
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
  const { graph: out, hits } = rewrite(graph, [fuseTranspose, dropExpand, softmax], 'fusing')
  return { graph: prune(out), hits }
}
