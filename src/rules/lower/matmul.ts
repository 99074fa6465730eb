import { GraphError, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering } from './shared.js'

/** A product with transposed factors as transposes and a product, which have gradients; `fuse` joins them again. */
export const fusedMatMul: Lowering = {
  name: 'FusedMatMul',
  apply(node, e) {
    if (node.op !== 'com.microsoft.FusedMatMul') return false
    if (attr(node.attrs, 'transBatchA', 0) || attr(node.attrs, 'transBatchB', 0))
      throw new GraphError(`lowering ${node.name}: transposed batches are not supported`)
    const factor = (name: string, v: Value) => (attr(node.attrs, name, 0) ? e.t(v) : v)
    const a = factor('transA', node.inputs[0]!)
    const alpha = attr(node.attrs, 'alpha', 1)
    e.op('MatMul', [alpha === 1 ? a : e.scale(a, alpha), factor('transB', node.inputs[1]!)], {}, node.outputs[0]!)
    return true
  },
}

/** alpha·a·b + beta·c, either factor transposed on request. */
export const gemm: Lowering = {
  name: 'Gemm',
  apply(node, e) {
    if (node.op !== 'Gemm') return false
    const [a, b, c] = node.inputs as [Value, Value, Value?]
    const factor = (name: string, v: Value) => (attr(node.attrs, name, 0) ? e.t(v) : v)
    const scaled = (v: Value, name: string) =>
      attr(node.attrs, name, 1) === 1 ? v : e.scale(v, attr(node.attrs, name))
    const inputs = [scaled(factor('transA', a), 'alpha'), factor('transB', b)]
    if (!c) e.op('MatMul', inputs, {}, node.outputs[0]!)
    else e.op('Add', [e.op('MatMul', inputs), scaled(c, 'beta')], {}, node.outputs[0]!)
    return true
  },
}
