import { describe, expect, test } from 'vitest'
import { forWebGPU } from '../../src/engine/webgpu.js'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph, type Graph, GraphError } from '../../src/graph/graph.js'

/** Most inputs that one Concat, and most outputs that one Split has. */
const widest = (g: Graph): number =>
  Math.max(0, ...g.nodes.map(n => (n.op === 'Concat' ? n.inputs.length : n.op === 'Split' ? n.outputs.length : 0)))
const count = (g: Graph, op: string): number => g.nodes.filter(n => n.op === op).length
const build = (make: (e: Emit) => string[]): Graph => {
  const e = new Emit(emptyGraph())
  e.graph.outputs = make(e)
  return e.graph
}

describe('a graph for WebGPU', () => {
  // 7 + 1 is the first that needs a tree, 7·7 + 1 the first that needs one of three levels; 420 are SmolLM2's gradients.
  test.each([2, 7, 8, 49, 50, 420])('%i parts are joined by few at a time, in their order', n => {
    const graph = build(e => {
      const parts = Array.from({ length: n }, (_, i) => e.input(`x${i}`, [i + 1], 'float32'))
      return [e.concat(parts, 0)]
    })
    const narrow = forWebGPU(graph)
    expect(widest(narrow)).toBeLessThanOrEqual(7)
    expect(narrow.types.get(narrow.outputs[0]!)!.dims).toEqual([(n * (n + 1)) / 2])
    const leaves = (v: string): string[] =>
      narrow.nodes.find(node => node.outputs.includes(v))?.inputs.flatMap(leaves) ?? [v]
    expect(leaves(narrow.outputs[0]!)).toEqual(graph.inputs)
  })

  test('a Split into many parts becomes Slices, one into few stays', () => {
    const graph = build(e => {
      const parts = Array.from({ length: 9 }, (_, i) => `part${i}`)
      const x = e.input('x', [4, 19], 'float32')
      e.keep({
        name: 'many',
        op: 'Split',
        inputs: [x, e.ints(3, 2, 2, 2, 2, 2, 2, 2, 2)],
        outputs: parts,
        attrs: { axis: 1 },
      })
      e.keep({ name: 'few', op: 'Split', inputs: [x, e.ints(9, 10)], outputs: ['left', 'right'], attrs: { axis: -1 } })
      return [...parts, 'left', 'right']
    })
    const narrow = forWebGPU(graph)
    expect([count(narrow, 'Slice'), count(narrow, 'Split')]).toEqual([9, 1])
    expect(narrow.types.get('part0')!.dims).toEqual([4, 3])
    expect(narrow.types.get('part8')!.dims).toEqual([4, 2])
  })

  test.each<[string, (e: Emit) => string[], RegExp]>([
    [
      'the second output of a norm',
      e => {
        const [x, w] = [e.input('x', ['T', 8], 'float32'), e.input('w', [8], 'float32')]
        const attrs = { axis: -1 }
        e.graph.nodes.push({
          name: 'norm',
          op: 'SimplifiedLayerNormalization',
          inputs: [x, w],
          outputs: ['y', 'inverse'],
          attrs,
        })
        return ['y', 'inverse']
      },
      /second output of SimplifiedLayerNormalization \(node norm\) is wrong there/,
    ],
    [
      'a sum of many',
      e => {
        const inputs = Array.from({ length: 8 }, (_, i) => e.input(`x${i}`, [2], 'float32'))
        return [e.typed('Sum', inputs, {}, { dtype: 'float32', dims: [2] })]
      },
      /Sum \(node sum_node_0\) has 8 inputs, at most 7/,
    ],
    [
      'attention with a soft-cap',
      e => {
        const attrs = { num_heads: 1, kv_num_heads: 1, softcap: { float: 50 } }
        const inputs = ['q', 'k', 'v'].map(name => e.input(name, ['B', 'T', 8], 'float32'))
        e.graph.nodes.push({ name: 'attn', op: 'com.microsoft.GroupQueryAttention', inputs, outputs: ['y'], attrs })
        return ['y']
      },
      /soft-cap \(node attn\)/,
    ],
  ])('%s is refused', (_, make, message) => {
    expect(() => forWebGPU(build(make))).toThrow(GraphError)
    expect(() => forWebGPU(build(make))).toThrow(message)
  })

  test('what the runtime has on the CPU alone is written with what it has on the GPU', () => {
    const graph = build(e => {
      const [a, b] = [e.input('a', ['T', 4], 'float32'), e.input('b', [6, 4], 'float32')]
      const product = e.op('com.microsoft.FusedMatMul', [a, b], { transA: 0, transB: 1, alpha: { float: 0.5 } })
      return [e.op('LogSoftmax', [product], { axis: -1 })]
    })
    const written = forWebGPU(graph)
    const ops = written.nodes.map(n => n.op)
    expect(ops).toEqual(['Transpose', 'Mul', 'MatMul', 'ReduceMax', 'Sub', 'Exp', 'ReduceSum', 'Log', 'Sub'])
  })
})
