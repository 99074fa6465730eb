import { describe, expect, test } from 'vitest'
import { check } from '../../src/graph/check.js'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph, type Graph, GraphError } from '../../src/graph/graph.js'
import { rewrite } from '../../src/graph/rewrite.js'

/** h = x + x, y = −h */
function small(): Graph {
  const e = new Emit(emptyGraph())
  e.input('x', ['T', 2], 'float32')
  e.graph.outputs = [e.op('Neg', [e.op('Add', ['x', 'x'], {}, 'h')], {}, 'y')]
  return e.graph
}

describe('check', () => {
  test('a well-formed graph is handed on', () => {
    const g = small()
    expect(check(g, 'building')).toBe(g)
  })

  test.each<[string, (g: Graph) => void]>([
    ['Neg neg_node_0 reads h, which nothing before it writes', g => g.nodes.reverse()],
    ['Neg neg_node_0 reads z, which nothing before it writes', g => (g.nodes[1]!.inputs = ['z'])],
    ['value h is written twice (second time by neg_node_0)', g => (g.nodes[1]!.outputs = ['h'])],
    ['value x is written twice (second time by add_node_0)', g => (g.nodes[0]!.outputs = ['x'])],
    [
      'value x is written twice (second time by a constant)',
      g => g.consts.set('x', { type: { dtype: 'float32', dims: [0] }, data: new Uint8Array() }),
    ],
    ['value x is written twice (second time by an input)', g => g.inputs.push('x')],
    ['two nodes are named add_node_0', g => (g.nodes[1]!.name = 'add_node_0')],
    ['output z is written by nothing', g => g.outputs.push('z')],
    [
      'Neg neg_node_0 gives float32 [T, 2], but y is recorded as float32 [T, 3]',
      g => g.types.set('y', { dtype: 'float32', dims: ['T', 3] }),
    ],
    [
      'Neg neg_node_0 gives float32 [T, 2], but y is recorded as float64 [T, 2]',
      g => g.types.set('y', { dtype: 'float64', dims: ['T', 2] }),
    ],
    [
      'Add add_node_0 gives float32 [T, 2], but h is recorded as float32 [T]',
      g => g.types.set('h', { dtype: 'float32', dims: ['T'] }),
    ],
  ])('%s', (message, damage) => {
    const g = small()
    damage(g)
    expect(() => check(g, 'the test')).toThrow(new GraphError(`after the test: ${message}`))
  })

  test('operands that do not fit are named with their shapes', () => {
    const g = small()
    g.types.set('x', { dtype: 'float32', dims: [3, 2] })
    g.nodes[0]!.op = 'MatMul'
    expect(() => check(g, 'the test')).toThrow('MatMul(x [3,2], x [3,2]): [3,2] · [3,2]: inner sizes 2 and 3 differ')
  })

  test('an absent optional input or output is no value', () => {
    const g = small()
    g.nodes[1]!.inputs.push('')
    g.nodes[1]!.outputs.push('', '')
    expect(() => check(g, 'the test')).not.toThrow()
  })
})

describe('rewrite', () => {
  const squares = {
    name: 'squares',
    apply: ({ op, inputs, outputs }: Graph['nodes'][0], e: Emit) =>
      op === 'Add' && e.op('Mul', inputs, {}, outputs[0]) !== '',
  }

  test('counts how often each rule fired, and leaves its input alone', () => {
    const g = small()
    const negatives = { name: 'never', apply: () => false }
    const { graph, hits } = rewrite(g, [negatives, squares], 'the test')
    expect(hits).toEqual({ never: 0, squares: 1 })
    expect(graph.nodes.map(n => n.op)).toEqual(['Mul', 'Neg'])
    expect(g.nodes.map(n => n.op)).toEqual(['Add', 'Neg'])
  })

  test('does not offer a rule what it emitted itself', () => {
    const twice = {
      name: 'twice',
      apply: ({ op, outputs }: Graph['nodes'][0], e: Emit) =>
        op === 'Neg' && e.op('Neg', [e.op('Neg', ['h'])], {}, outputs[0]) !== '',
    }
    expect(rewrite(small(), [twice], 'the test').hits).toEqual({ twice: 1 })
  })

  test('names the pass that broke the graph', () => {
    const forgets = { name: 'forgets', apply: ({ op }: Graph['nodes'][0]) => op === 'Add' }
    expect(() => rewrite(small(), [forgets], 'forgetting')).toThrow(
      'after forgetting: Neg neg_node_0 reads h, which nothing before it writes',
    )
  })

  test('what a rule emits never takes a name that a later node has', () => {
    const e = new Emit(emptyGraph())
    e.input('x', [2], 'float32')
    e.op('Add', ['x', 'x'], {}, 'a')
    e.graph.outputs = [e.op('Mul', ['a', 'x'])] // mul_0, by mul_node_0
    const emits = {
      name: 'emits',
      apply: ({ op, inputs }: Graph['nodes'][0], out: Emit) =>
        op === 'Add' && out.op('Neg', [out.op('Mul', inputs)], {}, 'a') !== '',
    }
    const { graph } = rewrite(e.graph, [emits], 'the test')
    expect(graph.nodes.map(n => n.outputs[0])).toEqual(['mul_1', 'a', 'mul_0'])
  })
})
