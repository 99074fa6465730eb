import { expect, test } from 'vitest'
import { check } from '../../src/graph/check.js'
import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { recompute } from '../../src/rules/recompute.js'

test('a cheap value is made again where it is needed, a costly one is kept', () => {
  const e = new Emit(emptyGraph())
  e.input('x', ['T', 4], 'float32')
  const w = e.bytes('', constOf(Array(16).fill(1), [4, 4], 'float32'), 'w')
  const gate = e.matmul('x', w)
  const silu = e.op('com.microsoft.QuickGelu', [gate], { alpha: { float: 1 } })
  const product = e.mul(silu, 'x')
  e.op('ReduceSum', [product], { keepdims: 0 }, 'loss')
  e.graph.outputs = ['loss', e.op('Sub', [e.sub(gate, silu), product], {}, 'dx')]
  expect(print(check(recompute(e.graph, 'loss'), 'the test'))).toBe(
    [
      'matmul_0 [T, 4] = MatMul(x, w)',
      'quickgelu_0 [T, 4] = QuickGelu(matmul_0, alpha=1)',
      'mul_0 [T, 4] = Mul(quickgelu_0, x)',
      'loss [] = ReduceSum(mul_0, keepdims=0)',
      'quickgelu_1 [T, 4] = QuickGelu(matmul_0, alpha=1)',
      'sub_0 [T, 4] = Sub(matmul_0, quickgelu_1)',
      'mul_1 [T, 4] = Mul(quickgelu_1, x)',
      'dx [T, 4] = Sub(sub_0, mul_1)',
    ].join('\n'),
  )
})

test('what is cheap but reads what nobody else keeps stays as it is', () => {
  const e = new Emit(emptyGraph())
  e.input('x', ['T', 4], 'float32')
  const product = e.mul(e.neg('x'), 'x')
  e.op('ReduceSum', [product], { keepdims: 0 }, 'loss')
  e.graph.outputs = ['loss', e.op('Neg', [product], {}, 'dx')]
  expect(recompute(e.graph, 'loss').nodes).toEqual(e.graph.nodes)
})
