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
  scale: number
}

/** What a factor was before it was transposed and scaled; the second of two transposes undoes the first. */
function bare(v: Value, before: Before): Factor {
  const from = before.producer.get(v)
  if (swapsLastTwo(from)) {
    const inner = bare(from!.inputs[0]!, before)
    return { ...inner, swapped: !inner.swapped }
  }
  const constant = from?.op === 'Mul' ? from.inputs.findIndex(i => scalarOf(before, i) !== undefined) : -1
  if (constant < 0) return { value: v, swapped: false, scale: 1 }
  const inner = bare(from!.inputs[1 - constant]!, before)
  return { ...inner, scale: inner.scale * scalarOf(before, from!.inputs[constant]!)! }
}

function scalarOf({ graph }: Before, v: Value): number | undefined {
  const c = graph.consts.get(v)
  return c?.type.dims.length === 0 ? numbers(c)[0] : undefined
}

/**
 * α · aᵀ·b, a·bᵀ and aᵀ·bᵀ in one operation that reads the factors as they lie: no transposed copy of a weight and no
 * scaled copy of a factor is made.
 */
const fuseFactors: Rule = {
  name: 'FusedMatMul',
  apply(node, e, before) {
    if (node.op !== 'MatMul') return false
    const [a, b] = node.inputs.map(v => bare(v, before)) as [Factor, Factor]
    if (a.value === node.inputs[0] && b.value === node.inputs[1]) return false
    const attrs = { transA: Number(a.swapped), transB: Number(b.swapped), alpha: { float: a.scale * b.scale } }
    e.op('com.microsoft.FusedMatMul', [a.value, b.value], attrs, node.outputs[0]!)
    return true
  },
}

/** (a·b)ᵀ as bᵀ·aᵀ: the gradient of a factor that was read transposed. */
const fuseResult: Rule = {
  name: 'transposed result',
  apply(node, e, before) {
    const product = before.producer.get(node.inputs[0]!)
    if (!swapsLastTwo(node) || product?.op !== 'MatMul' || before.consumers.get(product.outputs[0]!)!.length > 1)
      return false
    const [a, b] = product.inputs.map(v => bare(v, before)) as [Factor, Factor]
    const attrs = { transA: Number(!b.swapped), transB: Number(!a.swapped), alpha: { float: a.scale * b.scale } }
    e.op('com.microsoft.FusedMatMul', [b.value, a.value], attrs, node.outputs[0]!)
    return true
  },
}

/**
 * Sums of a row of (a·bᵀ) ∘ y as sums of a row of a ∘ (y·b), where y·b is there anyway: in the gradient of attention a row
 * of y has as many elements as there are tokens, a row of y·b as a head is wide (as in FlashAttention, Dao et al. 2022).
 */
const rowSums: Rule = {
  name: 'row sums',
  apply(node, e, { producer, consumers, graph }) {
    const product = producer.get(node.inputs[0]!)
    const axes = graph.consts.get(node.inputs[1] ?? '')
    const rank = e.dims(node.inputs[0]!).length
    if (node.op !== 'ReduceSum' || product?.op !== 'Mul' || !axes || !node.attrs.keepdims) return false
    if (axes.type.dims[0] !== 1 || ![-1, rank - 1].includes(numbers(axes)[0]!)) return false
    for (const [d, y] of [product.inputs, product.inputs.toReversed()] as [Value, Value][]) {
      const [a, bT] = producer.get(d)?.op === 'MatMul' ? producer.get(d)!.inputs : []
      const b = swapsLastTwo(producer.get(bT ?? '')) ? producer.get(bT!)!.inputs[0] : undefined
      const mixed = consumers.get(y)?.find(n => n.op === 'MatMul' && n.inputs[0] === y && n.inputs[1] === b)?.outputs[0]
      if (b === undefined || mixed === undefined || String(e.dims(mixed)) !== String(e.dims(a!))) continue
      e.op('ReduceSum', [e.mul(a!, mixed), node.inputs[1]!], node.attrs, node.outputs[0]!)
      return true
    }
    return false
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
    const floor = e.add(e.op('ReduceMax', [x, e.ints(axis)], { keepdims: 1 }), e.scalar(LEAST, x))
    e.op('Softmax', [e.op('Max', [x, floor])], { axis }, node.outputs[0]!)
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
  const { graph: out, hits } = rewrite(graph, [fuseFactors, fuseResult, rowSums, dropExpand, softmax], 'fusing')
  return { graph: prune(out), hits }
}
