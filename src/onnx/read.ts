import { fromBinary } from '@bufbuild/protobuf'
import { InputError, quote } from '../errors.js'
import {
  type Attr,
  type Const,
  constOf,
  type Dim,
  type External,
  emptyGraph,
  type Graph,
  type Type,
} from '../graph/graph.js'
import { ONNX_DTYPE } from '../graph/ops.js'
import { BYTES, type DType, sizeOf } from '../tensor.js'
import {
  AttributeProto_AttributeType as A,
  type AttributeProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './onnx_pb.js'

/** Constants of at most this many bytes are kept in memory; larger ones are left in their file. */
const SMALL = 4096

/**
 * Reads an ONNX model. Large weights are not copied: a constant then says where its bytes lie, in a file of external
 * data or in the .onnx file itself.
 *
 * @param bytes the whole .onnx file
 * @param file its name, for messages and for constants whose bytes stay in it
 * @throws InputError if this is no ONNX model, or holds something this project cannot represent
 */
export function readOnnx(bytes: Uint8Array, file: string): Graph {
  const fail = (what: string, cause?: unknown): never => {
    throw new InputError(`reading ${file}: ${what}`, { cause })
  }
  const model = (() => {
    try {
      return fromBinary(ModelProtoSchema, bytes)
    } catch (cause) {
      return fail(`not a whole ONNX model (${bytes.length} bytes): ${(cause as Error).message}`, cause)
    }
  })()
  const proto = model.graph
  if (!proto || proto.node.length === 0) return fail('no graph with nodes in it; is this an ONNX model?')
  if (model.functions.length > 0) fail('it defines functions of its own, which are not supported')

  const g = emptyGraph(
    Number(model.opsetImport.find(o => o.domain === '')?.version ?? fail('no standard operator set is named')),
  )
  const addConst = (name: string, c: Const): void => {
    if (g.consts.has(name)) fail(`two constants are named ${quote(name)}`)
    g.consts.set(name, c)
    g.types.set(name, c.type)
  }
  for (const t of proto.initializer) addConst(t.name, tensor(t, bytes, file, fail))
  for (const v of [...proto.valueInfo, ...proto.input, ...proto.output]) {
    const t = valueType(v)
    if (t && !g.consts.has(v.name)) g.types.set(v.name, t)
  }
  g.inputs = proto.input.map(v => v.name).filter(v => !g.consts.has(v))
  g.outputs = proto.output.map(v => v.name)
  for (const [i, n] of proto.node.entries()) {
    const op = n.domain === '' || n.domain === 'ai.onnx' ? n.opType : `${n.domain}.${n.opType}`
    const where = `node ${n.name ? quote(n.name) : `number ${i}`} (${quote(op)})`
    if (op === 'Constant')
      addConst(n.output[0] || fail(`${where} has no output`), constant(n, where, bytes, file, fail))
    else
      g.nodes.push({
        name: n.name || `${n.opType}_${i}`,
        op,
        inputs: n.input,
        outputs: n.output,
        attrs: attributes(n, where, bytes, file, fail),
      })
  }
  return g
}

type Fail = (what: string, cause?: unknown) => never

const dtypeOf = (code: number): DType | undefined =>
  (Object.keys(ONNX_DTYPE) as DType[]).find(k => ONNX_DTYPE[k as keyof typeof ONNX_DTYPE] === code)

function valueType(v: ValueInfoProto): Type | undefined {
  const t = v.type?.value.case === 'tensorType' ? v.type.value.value : undefined
  const dtype = dtypeOf(t?.elemType ?? 0)
  if (!t?.shape || !dtype) return undefined
  const dims = t.shape.dim.map((d, i): Dim => {
    if (d.value.case === 'dimValue') return Number(d.value.value)
    return d.value.case === 'dimParam' && d.value.value !== '' ? d.value.value : `${v.name}.${i}`
  })
  return { dtype, dims }
}

function tensor(t: TensorProto, bytes: Uint8Array, file: string, fail: Fail): Const {
  const dims = t.dims.map(Number)
  const dtype =
    dtypeOf(t.dataType) ?? fail(`constant ${quote(t.name)} has ONNX type ${t.dataType}, which is not supported`)
  if (dims.some(d => d < 0)) fail(`constant ${quote(t.name)} [${sizes(dims)}] has a negative size`)
  const length = Math.ceil(sizeOf(dims) * BYTES[dtype])
  const type = { dtype, dims }
  if (t.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const entry = Object.fromEntries(t.externalData.map(e => [e.key, e.value]))
    if (!entry.location) return fail(`constant ${quote(t.name)} lies in an external file that is not named`)
    // The file must lie beside the model: a name from an untrusted model is never followed elsewhere.
    if (/^[\\/]|^[A-Za-z]:|(^|[\\/])\.\.([\\/]|$)|\0/.test(entry.location))
      fail(
        `constant ${quote(t.name)}: its external file ${JSON.stringify(entry.location.slice(0, 300))} lies outside the model's folder`,
      )
    const position = (text: string) => (/^\d{1,16}$/.test(text) ? Number(text) : Number.NaN)
    const data: External = {
      file: entry.location,
      offset: position(entry.offset ?? '0'),
      length: entry.length === undefined ? length : position(entry.length),
    }
    if (!Number.isSafeInteger(data.offset))
      fail(`constant ${quote(t.name)}: offset ${JSON.stringify(entry.offset?.slice(0, 100))} is no position in a file`)
    if (data.length !== length)
      fail(`constant ${quote(t.name)} [${sizes(dims)}] needs ${length} bytes, its external data has ${data.length}`)
    return { type, data }
  }
  if (t.rawData.length > 0 || length === 0) {
    if (t.rawData.length !== length)
      fail(`constant ${quote(t.name)} [${sizes(dims)}] needs ${length} bytes, found ${t.rawData.length}`)
    // The reader's byte fields are views of the file's bytes, so the place in the file is known.
    const data =
      length <= SMALL ? new Uint8Array(t.rawData) : { file, offset: t.rawData.byteOffset - bytes.byteOffset, length }
    return { type, data }
  }
  // Small numbers in a field of their own take one byte each in the file, and eight here.
  if (length > Math.max(2 * bytes.length, 65536))
    return fail(`constant ${quote(t.name)} [${sizes(dims)}] needs ${length} bytes, the whole file has ${bytes.length}`)
  const values = {
    float32: t.floatData,
    float64: t.doubleData,
    int64: t.int64Data,
    int32: t.int32Data,
    uint8: t.int32Data,
    int8: t.int32Data,
    bool: t.int32Data,
  }
  const found = values[dtype as keyof typeof values]
  if (found?.length !== sizeOf(dims))
    return fail(`constant ${quote(t.name)} [${sizes(dims)}]: found ${found?.length ?? 'no readable'} elements`)
  return dtype === 'int64' ? int64s(t.int64Data, dims) : constOf(found as number[], dims, dtype)
}

/** A constant of 64-bit integers, exact: the largest of them stands for "to the end" in a Slice. */
const int64s = (values: readonly bigint[], dims: number[]): Const => ({
  type: { dtype: 'int64', dims },
  data: new Uint8Array(BigInt64Array.from(values).buffer),
})

function constant(n: NodeProto, where: string, bytes: Uint8Array, file: string, fail: Fail): Const {
  const a = n.attribute[0] ?? fail(`${where} has no value`)
  switch (a.name) {
    case 'value':
      return tensor(a.t ?? fail(`${where} has no tensor`), bytes, file, fail)
    case 'value_int':
      return int64s([a.i], [])
    case 'value_ints':
      return int64s(a.ints, [a.ints.length])
    case 'value_float':
      return constOf([a.f], [], 'float32')
    case 'value_floats':
      return constOf(a.floats, [a.floats.length], 'float32')
    default:
      return fail(`${where}: a constant given by ${quote(a.name)} is not supported`)
  }
}

function attributes(n: NodeProto, where: string, bytes: Uint8Array, file: string, fail: Fail): Record<string, Attr> {
  const entries = n.attribute.map(a => [a.name, attribute(a, where, bytes, file, fail)] as const)
  if (new Set(entries.map(([name]) => name)).size < entries.length) fail(`${where} has two attributes of one name`)
  return Object.fromEntries(entries)
}

function attribute(a: AttributeProto, where: string, bytes: Uint8Array, file: string, fail: Fail): Attr {
  switch (a.type) {
    case A.INT:
      return Number(a.i)
    case A.FLOAT:
      return { float: a.f }
    case A.STRING:
      return new TextDecoder().decode(a.s)
    case A.INTS:
      return a.ints.map(Number)
    case A.FLOATS:
      return { floats: a.floats }
    case A.TENSOR:
      return { tensor: tensor(a.t ?? fail(`${where}: attribute ${quote(a.name)} is empty`), bytes, file, fail) }
    default:
      return fail(`${where}: attribute ${quote(a.name)} is of kind ${A[a.type]}, which is not supported`)
  }
}

/** Sizes for a message: the first of them. */
const sizes = (dims: readonly number[]): string => dims.slice(0, 10) + (dims.length > 10 ? ', …' : '')
