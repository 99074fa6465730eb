import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { numbers } from '../../src/graph/graph.js'
import {
  AttributeProto_AttributeType as A,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../../src/onnx/onnx_pb.js'
import { readOnnx } from '../../src/onnx/read.js'

type Init<S extends Parameters<typeof create>[0]> = Parameters<typeof create<S>>[1]

const neg = create(NodeProtoSchema, { opType: 'Neg', input: ['x'], output: ['y'] })

/** y = −x, and what else a test wants in the file. */
const model = (graph: Init<typeof GraphProtoSchema> = {}, rest: Init<typeof ModelProtoSchema> = {}): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ domain: '', version: 21n }],
      graph: create(GraphProtoSchema, { node: [neg], ...graph } as Init<typeof GraphProtoSchema>),
      ...rest,
    } as Init<typeof ModelProtoSchema>),
  )
const tensor = (t: Init<typeof TensorProtoSchema>) =>
  create(TensorProtoSchema, { name: 'w', dims: [2n], dataType: 1, ...t } as Init<typeof TensorProtoSchema>)
const withTensor = (t: Init<typeof TensorProtoSchema>) => model({ initializer: [tensor(t)] })
const withAttribute = (a: Init<typeof AttributeProtoSchema>, opType = 'Odd') =>
  model({
    node: [create(NodeProtoSchema, { name: 'n', opType, output: ['y'], attribute: [create(AttributeProtoSchema, a)] })],
  })

const read = (bytes: Uint8Array) => readOnnx(bytes, 'model.onnx')
const external = (...entries: [string, string][]) =>
  withTensor({
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entries.map(([key, value]) => ({ key, value })),
  })

describe('constants', () => {
  test.each<[string, Init<typeof TensorProtoSchema>, number[]]>([
    ['raw bytes', { rawData: new Uint8Array(Float32Array.of(1, 2).buffer) }, [1, 2]],
    ['floats', { floatData: [1, 2] }, [1, 2]],
    ['doubles', { dataType: 11, doubleData: [1, 2] }, [1, 2]],
    ['32-bit integers', { dataType: 6, int32Data: [1, -2] }, [1, -2]],
    ['64-bit integers', { dataType: 7, int64Data: [1n, -2n] }, [1, -2]],
    ['booleans', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
    ['no elements', { dims: [0n] }, []],
  ])('given as %s', (_, t, values) => {
    expect(numbers(read(withTensor(t)).consts.get('w')!)).toEqual(values)
  })

  test('the largest 64-bit integer stays what it is (exporters write it for "to the end")', () => {
    const { data } = read(withTensor({ dataType: 7, int64Data: [2n ** 63n - 1n, 0n] })).consts.get('w')!
    expect(new BigInt64Array((data as Uint8Array).slice().buffer)[0]).toBe(2n ** 63n - 1n)
  })

  test.each<[string, Init<typeof AttributeProtoSchema>, number[]]>([
    ['value', { type: A.TENSOR, t: tensor({ floatData: [1, 2] }) }, [1, 2]],
    ['value_int', { type: A.INT, i: 3n }, [3]],
    ['value_ints', { type: A.INTS, ints: [3n, 4n] }, [3, 4]],
    ['value_float', { type: A.FLOAT, f: 0.5 }, [0.5]],
    ['value_floats', { type: A.FLOATS, floats: [0.5, 2] }, [0.5, 2]],
  ])('given by a node Constant with %s', (name, a, values) => {
    const constant = create(NodeProtoSchema, {
      opType: 'Constant',
      output: ['c'],
      attribute: [create(AttributeProtoSchema, { name, ...a } as Init<typeof AttributeProtoSchema>)],
    })
    const g = read(model({ node: [constant, neg] }))
    expect(numbers(g.consts.get('c')!)).toEqual(values)
    expect(g.nodes.map(n => n.op)).toEqual(['Neg'])
  })

  test('one that lies in an external file is not read, only found', () => {
    expect(
      read(external(['location', 'model.onnx_data'], ['offset', '64'], ['length', '8'])).consts.get('w')!.data,
    ).toEqual({ file: 'model.onnx_data', offset: 64, length: 8 })
    expect(read(external(['location', 'sub/weights.bin'])).consts.get('w')!.data).toEqual({
      file: 'sub/weights.bin',
      offset: 0,
      length: 8,
    })
  })

  test.each([
    '../secret',
    'sub/../../secret',
    '/etc/passwd',
    '\\\\host\\share',
    'C:\\secret',
    'c:secret',
    'sub\\..\\..\\secret',
    '..',
  ])('an external file outside the model folder is refused: %s', location => {
    expect(() => read(external(['location', location]))).toThrow(
      new InputError(
        `reading model.onnx: constant w: its external file ${JSON.stringify(location)} lies outside the model's folder`,
      ),
    )
  })
})

describe('what cannot be used is named', () => {
  test.each<[string, Uint8Array]>([
    ['not a whole ONNX model (9 bytes): ', new TextEncoder().encode('<!doctype')],
    ['no graph with nodes in it; is this an ONNX model?', new Uint8Array()],
    ['no graph with nodes in it; is this an ONNX model?', model({ node: [] })],
    ['no standard operator set is named', model({}, { opsetImport: [{ domain: 'com.microsoft', version: 1n }] })],
    ['it defines functions of its own, which are not supported', model({}, { functions: [{ name: 'f' }] })],
    ['constant w has ONNX type 14, which is not supported', withTensor({ dataType: 14 })],
    ['constant w [2] needs 8 bytes, found 4', withTensor({ rawData: new Uint8Array(4) })],
    ['constant w [2]: found 1 elements', withTensor({ floatData: [1] })],
    ['constant w [2]: found no readable elements', withTensor({ dataType: 10, int32Data: [1, 2] })],
    [
      'constant w [-2] has a negative size',
      withTensor({
        dims: [-2n],
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [{ key: 'location', value: 'w' }],
      }),
    ],
    ['constant w lies in an external file that is not named', external(['offset', '0'])],
    ['constant w [2] needs 8 bytes, its external data has 4', external(['location', 'w'], ['length', '4'])],
    ['constant w: offset "x" is no position in a file', external(['location', 'w'], ['offset', 'x'])],
    ['constant w: offset "-8" is no position in a file', external(['location', 'w'], ['offset', '-8'])],
    [
      'node n (Odd): attribute body is of kind GRAPH, which is not supported',
      withAttribute({ name: 'body', type: A.GRAPH }),
    ],
    [
      'node n (Odd): attribute names is of kind STRINGS, which is not supported',
      withAttribute({ name: 'names', type: A.STRINGS }),
    ],
    ['node n (Odd): attribute table is empty', withAttribute({ name: 'table', type: A.TENSOR })],
    [
      'node n (Constant): a constant given by value_string is not supported',
      withAttribute({ name: 'value_string', type: A.STRING }, 'Constant'),
    ],
    ['node n (Constant) has no tensor', withAttribute({ name: 'value', type: A.TENSOR }, 'Constant')],
    [
      'node number 0 (Constant) has no value',
      model({ node: [create(NodeProtoSchema, { opType: 'Constant', output: ['c'] })] }),
    ],
    [
      'node n (Constant) has no output',
      model({
        node: [
          create(NodeProtoSchema, { name: 'n', opType: 'Constant', attribute: [{ name: 'value_int', type: A.INT }] }),
        ],
      }),
    ],
  ])('%s', (message, bytes) => {
    expect(() => read(bytes)).toThrow(InputError)
    expect(() => read(bytes)).toThrow(`reading model.onnx: ${message}`)
  })
})

test('damaged bytes are an InputError or some graph, never another error, and never take long', () => {
  const sound = model({
    name: 'main',
    initializer: [
      tensor({ floatData: [1, 2] }),
      tensor({ name: 'i', dataType: 7, int64Data: [1n, 2n] }),
      tensor({ name: 'r', rawData: new Uint8Array(8) }),
    ],
    input: [
      {
        name: 'x',
        type: {
          value: {
            case: 'tensorType',
            value: { elemType: 1, shape: { dim: [{ value: { case: 'dimParam', value: 'T' } }] } },
          },
        },
      },
    ],
    node: [
      neg,
      create(NodeProtoSchema, {
        opType: 'Constant',
        output: ['c'],
        attribute: [{ name: 'value_ints', type: A.INTS, ints: [1n] }],
      }),
    ],
  })
  const at = fc.nat(sound.length - 1)
  const damage = fc.oneof(
    at.map(n => sound.subarray(0, n)),
    fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 8 }).map(edits => {
      const bytes = sound.slice()
      for (const [i, byte] of edits) bytes[i] = byte
      return bytes
    }),
    fc
      .tuple(at, fc.uint8Array({ maxLength: 16 }))
      .map(([i, more]) => Uint8Array.of(...sound.subarray(0, i), ...more, ...sound.subarray(i))),
    fc.uint8Array({ maxLength: 64 }),
  )
  fc.assert(
    fc.property(damage, bytes => {
      try {
        const g = read(bytes)
        for (const c of g.consts.values()) if (c.data instanceof Uint8Array && c.type.dtype === 'int64') numbers(c)
      } catch (error) {
        expect(error).toBeInstanceOf(InputError)
      }
    }),
    { numRuns: 3000 },
  )
})
