import type { Emit } from '../graph/emit.js'
import { GraphError, type Node, type Value } from '../graph/graph.js'
import { attr } from '../graph/ops.js'
import { dequantized } from './quantized.js'

/**
 * Emits the backward of one node with one output.
 *
 * @param dy cotangent of the node's output, of that output's type
 * @returns one cotangent per input, null where no gradient flows (indices, sizes, masks); axes that broadcasting added
 * are still in it: they are summed away by the caller. What turns out not to be needed is pruned later.
 */
export type Vjp = (e: Emit, node: Node, dy: Value) => (Value | null)[]

type In = [Value, Value, Value]

/**
 * One rule per op, one line of mathematics above each; `dx` is the cotangent of x. null says that nothing flows
 * through: what such an op gives does not change with small changes of its inputs.
 */
export const VJPS: Readonly<Record<string, Vjp | null>> = {
  Shape: null,
  Equal: null,
  Less: null,
  LessOrEqual: null,
  Greater: null,
  GreaterOrEqual: null,
  IsNaN: null,

  // y = a + b             da = dy                  db = dy
  Add: (_e, _node, dy) => [dy, dy],

  // y = a − b             da = dy                  db = −dy
  Sub: (e, _node, dy) => [dy, e.neg(dy)],

  // y = a ∘ b             da = dy ∘ b              db = dy ∘ a            (a ∘ a: 2dy ∘ a)
  Mul: (e, { inputs: [a, b] }, dy) => (a === b ? [e.mul(e.scale(dy, 2), a!), null] : [e.mul(dy, b!), e.mul(dy, a!)]),

  // y = a / b             da = dy / b              db = −da ∘ y
  Div: (e, { inputs, outputs }, dy) => {
    const da = e.div(dy, inputs[1]!)
    return [da, e.neg(e.mul(da, outputs[0]!))]
  },

  // y = −x                dx = −dy
  Neg: (e, _node, dy) => [e.neg(dy)],

  // y = √x                dx = dy / 2y
  Sqrt: (e, { outputs }, dy) => [e.div(dy, e.scale(outputs[0]!, 2))],

  // y = 1/x               dx = −dy ∘ y²
  Reciprocal: (e, { outputs: [y] }, dy) => [e.neg(e.mul(dy, e.mul(y!, y!)))],

  // y = σ(x)              dx = dy ∘ y ∘ (1 − y)
  Sigmoid: (e, { outputs: [y] }, dy) => [e.mul(dy, e.mul(y!, e.sub(e.scalar(1, y!), y!)))],

  // y = x where x > 0, else 0               dx = dy there, else 0
  Relu: (e, { inputs: [x] }, dy) => [choose(e, e.op('Less', [e.scalar(0, x!), x!]), dy, 0)],

  // y = tanh x            dx = dy ∘ (1 − y²)
  Tanh: (e, { outputs: [y] }, dy) => [e.mul(dy, e.sub(e.scalar(1, y!), e.mul(y!, y!)))],

  // y = erf x             dx = dy ∘ 2/√π · exp(−x²)
  Erf: (e, { inputs: [x] }, dy) => [e.mul(dy, e.scale(e.op('Exp', [e.neg(e.mul(x!, x!))]), 2 / Math.sqrt(Math.PI)))],

  // y = eˣ                dx = dy ∘ y
  Exp: (e, { outputs: [y] }, dy) => [e.mul(dy, y!)],

  // y = ln x              dx = dy / x
  Log: (e, { inputs: [x] }, dy) => [e.div(dy, x!)],

  // y = xⁿ                dx = dy ∘ n ∘ xⁿ⁻¹              (n is a constant)
  Pow: (e, { inputs }, dy) => {
    const [x, n] = inputs as In
    const slope = e.op('Pow', [x, e.sub(n, e.scalar(1, n))])
    return [e.mul(dy, e.mul(e.type(n).dtype === e.type(x).dtype ? n : e.cast(n, e.type(x).dtype), slope)), null]
  },

  // y = max(a, b)         da = dy where a ≥ b            db = dy elsewhere
  Max: (e, node, dy) => {
    const [a, b] = pair(node)
    const first = e.op('LessOrEqual', [b, a])
    return [choose(e, first, dy, 0), choose(e, first, 0, dy)]
  },
  Min: (e, node, dy) => {
    const [a, b] = pair(node)
    const first = e.op('LessOrEqual', [a, b])
    return [choose(e, first, dy, 0), choose(e, first, 0, dy)]
  },

  // y = a where c, else b                   da = dy where c, else 0       db = dy where not c, else 0
  Where: (e, { inputs: [c] }, dy) => [null, choose(e, c!, dy, 0), choose(e, c!, 0, dy)],

  // y = x in another type                   dx = dy in the type of x; of integers that were rounded, dy as it is
  Cast: (e, { inputs: [x] }, dy) => {
    const { dtype } = e.type(x!)
    return [dtype.startsWith('float') && dtype !== e.type(dy).dtype ? e.cast(dy, dtype) : dy]
  },

  // y = x repeated along axes               dx = dy summed over them
  Expand: (_e, _node, dy) => [dy, null],

  // y = a·b               da = dy·bᵀ               db = aᵀ·dy
  MatMul: (e, { inputs }, dy) => {
    const [a, b] = inputs as In
    const da = e.matmul(dy, e.t(b))
    if (e.dims(b).length > 2 || e.dims(a).length === 2) return [da, e.matmul(e.t(a), dy)]
    // A matrix shared by all rows of a: one product over the flattened rows instead of a sum of products.
    const rows = (v: Value) => e.reshape(v, -1, e.lastSize(v))
    return [da, e.matmul(e.t(rows(a)), rows(dy))]
  },

  // y = x·Wᵀ, W [N, K] in 4- or 8-bit blocks      dx = dy·W           (W is unpacked from the same bytes; it is frozen)
  'com.microsoft.MatMulNBits': (e, node, dy) => [
    e.matmul(dy, dequantized(e, node)),
    ...node.inputs.slice(1).map(() => null),
  ],

  // y = x/ρ ∘ w, ρ = √(mean(x²) + ε)        dx = (dy∘w − x ∘ Σ(dy∘y) / ρD) / ρ         over the last axis; w is frozen
  // (1/ρ is worked out again: the runtime's own is wrong on WebGPU.)
  SimplifiedLayerNormalization: (e, node, dy) => {
    const [x, w] = node.inputs as [Value, Value]
    const D = e.lastSize(x)
    const square = e.scale(e.op('ReduceSumSquare', [x, e.ints(-1)], { keepdims: 1 }), 1 / D)
    const inverse = e.op('Reciprocal', [e.op('Sqrt', [e.add(square, e.scalar(attr(node.attrs, 'epsilon', 1e-5), x))])])
    const along = e.scale(e.sum(e.mul(dy, node.outputs[0]!), [-1], 1), 1 / D)
    const turned = e.mul(x, e.mul(along, e.mul(inverse, inverse)))
    return [e.sub(e.mul(e.mul(dy, w), inverse), turned), null]
  },

  // y = x∘σ(αx)           dx = dy ∘ (σ(αx) + αy ∘ (1 − σ(αx)))
  'com.microsoft.QuickGelu': (e, node, dy) => {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!]
    const alpha = attr(node.attrs, 'alpha', 1.702)
    const times = (v: Value) => (alpha === 1 ? v : e.scale(v, alpha))
    const s = e.op('Sigmoid', [times(x)])
    return [e.mul(dy, e.add(s, e.mul(times(y), e.sub(e.scalar(1, s), s))))]
  },

  // y = x turned by the angles of its positions        dx = dy turned back
  'com.microsoft.RotaryEmbedding': (e, node, dy) => {
    const [, positions, cos, sin] = node.inputs as [Value, Value, Value, Value]
    return [e.op(node.op, [dy, positions, cos, e.neg(sin)], node.attrs), null, null, null]
  },

  // y = softmax(x)        dx = y ∘ (dy − Σ dy ∘ y)           along the axis
  Softmax: (e, node, dy) => {
    const y = node.outputs[0]!
    return [e.mul(y, e.sub(dy, e.sum(e.mul(dy, y), [e.axis(node, -1)], 1)))]
  },

  // y = Σ x               dx = dy spread over the summed axes
  ReduceSum: (e, node, dy) => [spread(e, node, dy), null],

  // y = mean x            dx = dy / n spread over the n elements averaged
  ReduceMean: (e, node, dy) => {
    const x = node.inputs[0]!
    const n = axesOf(e, node).reduce((product, axis) => {
      const size = e.dims(x)[axis]
      if (typeof size !== 'number')
        throw new GraphError(`gradient of ${node.name}: the size of axis ${axis} of [${e.dims(x)}] must be known`)
      return product * size
    }, 1)
    return [spread(e, node, e.scale(dy, 1 / n)), null]
  },

  // y = x with axes permuted                dx = dy permuted back
  Transpose: (e, node, dy) => {
    const rank = e.dims(node.inputs[0]!).length
    const perm = (node.attrs.perm as number[] | undefined) ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
    return [e.op('Transpose', [dy], { perm: perm.map((_, i) => perm.indexOf(i)) })]
  },

  // y = x in another shape                  dx = dy in the shape of x
  Reshape: (e, { inputs: [x] }, dy) => [like(e, dy, x!), null],
  Unsqueeze: (e, { inputs: [x] }, dy) => [like(e, dy, x!), null],
  Squeeze: (e, { inputs: [x] }, dy) => [like(e, dy, x!), null],
  Flatten: (e, { inputs: [x] }, dy) => [like(e, dy, x!)],

  // y = x[from:to]        dx = dy with zeros around
  Slice: (e, node, dy) => {
    const x = node.inputs[0]!
    if (node.inputs[4] && e.values(node.inputs[4]).some(step => step !== 1))
      throw new GraphError(`gradient of ${node.name}: only slices of neighbours have one, not with another step`)
    const before = e.dims(x).map(() => 0)
    const after = e.dims(x).map(() => 0)
    const [starts, ends, axes] = [1, 2, 3].map(i => e.values(node.inputs[i]!)) as [number[], number[], number[]]
    for (const [i, a] of axes.entries()) {
      const axis = a < 0 ? a + before.length : a
      const size = e.dims(x)[axis] as number
      const bound = (v: number) => Math.max(0, Math.min(size, v < 0 ? v + size : v))
      before[axis] = bound(starts[i]!)
      after[axis] = size - Math.max(bound(ends[i]!), before[axis]!)
    }
    return [e.op('Pad', [dy, e.ints(...before, ...after)]), ...node.inputs.slice(1).map(() => null)]
  },

  // y = [a, b, …]         da, db, … = the parts of dy
  Concat: (e, node, dy) => {
    const axis = e.axis(node, 0)
    let at = 0
    return node.inputs.map(v => {
      const size = e.dims(v)[axis]
      if (typeof size !== 'number')
        throw new GraphError(`gradient of ${node.name}: the size of axis ${axis} of ${v} must be known`)
      at += size
      return e.slice(dy, axis, at - size, at)
    })
  },

  // y = x[i], rows i of x                   dx = Σ of dy's rows, at i
  Gather: (e, node, dy) => {
    const [x, index] = node.inputs as In
    if (attr(node.attrs, 'axis', 0) !== 0 || e.dims(index).length !== 1)
      throw new GraphError(`gradient of ${node.name}: only rows picked by a list of indices have one`)
    const at = e.op('Unsqueeze', [index, e.ints(-1)])
    return [e.op('ScatterND', [e.zerosLike(x), at, dy], { reduction: 'add' }), null]
  },
}

/** The two operands of a node that may have more. */
const pair = (node: Node): [Value, Value] => {
  if (node.inputs.length !== 2)
    throw new GraphError(`gradient of ${node.name}: ${node.op} of ${node.inputs.length} values; only of two it has one`)
  return node.inputs as [Value, Value]
}

/** `a` where the condition holds, else `b`; one of them is 0. */
const choose = (e: Emit, condition: Value, a: Value | 0, b: Value | 0): Value => {
  const like = a === 0 ? b : a
  return e.op('Where', [condition, ...[a, b].map(v => (v === 0 ? e.scalar(0, like as Value) : v))])
}

const axesOf = (e: Emit, node: Node): number[] => {
  const rank = e.dims(node.inputs[0]!).length
  return e.values(node.inputs[1]!).map(a => (a < 0 ? a + rank : a))
}

/** `dy` with the axes that `node` reduced put back, and its values repeated along them. */
function spread(e: Emit, node: Node, dy: Value): Value {
  const x = node.inputs[0]!
  const kept = attr(node.attrs, 'keepdims', 1) ? dy : e.op('Unsqueeze', [dy, e.ints(...axesOf(e, node))])
  return e.typed('Expand', [kept, e.op('Shape', [x])], {}, e.type(x))
}

/**
 * `v` in the shape of `x`, which has as many elements. Sizes that are known, or that stand at the same place in `v`, are
 * written down; to ask `x` itself would keep it in memory until then.
 */
function like(e: Emit, v: Value, x: Value): Value {
  const from = e.dims(v)
  const to = e.dims(x).map((d, i) => (typeof d === 'number' ? d : d === from[i] ? 0 : -1))
  const unknown = to.filter(d => d === -1).length
  return unknown > 1
    ? e.typed('Reshape', [v, e.op('Shape', [x])], {}, e.type(x))
    : e.typed('Reshape', [v, e.ints(...to)], {}, e.type(x))
}
