import { type Const, type Dim, GraphError, type Node, numbers, type Type } from './graph.js'

/** What a shape rule may look at: the input types (undefined for absent inputs), attributes, and small constants. */
export interface OpContext {
  inputs: (Type | undefined)[]
  attrs: Node['attrs']
  /** Elements of input `i` if it is a small constant. @throws GraphError if it is not */
  values(i: number): number[]
}

/** One operation this compiler knows: the types of its outputs, from those of its inputs. */
export type ShapeRule = (c: OpContext) => Type[]

export const attr = (attrs: Node['attrs'], name: string, otherwise?: number): number => {
  const a = attrs[name] ?? otherwise
  if (typeof a === 'number') return a
  if (a !== undefined && typeof a === 'object' && 'float' in a) return a.float
  throw new GraphError(`attribute ${name} must be a number, found ${JSON.stringify(a)}`)
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
const elementwise: ShapeRule = c => [{ dtype: type(c, 0).dtype, dims: broadcast(type(c, 0).dims, type(c, 1).dims) }]
const compare: ShapeRule = c => [{ dtype: 'bool', dims: broadcast(type(c, 0).dims, type(c, 1).dims) }]

function matmul(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  if (a.at(-1) !== b.at(-2)) throw new GraphError(`[${a}] · [${b}]: inner sizes ${a.at(-1)} and ${b.at(-2)} differ`)
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!]
}
const swapLast = (dims: readonly Dim[], yes: number): Dim[] =>
  yes ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : [...dims]

/** ReduceX with `axes` as second input (opset 18). */
const reduce: ShapeRule = c => {
  const { dtype, dims } = type(c, 0)
  const keep = attr(c.attrs, 'keepdims', 1)
  const axes = c.inputs[1] ? c.values(1).map(a => axisOf(a, dims.length)) : dims.map((_, i) => i)
  return [{ dtype, dims: dims.flatMap((d, i) => (axes.includes(i) ? (keep ? [1] : []) : [d])) }]
}

/** Product of dims in which equal symbols cancel; undefined if symbols remain. */
function ratio(over: readonly Dim[], under: readonly Dim[]): Dim | undefined {
  const rest = [...over]
  for (const d of under) {
    const at = rest.indexOf(d)
    if (typeof d === 'string') {
      if (at < 0) return undefined
      rest.splice(at, 1)
    }
  }
  const symbols = rest.filter(d => typeof d === 'string')
  const size = (dims: readonly Dim[]) => dims.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1)
  const factor = size(rest) / size(under)
  if (symbols.length === 0) return factor
  const name = [...symbols].sort().join('*')
  return factor === 1 ? name : `${factor}*${name}`
}

/** Shape rule of each op: the one list of ops that graphs made here may hold. */
export const OPS: Readonly<Record<string, ShapeRule>> = {
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Neg: same,
  Sqrt: same,
  Reciprocal: same,
  Sigmoid: same,
  Softmax: same,
  LogSoftmax: same,
  LessOrEqual: compare,
  Min: elementwise,
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
  'com.microsoft.MatMulNBits': c => {
    const { dtype, dims } = type(c, 0)
    if (dims.at(-1) !== attr(c.attrs, 'K'))
      throw new GraphError(`[${dims}] · [K ${attr(c.attrs, 'K')}]: inner sizes differ`)
    return [{ dtype, dims: [...dims.slice(0, -1), attr(c.attrs, 'N')] }]
  },
  DequantizeLinear: c => [{ dtype: type(c, 1).dtype, dims: type(c, 0).dims }],
  Transpose: c => {
    const { dtype, dims } = type(c, 0)
    const perm = (c.attrs.perm as number[] | undefined) ?? dims.map((_, i) => dims.length - 1 - i)
    return [{ dtype, dims: perm.map(i => dims[i]!) }]
  },
  ReduceSum: reduce,
  ReduceMean: reduce,
  // 0 keeps a size, −1 takes what remains.
  Reshape: c => {
    const { dtype, dims } = type(c, 0)
    const to = c.values(1).map((d, i) => (d === 0 ? dims[i]! : d))
    const rest = ratio(
      dims,
      to.filter(d => d !== -1),
    )
    // Without a −1 nothing may remain; where symbols remain, only the run can tell.
    const fits = to.includes(-1)
      ? typeof rest === 'string' || Number.isInteger(rest)
      : typeof rest !== 'number' || rest === 1
    if (!fits) throw new GraphError(`cannot reshape [${dims}] to [${to}]`)
    return [{ dtype, dims: to.map(d => (d === -1 ? rest! : d)) }]
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
  Concat: c => {
    const { dtype, dims } = type(c, 0)
    const axis = axisOf(attr(c.attrs, 'axis'), dims.length)
    const sizes = c.inputs.map((_, i) => type(c, i).dims[axis]!)
    const total = sizes.every(s => typeof s === 'number') ? sizes.reduce((n, s) => n + s, 0) : sizes.join('+')
    return [{ dtype, dims: dims.map((d, i) => (i === axis ? total : d)) }]
  },
  // Bounds must be constants, and the sliced axes of known size.
  Slice: c => {
    const { dtype, dims } = type(c, 0)
    const [starts, ends] = [c.values(1), c.values(2)]
    const axes = c.inputs[3] ? c.values(3).map(a => axisOf(a, dims.length)) : starts.map((_, i) => i)
    if (c.inputs[4] && c.values(4).some(s => s !== 1)) throw new GraphError('Slice with a step other than 1')
    const out = [...dims]
    for (const [k, a] of axes.entries()) {
      const d = dims[a]
      if (typeof d !== 'number') throw new GraphError(`Slice along axis ${a} of [${dims}], whose size is not known`)
      const bound = (x: number) => Math.max(0, Math.min(d, x < 0 ? x + d : x))
      out[a] = Math.max(0, bound(ends[k]!) - bound(starts[k]!))
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
  ScatterElements: same,
  ScatterND: same,
  Shape: c => [{ dtype: 'int64', dims: [type(c, 0).dims.length] }],
  // Output sizes are not followed through values: whoever emits these gives the type.
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
  // Fused operators that exported decoders hold; training lowers them.
  SimplifiedLayerNormalization: same,
  'com.microsoft.SkipSimplifiedLayerNormalization': c => [type(c, 0), type(c, 0), type(c, 0), type(c, 0)],
  'com.microsoft.GroupQueryAttention': c => {
    const { dtype, dims } = type(c, 0)
    if (c.inputs[1]) return [{ dtype, dims }]
    const [H, K] = [attr(c.attrs, 'num_heads'), attr(c.attrs, 'kv_num_heads')]
    const packed = dims[2]
    if (typeof packed !== 'number') throw new GraphError(`the packed width of [${dims}] must be known`)
    return [{ dtype, dims: [dims[0]!, dims[1]!, (packed * H) / (H + 2 * K)] }]
  },
  Range: () => needsType('Range'),
  Expand: () => needsType('Expand'),
}

const needsType = (op: string): never => {
  throw new GraphError(`the output shape of ${op} must be given by the caller`)
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
    values: i => {
      const c = consts.get(node.inputs[i] ?? '')
      if (!c) throw new GraphError(`input ${i} (${node.inputs[i]}) must be a constant`)
      return numbers(c)
    },
  }
}
