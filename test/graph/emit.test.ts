import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check } from '../../src/graph/check.js'
import { Emit } from '../../src/graph/emit.js'
import { copyGraph, emptyGraph, type Graph, numbers } from '../../src/graph/graph.js'

/** Names that Emit would invent itself, and some that nothing invents. */
const names = fc.constantFrom('add_0', 'add_1', 'add_node_0', 'const_0', 'mul_0', 'neg_node_0', 'x', 'y')

describe('Emit', () => {
  test('never takes a name that a value or node of the graph has, or of the graph that nodes are copied from', () => {
    fc.assert(
      fc.property(fc.uniqueArray(names), fc.uniqueArray(names), (values, nodes) => {
        const e = new Emit(emptyGraph())
        for (const v of values) e.input(v, [2], 'float32')
        const other: Graph = {
          ...emptyGraph(),
          nodes: nodes.map(name => ({ name, op: 'Neg', inputs: [], outputs: [`${name}.out`], attrs: {} })),
        }
        const again = new Emit(e.graph, other)
        const x = again.input('start', [2], 'float32')
        for (let i = 0; i < 3; i++) again.neg(again.add(again.scale(x, i), again.mul(x, x)))
        check(e.graph, 'emitting')
        const taken = new Set([...e.graph.nodes.map(n => n.name), ...e.graph.nodes.flatMap(n => n.outputs)])
        for (const name of [...nodes, ...nodes.map(n => `${n}.out`)]) expect(taken).not.toContain(name)
      }),
    )
  })

  test('an input with a name that exists is an error', () => {
    const e = new Emit(emptyGraph())
    e.input('x', [], 'float32')
    expect(() => e.input('x', [], 'float32')).toThrow('input x: the graph has a value of that name already')
  })

  test('equal small constants are one', () => {
    const e = new Emit(emptyGraph())
    const a = e.const([1, 2], [2], 'float32')
    expect(e.const([1, 2], [2], 'float32')).toBe(a)
    expect(e.const([1, 2], [2], 'int64')).not.toBe(a)
    expect(e.const([1, 2], [1, 2], 'float32')).not.toBe(a)
    expect(numbers(e.graph.consts.get(a)!)).toEqual([1, 2])
  })

  test('displace renames the first output of a node, so that what follows can take its name', () => {
    const e = new Emit(emptyGraph())
    e.input('x', [2], 'float32')
    e.graph.types.set('y', { dtype: 'float32', dims: [2] })
    const moved = e.displace({ name: 'n', op: 'Neg', inputs: ['x'], outputs: ['y'], attrs: {} })
    e.op('Add', [moved, 'x'], {}, 'y')
    e.graph.outputs = ['y']
    check(e.graph, 'displacing')
    expect(e.graph.nodes[0]!.outputs).toEqual([moved])
  })

  test('what cannot be told is an error', () => {
    const e = new Emit(emptyGraph())
    e.input('x', ['T', 'W'], 'float32')
    expect(() => e.type('z')).toThrow('no type is known for value z')
    expect(() => e.values('x')).toThrow('x must be a constant')
    expect(() => e.lastSize('x')).toThrow('the last size of x [T,W] must be known')
    expect(() => e.op('Elu', ['x'])).toThrow('no shape rule for op Elu')
    expect(() => e.op('Range', ['x', 'x', 'x'])).toThrow('the output shape of Range must be given by the caller')
  })

  test('a copy of a graph can be changed without touching the original', () => {
    const e = new Emit(emptyGraph())
    e.input('x', [2], 'float32')
    e.neg('x')
    const copy = copyGraph(e.graph)
    new Emit(copy).neg('x')
    copy.nodes[0]!.inputs[0] = 'other'
    expect(e.graph.nodes.map(n => n.inputs)).toEqual([['x']])
  })
})
