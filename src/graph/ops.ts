import { type Const, type Dim, GraphError, type Node, numbers, type Type } from './graph.js'
import { minus, monomials, over, plus, product } from './size.js'

/** What a shape rule may look at: the input types (undefined for absent inputs), attributes, and small constants. */
export interface OpContext {
  inputs: (Type | undefined)[]
  attrs: Node['attrs']
  /** Elements of input `i` if it is a small constant. @throws GraphError if it is not */
  values(i: number): number[]
  /** How many outputs the node has. */
  outputs: number
}

/** One operation this compiler knows: the types of its outputs, from those of its inputs. */
export type ShapeRule = (c: OpContext) => Type[]

export const attr = (attrs: Node['attrs'], name: string, otherwise?: number): number => {
  const a = attrs[name] ?? otherwise
  if (typeof a === 'number') return a
  if (a !== undefined && typeof a === 'object' && 'float' in a) return a.float
  throw new GraphError(`attribute ${name} must be a number, found ${JSON.stringify(a)}`)
}

/** A list of integers given as an attribute. */
export const list = (attrs: Node['attrs'], name: string): number[] | undefined => {
  const a = attrs[name]
  if (a !== undefined && !Array.isArray(a))
    throw new GraphError(`attribute ${name} must be a list of integers, found ${JSON.stringify(a)}`)
  return a
}

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Numpy's broadcasting. Two different symbols are taken for an error: the graph's own symbols are few and known. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) throw new GraphError(`cannot broadcast [${a}] with [${b}]`)
    return x === 1 ? y : x
  })
}

const type = (c: OpContext, i: number): Type => {
  const t = c.inputs[i]
  if (!t) throw new GraphError(`input ${i} is absent or has no known type`)
  return t
}

const same: ShapeRule = c => [type(c, 0)]
/** Of any number of inputs, broadcast to each other. */
const elementwise: ShapeRule = c => [
  { dtype: type(c, 0).dtype, dims: c.inputs.map((_, i) => type(c, i).dims).reduce(broadcast) },
]
const compare: ShapeRule = c => [{ ...elementwise(c)[0]!, dtype: 'bool' }]
/** x [.., n] → [.., width] of the same type. */
const linear = (c: OpContext, n: number, width: number): Type[] => {
  const { dtype, dims } = type(c, 0)
  if (dims.at(-1) !== n)
    throw new GraphError(`[${dims}] · [${n}, ${width}]: inner sizes ${dims.at(-1)} and ${n} differ`)
  return [{ dtype, dims: [...dims.slice(0, -1), width] }]
}

function matmul(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  if (a.at(-1) !== b.at(-2)) throw new GraphError(`[${a}] · [${b}]: inner sizes ${a.at(-1)} and ${b.at(-2)} differ`)
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!]
}
const swapLast = (dims: readonly Dim[], yes: number): Dim[] =>
  yes ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : [...dims]

/** ReduceX with `axes` as second input (opset 18) or as attribute (before). */
const reduce: ShapeRule = c => {
  const { dtype, dims } = type(c, 0)
  const keep = attr(c.attrs, 'keepdims', 1)
  const given = c.inputs[1] ? c.values(1) : list(c.attrs, 'axes')
  const axes = given?.map(a => axisOf(a, dims.length)) ?? dims.map((_, i) => i)
  return [{ dtype, dims: dims.flatMap((d, i) => (axes.includes(i) ? (keep ? [1] : []) : [d])) }]
}

/** What remains of a product of dims after division; as text where only the run can tell, undefined if it cannot be. */
function ratio(from: readonly Dim[], under: readonly Dim[]): Dim | undefined {
  const [a, b] = [product(from), product(under)]
  const symbols = (d: Dim) => String(monomials(d).map(m => m.symbols))
  return over(a, b) ?? (symbols(a) === symbols(b) ? undefined : `(${a})/(${b})`)
}

/** Bounds of a Slice along an axis of known size, or of unknown size from its start or to its end. */
function sliced(d: Dim, start: number, end: number, step: number): Dim | undefined {
  if (typeof d === 'number') {
    const bound = (x: number) => Math.max(0, Math.min(d, x < 0 ? x + d : x))
    return step > 0 ? Math.max(0, Math.ceil((bound(end) - bound(start)) / step)) : undefined
  }
  // Every size is at least 1, so that −1 is inside.
  if (step !== 1 || end < 2 ** 31 - 1) return start === 0 && end === -1 && step === 1 ? minus(d, 1) : undefined
  return start === 0 ? d : start === -1 ? 1 : undefined
}

/** Shape rule of each op: the one list of ops that graphs made here may hold. */
export const OPS: Readonly<Record<string, ShapeRule>> = {
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Mod: elementwise,
  Pow: elementwise,
  Min: elementwise,
  Max: elementwise,
  Neg: same,
  Abs: same,
  Sqrt: same,
  Exp: same,
  Log: same,
  Erf: same,
  Cos: same,
  Sin: same,
  Tanh: same,
  Relu: same,
  Floor: same,
  Ceil: same,
  Round: same,
  Reciprocal: same,
  Sigmoid: same,
  Softmax: same,
  LogSoftmax: same,
  Clip: same,
  Dropout: same,
  CumSum: same,
  Trilu: same,
  Equal: compare,
  Less: compare,
  LessOrEqual: compare,
  Greater: compare,
  GreaterOrEqual: compare,
  And: compare,
  Or: compare,
  Xor: compare,
  Not: compare,
  IsNaN: compare,
  Where: c => [
    { dtype: type(c, 1).dtype, dims: broadcast(type(c, 0).dims, broadcast(type(c, 1).dims, type(c, 2).dims)) },
  ],
  Identity: same,
  Cast: c => [{ dtype: castTo(attr(c.attrs, 'to')), dims: type(c, 0).dims }],
  MatMul: c => [{ dtype: type(c, 0).dtype, dims: matmul(type(c, 0).dims, type(c, 1).dims) }],
  'com.microsoft.FusedMatMul': c => {
    const a = swapLast(type(c, 0).dims, attr(c.attrs, 'transA', 0))
    const b = swapLast(type(c, 1).dims, attr(c.attrs, 'transB', 0))
    return [{ dtype: type(c, 0).dtype, dims: matmul(a, b) }]
  },
  // a [M, K], b [K, N], either transposed on request; c is broadcast to the result.
  Gemm: c => {
    const dims = matmul(
      swapLast(type(c, 0).dims, attr(c.attrs, 'transA', 0)),
      swapLast(type(c, 1).dims, attr(c.attrs, 'transB', 0)),
    )
    return [{ dtype: type(c, 0).dtype, dims }]
  },
  'com.microsoft.MatMulNBits': c => linear(c, attr(c.attrs, 'K'), attr(c.attrs, 'N')),
  // Integers a and b, and their zero points: the product of a − za and b − zb.
  MatMulInteger: c => [{ dtype: 'int32', dims: matmul(type(c, 0).dims, type(c, 1).dims) }],
  'com.microsoft.DynamicQuantizeMatMul': c => [
    { dtype: type(c, 0).dtype, dims: matmul(type(c, 0).dims, type(c, 1).dims) },
  ],
  'com.microsoft.MatMulIntegerToFloat': c => [
    { dtype: type(c, 2).dtype, dims: matmul(type(c, 0).dims, type(c, 1).dims) },
  ],
  DynamicQuantizeLinear: c => [
    { dtype: 'uint8', dims: type(c, 0).dims },
    { dtype: 'float32', dims: [] },
    { dtype: 'uint8', dims: [] },
  ],
  DequantizeLinear: c => [{ dtype: type(c, 1).dtype, dims: type(c, 0).dims }],
  Transpose: c => {
    const { dtype, dims } = type(c, 0)
    const perm = (c.attrs.perm as number[] | undefined) ?? dims.map((_, i) => dims.length - 1 - i)
    return [{ dtype, dims: perm.map(i => dims[i]!) }]
  },
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  // 0 keeps a size, −1 takes what remains.
  Reshape: c => {
    const { dtype, dims } = type(c, 0)
    const to = c.values(1).map((d, i) => (d === 0 ? dims[i]! : d))
    const rest = ratio(
      dims,
      to.filter(d => d !== -1),
    )
    // Without a −1 nothing may remain; where symbols remain, only the run can tell.
    if (rest === undefined || (!to.includes(-1) && typeof rest === 'number' && rest !== 1))
      throw new GraphError(`cannot reshape [${dims}] to [${to}]`)
    return [{ dtype, dims: to.map(d => (d === -1 ? rest : d)) }]
  },
  Unsqueeze: c => {
    const { dtype, dims } = type(c, 0)
    const out = [...dims]
    const rank = dims.length + c.values(1).length
    for (const a of c
      .values(1)
      .map(x => axisOf(x, rank))
      .sort((x, y) => x - y))
      out.splice(a, 0, 1)
    return [{ dtype, dims: out }]
  },
  Squeeze: c => {
    const { dtype, dims } = type(c, 0)
    const axes = c.inputs[1] && c.values(1).map(a => axisOf(a, dims.length))
    return [{ dtype, dims: dims.filter((d, i) => (axes ? !axes.includes(i) : d !== 1)) }]
  },
  Flatten: c => {
    const { dtype, dims } = type(c, 0)
    const axis = axisOf(attr(c.attrs, 'axis', 1), dims.length)
    return [{ dtype, dims: [product(dims.slice(0, axis)), product(dims.slice(axis))] }]
  },
  // Parts of given sizes, or equal ones.
  Split: c => {
    const { dtype, dims } = type(c, 0)
    const axis = axisOf(attr(c.attrs, 'axis', 0), dims.length)
    const parts = (c.inputs[1] && c.values(1)) ?? Array<Dim>(c.outputs).fill(over(dims[axis]!, c.outputs) ?? Number.NaN)
    return parts.map(size => ({ dtype, dims: dims.with(axis, size) }))
  },
  Tile: c => {
    const { dtype, dims } = type(c, 0)
    return [{ dtype, dims: dims.map((d, i) => product([d, c.values(1)[i]!])) }]
  },
  Concat: c => {
    const { dtype, dims } = type(c, 0)
    const axis = axisOf(attr(c.attrs, 'axis'), dims.length)
    const total = c.inputs.map((_, i) => type(c, i).dims[axis]!).reduce(plus)
    return [{ dtype, dims: dims.map((d, i) => (i === axis ? total : d)) }]
  },
  // Bounds must be constants; along an axis of unknown size, only from its start or to its end.
  Slice: c => {
    const { dtype, dims } = type(c, 0)
    const [starts, ends] = [c.values(1), c.values(2)]
    const axes = c.inputs[3] ? c.values(3).map(a => axisOf(a, dims.length)) : starts.map((_, i) => i)
    const steps = c.inputs[4] ? c.values(4) : starts.map(() => 1)
    const out = [...dims]
    for (const [k, a] of axes.entries()) {
      const size = sliced(dims[a]!, starts[k]!, ends[k]!, steps[k]!)
      if (size === undefined)
        throw new GraphError(
          `Slice from ${starts[k]} to ${ends[k]} by ${steps[k]} along axis ${a} of [${dims}], whose size must be known`,
        )
      out[a] = size
    }
    return [{ dtype, dims: out }]
  },
  // x [.., n, ..], indices [I..] → [.., I.., ..]
  Gather: c => {
    const { dtype, dims } = type(c, 0)
    const axis = axisOf(attr(c.attrs, 'axis', 0), dims.length)
    return [{ dtype, dims: [...dims.slice(0, axis), ...type(c, 1).dims, ...dims.slice(axis + 1)] }]
  },
  GatherElements: c => [{ dtype: type(c, 0).dtype, dims: type(c, 1).dims }],
  GatherND: c => {
    const { dtype, dims } = type(c, 0)
    const index = type(c, 1).dims
    const batch = attr(c.attrs, 'batch_dims', 0)
    const depth = index.at(-1)
    if (typeof depth !== 'number')
      throw new GraphError(`GatherND: the last size of the indices [${index}] must be known`)
    return [{ dtype, dims: [...index.slice(0, -1), ...dims.slice(batch + depth)] }]
  },
  ScatterElements: same,
  ScatterND: same,
  Shape: c => {
    const rank = type(c, 0).dims.length
    const [start, end] = [attr(c.attrs, 'start', 0), attr(c.attrs, 'end', rank)]
    return [{ dtype: 'int64', dims: [sliced(rank, start, end, 1)!] }]
  },
  Size: () => [{ dtype: 'int64', dims: [] }],
  // pads: [before…, after…] as a constant.
  Pad: c => {
    const { dtype, dims } = type(c, 0)
    const pads = c.values(1)
    const pad = (i: number) => pads[i]! + pads[i + dims.length]!
    const grow = (d: Dim, i: number) => {
      if (typeof d === 'number') return d + pad(i)
      if (pad(i) !== 0) throw new GraphError(`Pad along axis ${i} of [${dims}], whose size is not known`)
      return d
    }
    return [{ dtype, dims: dims.map(grow) }]
  },
  Expand: c => [{ dtype: type(c, 0).dtype, dims: broadcast(type(c, 0).dims, c.values(1)) }],
  ConstantOfShape: c => {
    const { value } = c.attrs
    const dtype = typeof value === 'object' && 'tensor' in value ? value.tensor.type.dtype : 'float32'
    return [{ dtype, dims: c.values(0) }]
  },
  // The number of its elements is not followed through values: whoever emits it gives the type.
  Range: () => {
    throw new GraphError('the output shape of Range must be given by the caller')
  },

  // Fused operators that exported decoders hold; training lowers them.
  SimplifiedLayerNormalization: same,
  RMSNormalization: same,
  LayerNormalization: same,
  Gelu: same,
  'com.microsoft.Gelu': same,
  'com.microsoft.FastGelu': same,
  'com.microsoft.QuickGelu': same,
  'com.microsoft.BiasGelu': same,
  'com.microsoft.SkipSimplifiedLayerNormalization': c => [type(c, 0), type(c, 0), type(c, 0), type(c, 0)],
  'com.microsoft.SkipLayerNormalization': c => [type(c, 0), type(c, 0), type(c, 0), type(c, 0)],
  RotaryEmbedding: same,
  'com.microsoft.RotaryEmbedding': same,
  'com.microsoft.MultiHeadAttention': c => {
    const { dtype, dims } = type(c, 0)
    const v = c.inputs[2]?.dims
    if (v?.length === 3) return [{ dtype, dims: [dims[0]!, dims[1]!, v[2]!] }]
    if (dims.length === 3 && v?.length === 4) return [{ dtype, dims: [dims[0]!, dims[1]!, product([v[1]!, v[3]!])] }]
    throw new GraphError(`MultiHeadAttention of [${dims}] with packed keys and values is not supported`)
  },
  'com.microsoft.GroupQueryAttention': c => {
    const { dtype, dims } = type(c, 0)
    if (c.inputs[1]) return [{ dtype, dims }]
    const [H, K] = [attr(c.attrs, 'num_heads'), attr(c.attrs, 'kv_num_heads')]
    const packed = dims[2]
    if (typeof packed !== 'number') throw new GraphError(`the packed width of [${dims}] must be known`)
    return [{ dtype, dims: [dims[0]!, dims[1]!, (packed * H) / (H + 2 * K)] }]
  },
  // data [N, K/2] or [N, K/block, ..] of packed integers, indices [I..] → rows [I.., K] of the scales' type
  'com.microsoft.GatherBlockQuantized': c => {
    const [data, index, scales] = [type(c, 0).dims, type(c, 1).dims, type(c, 2)]
    const packs = type(c, 0).dtype === 'uint8' && attr(c.attrs, 'bits', 4) === 4 ? 2 : 1
    if (attr(c.attrs, 'gather_axis', 0) !== 0)
      throw new GraphError(
        `GatherBlockQuantized along axis ${attr(c.attrs, 'gather_axis', 0)}; only rows are supported`,
      )
    const rest = data.slice(1)
    return [{ dtype: scales.dtype, dims: [...index, ...rest.with(-1, product([rest.at(-1)!, packs]))] }]
  },
}

/** ONNX TensorProto.DataType, for the types of {@link DType}. */
export const ONNX_DTYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const

function castTo(to: number): Type['dtype'] {
  const found = Object.entries(ONNX_DTYPE).find(([, code]) => code === to)
  if (!found) throw new GraphError(`Cast to ONNX type ${to}, which this compiler does not know`)
  return found[0] as Type['dtype']
}

/** The shape rule's view of a node in a graph. */
export function contextOf(node: Node, types: Map<string, Type>, consts: Map<string, Const>): OpContext {
  return {
    inputs: node.inputs.map(v => (v === '' ? undefined : types.get(v))),
    attrs: node.attrs,
    outputs: node.outputs.length,
    values: i => {
      const c = consts.get(node.inputs[i] ?? '')
      if (!c) throw new GraphError(`input ${i} (${node.inputs[i]}) must be a constant`)
      return numbers(c)
    },
  }
}
