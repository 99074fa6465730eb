import { create, toBinary } from '@bufbuild/protobuf'
import { type Attr, type Const, type Graph, GraphError, isExternal, type Node, type Type } from '../graph/graph.js'
import { ONNX_DTYPE } from '../graph/ops.js'
import type { DType } from '../tensor.js'
import {
  AttributeProto_AttributeType as A,
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.js'

/** Protobuf's own limit for one message [bytes]. */
const LIMIT = 2 ** 31 - 1

/**
 * The graph as the bytes of an .onnx file. Constants that lie in a file are written as references to it; the runtime
 * looks for it beside the model, or where its session option says.
 *
 * @throws GraphError if an input has no type, or the constants held in memory do not fit into one file
 */
export function writeOnnx(g: Graph): Uint8Array {
  const inMemory = [...g.consts.values()].reduce((n, c) => n + (isExternal(c.data) ? 0 : c.data.length), 0)
  if (inMemory > LIMIT)
    throw new GraphError(
      `writing ONNX: ${inMemory} bytes of constants in memory; at most ${LIMIT} fit, the rest must be external`,
    )
  const ends = new Set(g.outputs)
  const inner = (v: string) => v !== '' && !ends.has(v) && g.types.has(v)
  const domains = new Set(g.nodes.filter(n => n.op.includes('.')).map(n => n.op.slice(0, n.op.lastIndexOf('.'))))
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      producerName: 'lora-harness',
      opsetImport: [{ domain: '', version: BigInt(g.opset) }, ...[...domains].map(domain => ({ domain, version: 1n }))],
      graph: {
        name: 'main',
        node: g.nodes.map(node),
        initializer: [...g.consts].map(([name, c]) => tensor(c, name)),
        input: g.inputs.map(v => valueInfo(v, g.types.get(v))),
        output: g.outputs.map(v => valueInfo(v, g.types.get(v))),
        // Sizes by symbol let the runtime plan which buffers can be used again. Without them its search for a
        // buffer of equal size grows with the square of the graph: 17 s instead of 2 for a training graph of 10,000 nodes.
        valueInfo: g.nodes.flatMap(n => n.outputs.flatMap(v => (inner(v) ? [valueInfo(v, g.types.get(v))] : []))),
      },
    }),
  )
}

const code = (dtype: DType): number => ONNX_DTYPE[dtype]

function valueInfo(name: string, t: Type | undefined): ValueInfoProto {
  if (!t) throw new GraphError(`writing ONNX: no type is known for ${name}`)
  const dim = t.dims.map(d => ({
    value:
      typeof d === 'number' ? { case: 'dimValue' as const, value: BigInt(d) } : { case: 'dimParam' as const, value: d },
  }))
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: code(t.dtype), shape: { dim } } } },
  })
}

function tensor(c: Const, name = ''): TensorProto {
  const common = { name, dims: c.type.dims.map(BigInt), dataType: code(c.type.dtype) }
  if (!isExternal(c.data)) return create(TensorProtoSchema, { ...common, rawData: c.data })
  return create(TensorProtoSchema, {
    ...common,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: c.data.file },
      { key: 'offset', value: String(c.data.offset) },
      { key: 'length', value: String(c.data.length) },
    ],
  })
}

function node(n: Node) {
  const dot = n.op.lastIndexOf('.')
  return create(NodeProtoSchema, {
    name: n.name,
    opType: n.op.slice(dot + 1),
    domain: dot < 0 ? '' : n.op.slice(0, dot),
    input: n.inputs,
    output: n.outputs,
    attribute: Object.entries(n.attrs).map(([name, a]) => attribute(name, a)),
  })
}

function attribute(name: string, a: Attr): AttributeProto {
  if (typeof a === 'number') return create(AttributeProtoSchema, { name, type: A.INT, i: BigInt(a) })
  if (typeof a === 'string')
    return create(AttributeProtoSchema, { name, type: A.STRING, s: new TextEncoder().encode(a) })
  if (Array.isArray(a)) return create(AttributeProtoSchema, { name, type: A.INTS, ints: a.map(BigInt) })
  if ('float' in a) return create(AttributeProtoSchema, { name, type: A.FLOAT, f: a.float })
  if ('floats' in a) return create(AttributeProtoSchema, { name, type: A.FLOATS, floats: a.floats })
  return create(AttributeProtoSchema, { name, type: A.TENSOR, t: tensor(a.tensor) })
}
