import type { Emit } from '../../graph/emit.js'
import { constOf, GraphError, type Value } from '../../graph/graph.js'
import type { Lowering } from './shared.js'

/*
 * Products of bytes become products of the numbers that they stand for: of the weights exactly, of what is multiplied
 * with them as it was before it was rounded. DynamicQuantizeLinear gives x itself here, with the scale 1 and the zero
 * point 0, so that training sees the float model whose weights are the dequantized ones.
 */

/** Numbers less their zero point [], [1] or, of columns, [N], as floats. What is a float was never rounded. */
export function centred(e: Emit, q: Value, zero: Value | undefined): Value {
  if (e.type(q).dtype === 'float32') return q
  const dims = zero ? (e.dims(zero) as number[]) : []
  if (dims.length > 1) throw new GraphError(`zero points [${dims}] of single rows are not supported`)
  const columns = dims[0] ?? 1
  const one = e.bytes('one', constOf(Array(columns).fill(1), dims, 'float32'))
  return e.op(
    'DequantizeLinear',
    [q, one, ...(zero ? [zero] : [])],
    columns === 1 ? {} : { axis: e.dims(q).length - 1 },
  )
}

/** (a − a's zero)·(b − b's zero) */
export const integerProduct: Lowering = {
  name: 'MatMulInteger',
  apply(node, e) {
    if (node.op !== 'MatMulInteger') return false
    const [a, b, aZero, bZero] = node.inputs as [Value, Value, Value?, Value?]
    e.op('MatMul', [centred(e, a, aZero || undefined), centred(e, b, bZero || undefined)], {}, node.outputs[0]!)
    return true
  },
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
    else if (node.op === 'com.microsoft.DynamicQuantizeMatMul')
      factors = [given[0], undefined, given[2], undefined, given[3], given[4]]
    else return false
    const [a, aScale, bScale, aZero, bZero, bias] = factors
    const product = e.matmul(centred(e, a!, aZero), centred(e, b, bZero))
    const scale = aScale ? e.mul(aScale, bScale!) : bScale!
    if (bias) e.op('Add', [e.mul(product, scale), bias], {}, node.outputs[0]!)
    else e.op('Mul', [product, scale], {}, node.outputs[0]!)
    return true
  },
}
