import { expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph } from '../../src/graph/graph.js'
import { exactProducts } from '../../src/rules/exact.js'

test('four-bit products may not round what they read, whatever the export allows', () => {
  const e = new Emit(emptyGraph())
  const attrs = { K: 64, N: 8, bits: 4, block_size: 32 }
  const inputs = [e.input('x', ['T', 64], 'float32'), e.input('b', [8, 2, 16], 'uint8'), e.input('s', [16], 'float32')]
  const y = e.op('com.microsoft.MatMulNBits', inputs, { ...attrs, accuracy_level: 4 })
  e.graph.outputs = [e.neg(y)]
  const { nodes } = exactProducts(e.graph)
  expect(nodes[0]).toEqual({ ...e.graph.nodes[0], attrs })
  expect(nodes[1]).toBe(e.graph.nodes[1])
})
