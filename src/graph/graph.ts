import { HarnessError } from '../errors.js'
import { BYTES, type DType, half, sizeOf } from '../tensor.js'

/** A named value. Every value is written exactly once, as in ONNX. The empty name is an absent optional input or output. */
export type Value = string
/** A size: a number, or a symbol such as `sequence` that is fixed only at run time. */
export type Dim = number | string
export type Attr = number | string | number[] | { float: number } | { floats: number[] } | { tensor: Const }

export interface Type {
  dtype: DType
  dims: Dim[]
}

/** One operation. `op` is the ONNX operator; those outside the standard domain carry it: `com.microsoft.FusedMatMul`. */
export interface Node {
  name: string
  op: string
  inputs: Value[]
  outputs: Value[]
  attrs: Record<string, Attr>
}

/** Bytes of a constant that stay in a file. `file` is relative to the folder of the model it came from. */
export interface External {
  file: string
  offset: number
  length: number
}

/** A constant: its little-endian bytes, or where they lie. */
export interface Const {
  type: Type & { dims: number[] }
  data: Uint8Array | External
}

/**
 * A computation as plain data. Nodes are in an order in which every value is defined before it is used.
 * `types` holds the type of every value whose type is known; values that a pass or `Emit` made always have one.
 */
export interface Graph {
  /** Version of the standard operator set. */
  opset: number
  inputs: Value[]
  outputs: Value[]
  nodes: Node[]
  types: Map<Value, Type>
  consts: Map<Value, Const>
}

export class GraphError extends HarnessError {
  override readonly name = 'GraphError'
}

/** The operator set that rules and gradients are written in: ReduceX takes its axes as input, int4 constants exist. */
export const OPSET = 21

export const emptyGraph = (opset = OPSET): Graph => ({
  opset,
  inputs: [],
  outputs: [],
  nodes: [],
  types: new Map(),
  consts: new Map(),
})

/** A copy whose nodes, maps and lists can be changed without touching `g`; constants' bytes are shared. */
export const copyGraph = (g: Graph): Graph => ({
  opset: g.opset,
  inputs: [...g.inputs],
  outputs: [...g.outputs],
  nodes: g.nodes.map(n => ({ ...n, inputs: [...n.inputs], outputs: [...n.outputs] })),
  types: new Map(g.types),
  consts: new Map(g.consts),
})

export const isExternal = (data: Const['data']): data is External => !(data instanceof Uint8Array)

/** The elements of a small constant as JavaScript numbers. @throws GraphError for external data and packed types */
export function numbers(c: Const): number[] {
  if (isExternal(c.data))
    throw new GraphError(`constant data lies in ${c.data.file}; only small constants are read here`)
  const view = new DataView(c.data.buffer, c.data.byteOffset, c.data.byteLength)
  const read = READ[c.type.dtype]
  if (!read) throw new GraphError(`cannot read a constant of type ${c.type.dtype} as numbers`)
  return Array.from({ length: sizeOf(c.type.dims) }, (_, i) => read(view, i * BYTES[c.type.dtype]))
}

const READ: Partial<Record<DType, (v: DataView, at: number) => number>> = {
  float32: (v, at) => v.getFloat32(at, true),
  float64: (v, at) => v.getFloat64(at, true),
  int32: (v, at) => v.getInt32(at, true),
  int64: (v, at) => Number(v.getBigInt64(at, true)),
  uint8: (v, at) => v.getUint8(at),
  int8: (v, at) => v.getInt8(at),
  bool: (v, at) => v.getUint8(at),
  float16: (v, at) => half(v.getUint16(at, true)),
  bfloat16: (v, at) => brain(v.getUint16(at, true)),
}

/** bfloat16: the upper half of a float32. */
function brain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, bits * 65536)
  return view.getFloat32(0)
}

/** The largest 64-bit integer stands for "to the end"; as a JavaScript number it is rounded up. */
const clamped = (x: number): bigint => BigInt.asIntN(64, x >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(x))

const WRITE: Partial<Record<DType, (v: DataView, at: number, x: number) => void>> = {
  float32: (v, at, x) => v.setFloat32(at, x, true),
  float64: (v, at, x) => v.setFloat64(at, x, true),
  int32: (v, at, x) => v.setInt32(at, x, true),
  int64: (v, at, x) => v.setBigInt64(at, clamped(x), true),
  uint8: (v, at, x) => v.setUint8(at, x),
  int8: (v, at, x) => v.setInt8(at, x),
  bool: (v, at, x) => v.setUint8(at, x),
}

/** A constant made of JavaScript numbers. @throws GraphError for a dtype numbers cannot be written to */
export function constOf(values: readonly number[], dims: number[], dtype: DType): Const {
  const write = WRITE[dtype]
  if (!write) throw new GraphError(`cannot make a constant of type ${dtype} from numbers`)
  const view = new DataView(new ArrayBuffer(values.length * BYTES[dtype]))
  for (const [i, x] of values.entries()) write(view, i * BYTES[dtype], x)
  return { type: { dtype, dims }, data: new Uint8Array(view.buffer) }
}

/** Value → node that writes it. */
export function producers(g: Graph): Map<Value, Node> {
  return new Map(g.nodes.flatMap(n => n.outputs.filter(v => v !== '').map(v => [v, n] as const)))
}

/** Value → nodes that read it, in order, each once. */
export function consumers(g: Graph): Map<Value, Node[]> {
  const map = new Map<Value, Node[]>()
  for (const node of g.nodes)
    for (const v of new Set(node.inputs)) if (v !== '') map.set(v, [...(map.get(v) ?? []), node])
  return map
}
