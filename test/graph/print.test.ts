import { expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'

test('one node a line: outputs with sizes, inputs, small constants in place, attributes', () => {
  const e = new Emit(emptyGraph())
  const x = e.input('x', ['B', 'T', 4], 'float32')
  const rows = e.reshape(x, -1, 4)
  const scaled = e.scale(e.slice(rows, 1, 0, 2), 0.1)
  const w = e.bytes('w', constOf([1, 2, 3, 4], [2, 2], 'float32'))
  e.op('com.microsoft.FusedMatMul', [scaled, w], { transB: 1, alpha: { float: 0.1 } }, 'y')
  e.graph.nodes.push({
    name: 'odd',
    op: 'Odd',
    inputs: ['y', '', 'w'],
    outputs: ['', 'z'],
    attrs: { mode: 'linear', scales: { floats: [0.5, 2] }, table: { tensor: constOf([1, 2], [2], 'int64') } },
  })
  expect(print(e.graph)).toMatchInlineSnapshot(`
    "reshape_0 [B*T, 4] = Reshape(x, [-1, 4])
    slice_0 [B*T, 2] = Slice(reshape_0, [0], [2], [1])
    mul_0 [B*T, 2] = Mul(slice_0, 0.1)
    y [B*T, 2] = FusedMatMul(mul_0, w_0, transB=1, alpha=0.1)
    -, z [?] = Odd(y, -, w, mode=linear, scales=[0.5, 2], table=int64[2])"
  `)
})

test('a constant that lies in a file, or is large, is shown by its name', () => {
  const e = new Emit(emptyGraph())
  e.input('x', [1], 'float32')
  e.bytes('', { type: { dtype: 'float32', dims: [1] }, data: { file: 'model.onnx', offset: 0, length: 4 } }, 'weight')
  e.bytes('', constOf(Array(17).fill(1), [17], 'float32'), 'table')
  e.add(e.add('x', 'weight'), 'table')
  expect(print(e.graph)).toMatchInlineSnapshot(`
    "add_0 [1] = Add(x, weight)
    add_1 [17] = Add(add_0, table)"
  `)
})
