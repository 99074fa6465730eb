import { expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { share } from '../../src/rules/share.js'

test('what is computed twice from the same is computed once, and what follows from it too', () => {
  const e = new Emit(emptyGraph())
  e.input('x', [2, 3], 'float32')
  const [a, b] = [e.t('x'), e.t('x')]
  e.graph.outputs = [e.op('Sub', [e.neg(a), e.neg(b)], {}, 'y')]
  expect(print(share(e.graph))).toBe(
    'transpose_0 [3, 2] = Transpose(x, perm=[1, 0])\nneg_0 [3, 2] = Neg(transpose_0)\ny [3, 2] = Sub(neg_0, neg_0)',
  )
})

test('other attributes or another order of inputs are another value; outputs of the graph stay', () => {
  const e = new Emit(emptyGraph())
  for (const v of ['x', 'z']) e.input(v, [2, 2], 'float32')
  e.permute('x', 1, 0)
  e.permute('x', 0, 1)
  e.sub('x', 'z')
  e.sub('z', 'x')
  e.graph.outputs = [e.neg('x'), e.neg('x')]
  expect(share(e.graph).nodes).toEqual(e.graph.nodes)
})
