import type { Emit } from '../../graph/emit.js'
import { constOf, GraphError, type Value } from '../../graph/graph.js'
import type { Lowering } from './shared.js'

/** Integers as floats, less their zero point [], [1] or, of columns, [N]. */
function centred(e: Emit, q: Value, zero: Value | undefined): Value {
  const dims = zero ? (e.dims(zero) as number[]) : []
  if (dims.length > 1) throw new GraphError(`zero points [${dims}] of single rows are not supported`)
  const columns = dims[0] ?? 1
  const one = columns === 1 ? e.const([1], dims, 'float32') : ones(e, columns)
  return e.op(
    'DequantizeLinear',
    [q, one, ...(zero ? [zero] : [])],
    columns === 1 ? {} : { axis: e.dims(q).length - 1 },
  )
}
const ones = (e: Emit, n: number): Value => e.bytes('ones', constOf(Array(n).fill(1), [n], 'float32'))

/**
 * A product of integers as a product of the same numbers in float32, which has a gradient; what it is multiplied with
 * makes it float anyway. `DynamicQuantizeLinear`, which made a of x, stays: training sees the roundings that answering
 * sees.
 */
export const integerProduct: Lowering = {
  name: 'MatMulInteger',
  apply(node, e) {
    if (node.op !== 'MatMulInteger') return false
    const [a, b, aZero, bZero] = node.inputs as [Value, Value, Value?, Value?]
    e.op('MatMul', [centred(e, a, aZero || undefined), centred(e, b, bZero || undefined)], {}, node.outputs[0]!)
    return true
  },
}

/** x as unsigned bytes, their scale and zero point, over the range of all of x. */
function rounded(e: Emit, x: Value): [Value, Value, Value] {
  const outputs = ['rounded', 'scale', 'zero'].map(name => e.fresh(name)) as [Value, Value, Value]
  e.keep({ name: e.fresh('rounding'), op: 'DynamicQuantizeLinear', inputs: [x], outputs, attrs: {} })
  return outputs
}

/**
 * Such a product already scaled. y = ((a − a's zero)·(b − b's zero)) ∘ a's scale ∘ b's scale + bias
 *
 *     DynamicQuantizeMatMul   (x, b, b's scale, b's zero, bias): a is x, rounded inside
 *     MatMulIntegerToFloat    (a, b, a's scale, b's scale, a's zero, b's zero, bias)
 */
export const scaledIntegerProduct: Lowering = {
  name: 'MatMulIntegerToFloat',
  apply(node, e) {
    const given = node.inputs.map(v => v || undefined)
    const b = node.inputs[1]!
    let factors: (Value | undefined)[]
    if (node.op === 'com.microsoft.MatMulIntegerToFloat') factors = [given[0], ...given.slice(2)]
    else if (node.op === 'com.microsoft.DynamicQuantizeMatMul') {
      const [a, scale, zero] = rounded(e, given[0]!)
      factors = [a, scale, given[2], zero, given[3], given[4]]
    } else return false
    const [a, aScale, bScale, aZero, bZero, bias] = factors
    const product = e.matmul(centred(e, a!, aZero), centred(e, b, bZero))
    const scale = e.mul(aScale!, bScale!)
    if (bias) e.op('Add', [e.mul(product, scale), bias], {}, node.outputs[0]!)
    else e.op('Mul', [product, scale], {}, node.outputs[0]!)
    return true
  },
}
