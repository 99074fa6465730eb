import type { Value } from '../../graph/graph.js'
import type { Lowering } from './shared.js'

/** Powers as products and roots, and 1/x as a reciprocal: forms that are quick and have a quick gradient. */
export const power: Lowering = {
  name: 'Pow',
  apply(node, e) {
    const [x, n] = node.inputs as [Value, Value]
    const y = node.outputs[0]!
    const constant = (v: Value): number | undefined => {
      const c = e.graph.consts.get(v)
      return c?.type.dims.every(d => d === 1) && c.data instanceof Uint8Array ? e.values(v)[0] : undefined
    }
    if (node.op === 'Div' && constant(x) === 1 && String(e.dims(n)) === String(e.infer(node)[0]!.dims))
      e.op('Reciprocal', [n], {}, y)
    else if (node.op !== 'Pow' || String(e.dims(x)) !== String(e.infer(node)[0]!.dims)) return false
    else if (constant(n) === 2) e.op('Mul', [x, x], {}, y)
    else if (constant(n) === 3) e.op('Mul', [e.mul(x, x), x], {}, y)
    else if (constant(n) === 0.5) e.op('Sqrt', [x], {}, y)
    else if (constant(n) === -0.5) e.op('Reciprocal', [e.op('Sqrt', [x])], {}, y)
    else return false
    return true
  },
}

/** Parts of an axis as slices: an operator of one output each has a gradient, and no device limits their number. */
export const split: Lowering = {
  name: 'Split',
  apply(node, e) {
    if (node.op !== 'Split') return false
    const axis = e.axis(node, 0)
    let at = 0
    for (const [i, { dims }] of e.infer(node).entries()) {
      const size = dims[axis] as number
      const bounds = [at, at + size, axis].map(n => e.ints(n))
      if (node.outputs[i]) e.op('Slice', [node.inputs[0]!, ...bounds], {}, node.outputs[i])
      at += size
    }
    return true
  },
}

/** Bounds as the larger and the smaller of two. */
export const clip: Lowering = {
  name: 'Clip',
  apply(node, e) {
    if (node.op !== 'Clip') return false
    const [x, low, high] = node.inputs as [Value, Value?, Value?]
    const steps = [...(low ? [['Max', low] as const] : []), ...(high ? [['Min', high] as const] : [])]
    steps.reduce(
      (v, [op, bound], i) => e.op(op, [v, bound], {}, i === steps.length - 1 ? node.outputs[0] : undefined),
      x,
    )
    if (steps.length === 0) e.op('Identity', [x], {}, node.outputs[0]!)
    return true
  },
}
