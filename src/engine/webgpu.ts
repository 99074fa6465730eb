import type { Emit } from '../graph/emit.js'
import { consumers, type Graph, GraphError, type Value } from '../graph/graph.js'
import { attr } from '../graph/ops.js'
import { type Rule, rewrite } from '../graph/rewrite.js'

/**
 * Most buffers that one operation may read beside the one it writes: a WebGPU device promises 8 storage buffers to a
 * shader. With more, the runtime's kernels give zeros and no error.
 */
const MOST = 7

/** Concatenations of many parts as a tree of small ones. */
const concat: Rule = {
  name: 'Concat',
  apply(node, e) {
    if (node.op !== 'Concat' || node.inputs.length <= MOST) return false
    const joined = (parts: Value[]): Value[] =>
      parts.length <= MOST
        ? parts
        : joined(inParts(parts).map(few => (few.length === 1 ? few[0]! : e.op('Concat', few, node.attrs))))
    e.op('Concat', joined(node.inputs), node.attrs, node.outputs[0]!)
    return true
  },
}

const inParts = (values: Value[]): Value[][] =>
  Array.from({ length: Math.ceil(values.length / MOST) }, (_, i) => values.slice(i * MOST, (i + 1) * MOST))

/** A Split into many parts as a Slice for each. */
const split: Rule = {
  name: 'Split',
  apply(node, e) {
    if (node.op !== 'Split' || node.outputs.length <= MOST) return false
    const axis = e.axis(node, 0)
    let at = 0
    for (const [i, size] of splitSizes(e, node.inputs, node.outputs.length, axis).entries()) {
      const bounds = [at, at + size, axis].map(x => e.ints(x))
      if (node.outputs[i]) e.op('Slice', [node.inputs[0]!, ...bounds], {}, node.outputs[i])
      at += size
    }
    return true
  },
}

function splitSizes(e: Emit, [x, sizes]: Value[], parts: number, axis: number): number[] {
  if (sizes) return e.values(sizes)
  const total = e.dims(x!)[axis]
  if (typeof total !== 'number')
    throw new GraphError(`for WebGPU: ${x} is split into ${parts} parts along an axis whose size is not known`)
  const size = Math.ceil(total / parts)
  return Array.from({ length: parts }, (_, i) => Math.min(size, total - i * size))
}

/** a·b of transposed factors: the runtime has FusedMatMul on the CPU alone. */
const product: Rule = {
  name: 'FusedMatMul',
  apply(node, e) {
    if (node.op !== 'com.microsoft.FusedMatMul') return false
    if (attr(node.attrs, 'transBatchA', 0) || attr(node.attrs, 'transBatchB', 0))
      throw new GraphError(`for WebGPU: FusedMatMul (node ${node.name}) with transposed batches has no form there`)
    const [a, b] = ['transA', 'transB'].map((name, i) =>
      attr(node.attrs, name, 0) ? e.t(node.inputs[i]!) : node.inputs[i]!,
    ) as [Value, Value]
    const alpha = attr(node.attrs, 'alpha', 1)
    e.op('MatMul', [alpha === 1 ? a : e.scale(a, alpha), b], {}, node.outputs[0]!)
    return true
  },
}

/** log softmax(x) = z − log Σ exp z with z = x − max x: the runtime has LogSoftmax on the CPU alone. */
const logSoftmax: Rule = {
  name: 'LogSoftmax',
  apply(node, e) {
    if (node.op !== 'LogSoftmax') return false
    const x = node.inputs[0]!
    const axis = e.axis(node, -1)
    const z = e.sub(x, e.op('ReduceMax', [x, e.ints(axis)], { keepdims: 1 }))
    const sum = e.sum(e.op('Exp', [z]), [axis], 1)
    e.op('Sub', [z, e.op('Log', [sum])], {}, node.outputs[0]!)
    return true
  },
}

/**
 * sin x and cos x by their series: WGSL promises its own to 2⁻¹¹ only, and that in [−π, π]; rotations by positions made
 * from it are off by 1e-3. n turns are taken off first, 2π in two parts, of which the first times n is exact:
 *
 *     r = (x − n·C₁) − n·C₂      n = ⌊x/2π + ½⌋      C₁ + C₂ = 2π
 *     sin r = r·Σ (−r²)ᵏ/(2k+1)!      cos r = Σ (−r²)ᵏ/(2k)!
 */
const trigonometry: Rule = {
  name: 'trigonometry',
  apply(node, e) {
    const x = node.inputs[0]!
    if ((node.op !== 'Sin' && node.op !== 'Cos') || (e.graph.types.get(x)?.dtype ?? 'float32') !== 'float32')
      return false
    // An export need not say what its values' types are: one is made up while the series is written.
    const madeUp = e.graph.types.has(x) ? undefined : e.graph.nodes.length
    if (madeUp !== undefined) e.graph.types.set(x, { dtype: 'float32', dims: ['any'] })
    const n = e.op('Floor', [e.add(e.scale(x, 1 / (2 * Math.PI)), e.scalar(0.5, x))])
    const r = e.sub(e.sub(x, e.scale(n, TURN)), e.scale(n, 2 * Math.PI - TURN))
    const square = e.neg(e.mul(r, r))
    const odd = node.op === 'Sin' ? 1 : 0
    // Horner: 1 + s/(1·2)·(1 + s/(3·4)·(1 + …)); the first term left out is under 1e-8 at π.
    let sum = e.scalar(1, x)
    for (let k = TERMS; k >= 1; k--)
      sum = e.add(e.mul(e.scale(square, 1 / ((2 * k + odd) * (2 * k + odd - 1))), sum), e.scalar(1, x))
    e.op('Mul', [odd ? r : e.scalar(1, x), sum], {}, node.outputs[0]!)
    if (madeUp !== undefined)
      for (const v of [x, ...e.graph.nodes.slice(madeUp).flatMap(made => made.outputs)]) e.graph.types.delete(v)
    return true
  },
}
/** x∘σ(αx): the runtime has QuickGelu on the CPU alone. */
const silu: Rule = {
  name: 'QuickGelu',
  apply(node, e) {
    if (node.op !== 'com.microsoft.QuickGelu') return false
    const [x] = node.inputs as [Value]
    const alpha = attr(node.attrs, 'alpha', 1.702)
    e.op('Mul', [x, e.op('Sigmoid', [alpha === 1 ? x : e.scale(x, alpha)])], {}, node.outputs[0]!)
    return true
  },
}

/** 2π to eight bits. */
const TURN = 6.28125
const TERMS = 10

/** Operations of any number of inputs for which there is no narrower form here. */
const VARIADIC = ['Sum', 'Mean', 'Max', 'Min']

/**
 * A graph in forms that ONNX Runtime computes rightly on WebGPU, and there (1.30 and 1.31 seen): forms that are too wide
 * are cut into narrow ones; forms that it has on the CPU alone are written with others; forms whose result is wrong are
 * refused.
 *
 * @throws GraphError naming the node
 */
export function forWebGPU(graph: Graph): Graph {
  const readers = consumers(graph)
  const used = (v: Value | undefined) => v !== undefined && v !== '' && (readers.has(v) || graph.outputs.includes(v))
  for (const { op, name, inputs, outputs, attrs } of graph.nodes) {
    if (op === 'com.microsoft.GroupQueryAttention' && attr(attrs, 'softcap', 0) !== 0)
      throw new GraphError(`for WebGPU: attention with a soft-cap (node ${name}) is computed there as if it had none`)
    if (op === 'SimplifiedLayerNormalization' && used(outputs[1]))
      throw new GraphError(`for WebGPU: the second output of ${op} (node ${name}) is wrong there; compute 1/rms from x`)
    if (VARIADIC.includes(op) && inputs.length > MOST)
      throw new GraphError(
        `for WebGPU: ${op} (node ${name}) has ${inputs.length} inputs, at most ${MOST} are read there`,
      )
  }
  const rules = [concat, split, product, logSoftmax, silu, trigonometry]
  return rewrite(graph, rules, 'writing it for WebGPU', 'exported').graph
}
