import { describe, expect, test } from 'vitest'
import { Emit } from '../../../src/graph/emit.js'
import { type Attr, constOf, emptyGraph, type Graph, type Type, type Value } from '../../../src/graph/graph.js'
import { print } from '../../../src/graph/print.js'
import { lower } from '../../../src/rules/lower/index.js'
import { exported, TABLE } from '../../helpers/fixtures.js'

/** A decoder in the making: its nodes are written down as an exporter does, without types. */
class Exporter {
  readonly e = new Emit(emptyGraph(14))
  readonly table: Value
  constructor() {
    this.e.input('input_ids', ['batch', 'sequence'], 'int64')
    this.table = this.e.bytes('', constOf(Array.from({ length: 40 }, Math.cos), [10, 4], 'float32'), 'table')
  }
  input(name: string, dims: Type['dims'], dtype: Type['dtype'] = 'int64'): Value {
    return this.e.input(name, dims, dtype)
  }
  op(op: string, inputs: Value[], attrs: Record<string, Attr> = {}, out?: Value): Value {
    const y = out ?? this.e.fresh(op.toLowerCase())
    this.e.graph.nodes.push({ name: this.e.fresh('node'), op, inputs, outputs: [y], attrs })
    return y
  }
  hidden(): Value {
    return this.op('Gather', [this.table, 'input_ids'])
  }
  size(of: Value, axis: number): Value {
    return this.op('Gather', [this.op('Shape', [of]), this.e.const([axis], [], 'int64')], { axis: 0 })
  }
  list(...parts: (Value | number)[]): Value {
    const one = (p: Value | number) =>
      typeof p === 'number' ? this.e.ints(p) : this.op('Unsqueeze', [p, this.e.ints(0)])
    return this.op('Concat', parts.map(one), { axis: 0 })
  }
  get graph(): Graph {
    return { ...this.e.graph, outputs: ['logits'] }
  }
}

const lowered = (make: (x: Exporter) => void): string => {
  const x = new Exporter()
  make(x)
  return print(lower(x.graph).graph)
}

describe('arithmetic on sizes is worked out', () => {
  test('a shape put together from sizes of other values becomes a constant', () => {
    expect(
      lowered(x => {
        const h = x.hidden()
        const shape = x.list(x.size(h, 0), x.size(h, 1), -1, 2)
        const heads = x.op('Transpose', [x.op('Reshape', [h, shape])], { perm: [0, 2, 1, 3] })
        const back = x.list(x.size('input_ids', 0), x.op('Mul', [x.size(heads, 1), x.size(heads, 2)]), x.size(heads, 3))
        x.op('Reshape', [heads, back], {}, 'logits')
      }),
    ).toMatchInlineSnapshot(`
      "gather_0 [B, T, 4] = Gather(table, input_ids)
      reshape_0 [B, T, 2, 2] = Reshape(gather_0, [0, 0, 2, 2])
      transpose_0 [B, 2, T, 2] = Transpose(reshape_0, perm=[0, 2, 1, 3])
      logits [B, 2*T, 2] = Reshape(transpose_0, [0, -1, 2])"
    `)
  })

  test('the longest way to say the same (torch.expand) is one copy, and none where arithmetic repeats by itself', () => {
    expect(
      lowered(x => {
        const h = x.hidden()
        const shape = x.op('Reshape', [x.list(x.size(h, 0), -1, 4), x.e.ints(-1)])
        const ones = x.op('ConstantOfShape', [x.op('Shape', [shape])], {
          value: { tensor: constOf([1], [1], 'int64') },
        })
        const asked = x.op('Equal', [shape, x.op('Mul', [ones, x.e.const([-1], [], 'int64')])])
        const target = x.op('Where', [asked, ones, shape])
        const row = x.op('Unsqueeze', [x.e.bytes('', constOf([1, 2, 3, 4], [4], 'float32'), 'row'), x.e.ints(0, 1)])
        x.op('Add', [h, x.op('Mul', [x.op('Expand', [row, target]), x.e.const([2], [], 'float32')])], {}, 'logits')
      }),
    ).toMatchInlineSnapshot(`
      "gather_0 [B, T, 4] = Gather(table, input_ids)
      unsqueeze_1 [1, 1, 4] = Unsqueeze([1, 2, 3, 4], [0, 1])
      small_0 [1, 1, 4] = Mul(unsqueeze_1, 2)
      logits [B, T, 4] = Add(gather_0, small_0)"
    `)
  })
})

describe('what the inputs are for whole sequences', () => {
  test('a mask of ones hides nothing, positions count the tokens, the cache is empty', () => {
    expect(
      lowered(x => {
        x.input('attention_mask', ['batch', 'total'])
        x.input('position_ids', ['batch', 'sequence'])
        x.input('past_key_values.0.key', ['batch', 1, 'past', 4], 'float32')
        const h = x.op('Unsqueeze', [x.hidden(), x.e.ints(1)])
        const keys = x.op('Concat', ['past_key_values.0.key', h], { axis: 2 })
        const mask = x.op('Cast', [x.op('Unsqueeze', ['attention_mask', x.e.ints(1, 3)])], { to: 9 })
        const seen = x.op('Where', [mask, keys, x.e.const([-9], [], 'float32')])
        const positions = x.op('Cast', [x.op('Unsqueeze', ['position_ids', x.e.ints(1, 3)])], { to: 1 })
        x.op('Add', [seen, positions], {}, 'logits')
      }),
    ).toMatchInlineSnapshot(`
      "shape_0 [2] = Shape(input_ids)
      gather_1 [] = Gather(shape_0, 1, axis=0)
      range_0 [T] = Range(0, gather_1, 1)
      unsqueeze_3 [1, T] = Unsqueeze(range_0, [0])
      gather_0 [B, T, 4] = Gather(table, input_ids)
      unsqueeze_0 [B, 1, T, 4] = Unsqueeze(gather_0, [1])
      unsqueeze_2 [1, 1, T, 1] = Unsqueeze(unsqueeze_3, [1, 3])
      cast_1 [1, 1, T, 1] = Cast(unsqueeze_2, to=1)
      logits [B, 1, T, 4] = Add(unsqueeze_0, cast_1)"
    `)
  })

  test('an input that is not known is named', () => {
    const x = new Exporter()
    x.input('bias', ['batch', 'sequence', 4], 'float32')
    x.op('Add', [x.hidden(), 'bias'], {}, 'logits')
    expect(() => lower(x.graph)).toThrow('lowering node_1: no value is known for input bias')
  })
})

describe('what is alike, or does nothing', () => {
  test('equal nodes are one, equal constants too; casts to the same type, slices of everything and NaN guards go', () => {
    expect(
      lowered(x => {
        const h = x.hidden()
        const [two, deux] = ['two', 'deux'].map(v => x.e.bytes('', constOf([2], [1], 'float32'), v))
        const [a, b] = [x.op('Mul', [h, two!]), x.op('Mul', [h, deux!])]
        const s = x.op('Softmax', [x.op('Cast', [x.op('Add', [a, b])], { to: 1 })], { axis: -1 })
        const guarded = x.op('Where', [x.op('IsNaN', [s]), x.e.const([0], [], 'float32'), s])
        x.op('Slice', [guarded, x.e.ints(0), x.size('input_ids', 1), x.e.ints(1)], {}, 'logits')
      }),
    ).toMatchInlineSnapshot(`
      "gather_0 [B, T, 4] = Gather(table, input_ids)
      mul_0 [B, T, 4] = Mul(gather_0, [2])
      add_0 [B, T, 4] = Add(mul_0, mul_0)
      logits [B, T, 4] = Softmax(add_0, axis=-1)"
    `)
  })

  test('axes given as an attribute (before opset 18) become an input', () => {
    expect(
      lowered(x => void x.op('ReduceMean', [x.hidden()], { axes: [-1], keepdims: 1 }, 'logits'))
        .split('\n')
        .at(-1),
    ).toBe('logits [B, T, 1] = ReduceMean(gather_0, [-1], keepdims=1)')
  })
})

test('half floats: weights stay as they are and are cast where they are read; the rest is float32', () => {
  const x = new Exporter()
  const file = { file: 'weights', offset: 0, length: 80 }
  x.e.bytes('', { type: { dtype: 'float16', dims: [10, 4] }, data: file }, 'halves')
  x.e.bytes('', { type: { dtype: 'float16', dims: [4, 4] }, data: { ...file, length: 32 } }, 'w')
  x.e.bytes('', { type: { dtype: 'float16', dims: [1] }, data: Uint8Array.of(0, 0x3e) }, 'scale')
  const h = x.op('Mul', [x.op('Gather', ['halves', 'input_ids']), 'scale'])
  x.op('Cast', [x.op('Cast', [x.op('MatMul', [h, 'w'])], { to: 1 })], { to: 10 }, 'logits')
  expect(print(lower(x.graph).graph)).toMatchInlineSnapshot(`
    "gather_1 [B, T, 4] = Gather(halves, input_ids)
    gather_0 [B, T, 4] = Cast(gather_1, to=1)
    mul_0 [B, T, 4] = Mul(gather_0, [1.5])
    cast_1 [4, 4] = Cast(w, to=1)
    logits [B, T, 4] = MatMul(mul_0, cast_1)"
  `)
})

test.each(TABLE.filter(d => d.name.endsWith('optimum') && d.dtype === 'fp32').map(d => d.name))(
  '%s: a decomposed decoder has half as many nodes, none of them arithmetic on shapes in a layer',
  name => {
    const before = exported(name)
    const { nodes, types } = lower(before).graph
    expect(nodes.length).toBeLessThan(before.nodes.length * (before.nodes.length > 350 ? 0.5 : 0.75))
    const count = (op: string) => nodes.filter(n => n.op === op).length
    expect(count('Shape')).toBe(1)
    for (const op of ['ConstantOfShape', 'Equal', 'IsNaN', 'ScatterND', 'Flatten', 'Size'])
      expect(count(op), op).toBe(0)
    // One mask for all layers that see alike: at most two kinds.
    expect(count('Where')).toBeLessThanOrEqual(2)
    for (const n of nodes) expect(types.has(n.outputs[0]!), n.name).toBe(true)
  },
)
