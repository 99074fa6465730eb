import { posix, win32 } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { isExternal } from '../../src/graph/graph.js'
import {
  AttributeProto_AttributeType as A,
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/onnx/onnx_pb.js'
import { readOnnx } from '../../src/onnx/read.js'
import type { Random } from '../../src/tensor.js'
import { fuzz, type Mutation, mutations, NUMBERS, putNumber } from '../helpers/mutate.js'

const INPUTS = 20_000

const raw = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
const located = (entries: [string, string][]) => entries.map(([key, value]) => ({ key, value }))
const tensors = [
  { name: 'raw', dims: [2n, 3n], dataType: 1, rawData: raw },
  { name: 'floats', dims: [2n], dataType: 1, floatData: [1, 2] },
  { name: 'int64s', dims: [3n], dataType: 7, int64Data: [1n, -1n, 2n ** 62n] },
  { name: 'bools', dims: [2n], dataType: 9, int32Data: [0, 1] },
  { name: 'int4', dims: [4n], dataType: 21, rawData: Uint8Array.of(1, 2) },
  {
    name: 'far',
    dims: [64n, 64n],
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: located([
      ['location', 'model.onnx_data'],
      ['offset', '4096'],
      ['length', '16384'],
    ]),
  },
].map(t => create(TensorProtoSchema, t as object))
const attributes = [
  { name: 'axis', type: A.INT, i: -1n },
  { name: 'alpha', type: A.FLOAT, f: 0.5 },
  { name: 'mode', type: A.STRING, s: new TextEncoder().encode('constant') },
  { name: 'axes', type: A.INTS, ints: [0n, 1n] },
  { name: 'scales', type: A.FLOATS, floats: [1, 2] },
  { name: 'value', type: A.TENSOR, t: tensors[0] },
].map(a => create(AttributeProtoSchema, a as object))
const value = (name: string) =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: 1,
          shape: { dim: [{ value: { case: 'dimParam', value: 'B' } }, { value: { case: 'dimValue', value: 3n } }] },
        },
      },
    },
  })
const model = create(ModelProtoSchema, {
  opsetImport: [
    { domain: '', version: 21n },
    { domain: 'com.microsoft', version: 1n },
  ],
  graph: create(GraphProtoSchema, {
    initializer: tensors,
    input: [value('x')],
    output: [value('y')],
    valueInfo: [value('z')],
    node: [
      create(NodeProtoSchema, { opType: 'Constant', output: ['c'], attribute: [attributes[5]!] }),
      create(NodeProtoSchema, { name: 'n', opType: 'Pad', input: ['x', 'c'], output: ['z'], attribute: attributes }),
      create(NodeProtoSchema, { opType: 'Gelu', domain: 'com.microsoft', input: ['z'], output: ['y'] }),
    ],
  }),
})
const sound = toBinary(ModelProtoSchema, model)

const pick = <T>(items: readonly T[], rng: Random): T | undefined => items[rng.below(Math.max(1, items.length))]
const number = (rng: Random): bigint => BigInt.asIntN(64, pick(NUMBERS, rng)!)
const PLACES = [
  '../secret',
  '/etc/passwd',
  'a/../../b',
  '..\\x',
  'C:\\x',
  '\\\\host\\x',
  'a\0b',
  '',
  '.',
  'sub/x',
  '…/x',
]

/** A file taken apart by the format and put together again, changed. */
const withModel =
  (change: (m: ModelProto, rng: Random) => void): Mutation =>
  (bytes, rng) => {
    try {
      const m = fromBinary(ModelProtoSchema, bytes)
      change(m, rng)
      return toBinary(ModelProtoSchema, m)
    } catch {
      return bytes // An earlier mutation broke it, or this one made what cannot be written.
    }
  }
const withTensor = (change: (t: TensorProto, rng: Random) => void): Mutation =>
  withModel((m, rng) => {
    const held = m.graph!.node.flatMap(n => n.attribute.flatMap(a => a.t ?? []))
    const t = pick([...m.graph!.initializer, ...held], rng)
    if (t) change(t, rng)
  })
const withAttribute = (change: (a: AttributeProto, rng: Random) => void): Mutation =>
  withModel((m, rng) => {
    const a = pick(
      m.graph!.node.flatMap(n => n.attribute),
      rng,
    )
    if (a) change(a, rng)
  })
const withEntry = (key: string, to: (rng: Random) => string): Mutation =>
  withTensor((t, rng) => {
    t.dataLocation = TensorProto_DataLocation.EXTERNAL
    const entry = t.externalData.find(e => e.key === key)
    if (entry) entry.value = to(rng)
    else t.externalData.push({ ...tensors[5]!.externalData[0]!, key, value: to(rng) })
  })

/** A message in itself, so many times: field `tag`, with the length of what it holds. */
function nested(tag: number, depth: number): Uint8Array {
  let bytes: Buffer = Buffer.alloc(0)
  for (let i = 0; i < depth; i++) {
    const length: number[] = []
    for (let n = bytes.length; ; n >>>= 7) {
      length.push(n > 127 ? (n & 127) | 128 : n)
      if (n <= 127) break
    }
    bytes = Buffer.concat([Buffer.from([tag, ...length]), bytes])
  }
  return bytes
}

const structural: Mutation[] = [
  // Lengths and sizes.
  withTensor((t, rng) => {
    t.dims[rng.below(t.dims.length + 1)] = number(rng)
  }),
  withTensor((t, rng) => {
    t.dims = Array.from({ length: rng.below(2000) }, () => BigInt(rng.below(3)))
  }),
  withTensor((t, rng) => {
    t.rawData = t.rawData.slice(0, rng.below(t.rawData.length + 1))
  }),
  withTensor((t, rng) => {
    t.dataType = rng.below(26)
  }),
  withTensor((t, rng) => {
    t.int64Data = Array.from({ length: rng.below(100) }, () => number(rng))
  }),
  // As many elements as the sizes say, a byte each.
  withTensor(t =>
    Object.assign(t, { dims: [12000n], dataType: 7, rawData: new Uint8Array(), int64Data: Array(12000).fill(1n) }),
  ),
  // External data: where, and how much.
  withEntry('location', rng => pick(PLACES, rng)!),
  withEntry('offset', rng => [String(number(rng)), '-1', '1e3', '0x10', 'NaN', '', '1'.repeat(400)][rng.below(7)]!),
  withEntry('length', rng => String(number(rng))),
  // Names twice, empty, of another kind, without end.
  withModel((m, rng) => void m.graph!.initializer.push(pick(m.graph!.initializer, rng)!)),
  withModel((m, rng) => void m.graph!.node.push(pick(m.graph!.node, rng)!)),
  withModel((m, rng) => void pick(m.graph!.node, rng)?.attribute.push(pick(attributes, rng)!)),
  withTensor((t, rng) => {
    t.name = ['', '__proto__', 'x', 'x'.repeat(20000), '\u0000'][rng.below(5)]!
  }),
  withAttribute((a, rng) => {
    a.name = ['', '__proto__', 'value_ints', 'value', 'x'.repeat(20000)][rng.below(5)]!
  }),
  withModel((m, rng) => {
    const n = pick(m.graph!.node, rng)!
    n.opType = ['Constant', 'If', 'x'.repeat(20000), ''][rng.below(4)]!
    n.output = rng.below(2) ? [] : n.output
  }),
  // Kinds of values that they are not.
  withAttribute((a, rng) => {
    a.type = rng.below(15)
  }),
  withAttribute(a => void delete a.t),
  withModel((m, rng) => {
    for (const o of m.opsetImport) o.version = number(rng)
  }),
  withModel(
    (m, rng) => void m.graph![(['initializer', 'node', 'input', 'output'] as const)[rng.below(4)]!].splice(0, 1),
  ),
  withModel((m, rng) => {
    const type = pick([...m.graph!.input, ...m.graph!.valueInfo], rng)?.type?.value
    if (type?.case === 'tensorType') type.value.shape!.dim[0]!.value = { case: 'dimValue', value: number(rng) }
  }),
  // The format's own lengths, and nesting: graphs in attributes of nodes of graphs, unknown groups.
  (bytes, rng) => putNumber(bytes, rng.below(20), rng),
  (bytes, rng) => Buffer.concat([bytes, nested(0x3a, 10 ** rng.below(4))]),
  (bytes, rng) => Buffer.concat([bytes, new Uint8Array(10 ** rng.below(5)).fill(rng.below(2) ? 0x0b : 0x0a)]),
]

test('damaged models are refused in words, at once, without asking for much memory', { timeout: 120_000 }, () => {
  const read = (bytes: Uint8Array) => {
    const g = readOnnx(bytes, 'model.onnx')
    const held = g.nodes.flatMap(n =>
      Object.values(n.attrs).flatMap(a => (typeof a === 'object' && 'tensor' in a ? [a.tensor] : [])),
    )
    for (const { type, data } of [...g.consts.values(), ...held]) {
      if (!isExternal(data)) continue
      // Inside the model's folder, on every system; inside the file, where they lie in it.
      const inside = [posix, win32].every(
        path => !path.relative(path.resolve('/m'), path.resolve('/m', data.file)).startsWith('..'),
      )
      if (
        !inside ||
        /^[A-Za-z]:/.test(data.file) ||
        data.offset < 0 ||
        data.length < 0 ||
        !type.dims.every(Number.isInteger)
      )
        throw new Error(`let through: ${JSON.stringify(data)}`)
      if (data.file === 'model.onnx' && data.offset + data.length > bytes.length) throw new Error('behind the end')
    }
  }
  const seen = fuzz(mutations(1, INPUTS, [sound], structural), read)
  console.info('ONNX', seen)
  expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(INPUTS / 50)
})
