import { describe, expect, test } from 'vitest'
import { optimizerStep, trainingGraph } from '../../src/engine/compile.js'
import { Emit } from '../../src/graph/emit.js'
import { type Dim, emptyGraph, type Value } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { findSites } from '../../src/lora/modules.js'
import { fuse } from '../../src/rules/fuse.js'
import { layoutOf } from '../../src/rules/lora.js'
import { lower } from '../../src/rules/lower/index.js'
import { DECODERS, exported } from '../helpers/fixtures.js'
import { type Feed, run, uniform } from '../helpers/ort.js'

/** y = a·b for two inputs, either of which may first be transposed. */
function product(a: Dim[], b: Dim[], transpose: (e: Emit, v: Value, which: 'a' | 'b') => Value) {
  const e = new Emit(emptyGraph())
  for (const [name, dims] of [
    ['a', a],
    ['b', b],
  ] as const)
    e.input(name, dims, 'float32')
  e.graph.outputs = [e.op('MatMul', [transpose(e, 'a', 'a'), transpose(e, 'b', 'b')], {}, 'y')]
  return e.graph
}
/** Which of the factors are transposed; a capital letter stands for twice. */
const when = (which: string) => (e: Emit, v: Value, at: string) =>
  which.includes(at) ? e.t(v) : which.includes(at.toUpperCase()) ? e.t(e.t(v)) : v
const float32 = (dims: number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed).data),
})

describe('fuse', () => {
  test.each<[string, number[], number[], string]>([
    ['a', [3, 2], [3, 4], 'y [2, 4] = FusedMatMul(a, b, transA=1, transB=0, alpha=1)'],
    ['b', [2, 3], [4, 3], 'y [2, 4] = FusedMatMul(a, b, transA=0, transB=1, alpha=1)'],
    ['ab', [3, 2], [4, 3], 'y [2, 4] = FusedMatMul(a, b, transA=1, transB=1, alpha=1)'],
    ['aB', [3, 2], [3, 4], 'y [2, 4] = FusedMatMul(a, b, transA=1, transB=0, alpha=1)'],
    ['B', [2, 3], [3, 4], 'y [2, 4] = FusedMatMul(a, b, transA=0, transB=0, alpha=1)'],
    ['b', [5, 2, 3], [4, 3], 'y [5, 2, 4] = FusedMatMul(a, b, transA=0, transB=1, alpha=1)'],
    ['a', [5, 3, 2], [5, 3, 4], 'y [5, 2, 4] = FusedMatMul(a, b, transA=1, transB=0, alpha=1)'],
    ['b', [5, 2, 3, 2, 3], [5, 2, 1, 4, 3], 'y [5, 2, 3, 2, 4] = FusedMatMul(a, b, transA=0, transB=1, alpha=1)'],
  ])('with %s transposed, [%s] and [%s]', async (which, a, b, text) => {
    const plain = product(a, b, when(which))
    const { graph, hits } = fuse(plain)
    expect(hits.FusedMatMul).toBe(1)
    expect(print(graph)).toBe(text)
    const feeds = { a: float32(a, 1), b: float32(b, 2) }
    const [expected, got] = await Promise.all([plain, graph].map(g => run<Float32Array>(g, feeds)))
    expect(got!.y!.dims).toEqual(expected!.y!.dims)
    // Three products of numbers below 1 are added: a few roundings of 6e-8.
    for (const [i, x] of got!.y!.data.entries()) expect(x).toBeCloseTo(expected!.y!.data[i]!, 6)
  })

  test.each<[string, number[], number[], (e: Emit, v: Value, which: 'a' | 'b') => Value]>([
    ['nothing is transposed', [2, 3], [3, 4], (_e, v) => v],
    ['other axes are permuted', [2, 3, 4], [4, 5], (e, v, at) => (at === 'a' ? e.permute(v, 1, 0, 2) : v)],
    ['all three axes are reversed', [4, 3, 2], [4, 5], (e, v, at) => (at === 'a' ? e.op('Transpose', [v]) : v)],
  ])('leaves a product alone where %s', (_, a, b, transpose) => {
    const plain = product(a, b, transpose)
    const { graph, hits } = fuse(plain)
    expect(Object.values(hits)).toEqual(Object.values(hits).fill(0))
    expect(print(graph)).toBe(print(plain))
  })

  test('a transposed value that something else reads too is still made', () => {
    const e = new Emit(emptyGraph())
    e.input('a', [2, 2], 'float32')
    const t = e.t('a')
    e.graph.outputs = [e.matmul('a', t), e.neg(t)]
    expect(fuse(e.graph).graph.nodes.map(n => n.op)).toEqual(['Transpose', 'com.microsoft.FusedMatMul', 'Neg'])
  })

  /** y = x op (a repeated to the size of x); the graph says how large `a` and what it is combined with are. */
  function repeated(a: Dim[], other: Dim[], op = 'Mul') {
    const e = new Emit(emptyGraph())
    for (const [name, dims] of Object.entries({ x: ['T', 3] as Dim[], a, other })) e.input(name, dims, 'float32')
    const large = e.typed('Expand', ['a', e.op('Shape', ['x'])], {}, e.type('x'))
    e.graph.outputs = [e.op(op, op === 'Div' ? [large, 'other'] : ['other', large], {}, 'y')]
    return e.graph
  }

  test.each(['Add', 'Sub', 'Mul', 'Div'])('%s repeats the smaller operand by itself: no copy is made', async op => {
    const plain = repeated([1, 3], ['T', 3], op)
    const { graph, hits } = fuse(plain)
    expect(hits).toEqual({ FusedMatMul: 0, 'transposed result': 0, 'row sums': 0, Expand: 1, Softmax: 0 })
    expect(graph.nodes.map(n => n.op)).toEqual([op])
    const feeds = { x: float32([4, 3], 1), a: float32([1, 3], 2), other: float32([4, 3], 3) }
    const [expected, got] = [await run(plain, feeds), await run(graph, { a: feeds.a, other: feeds.other })]
    expect(got.y).toEqual(expected.y)
  })

  test('a repeated operand stays where the other would not give the size, or where no arithmetic reads it', () => {
    expect(fuse(repeated([1, 3], [3])).hits.Expand).toBe(0)
    const e = new Emit(emptyGraph())
    e.input('a', [1], 'float32')
    e.input('x', ['T'], 'float32')
    e.graph.outputs = [e.neg(e.typed('Expand', ['a', e.op('Shape', ['x'])], {}, e.type('x')))]
    expect(fuse(e.graph).hits.Expand).toBe(0)
  })

  test('constant factors of a product go into it', async () => {
    const e = new Emit(emptyGraph())
    e.input('a', [3, 2], 'float32')
    e.input('b', [3, 4], 'float32')
    e.graph.outputs = [e.op('MatMul', [e.scale(e.t(e.scale('a', 0.5)), 3), 'b'], {}, 'y')]
    const { graph } = fuse(e.graph)
    expect(graph.nodes.map(n => [n.op, n.attrs.alpha])).toEqual([['com.microsoft.FusedMatMul', { float: 1.5 }]])
    const feeds = { a: float32([3, 2], 1), b: float32([3, 4], 2) }
    const [expected, got] = await Promise.all([e.graph, graph].map(g => run<Float32Array>(g, feeds)))
    for (const [i, x] of got!.y!.data.entries()) expect(x).toBeCloseTo(expected!.y!.data[i]!, 6)
  })

  test('a transposed product is the product of its factors, transposed, in the other order', async () => {
    const e = new Emit(emptyGraph())
    e.input('a', [3, 2], 'float32')
    e.input('b', [3, 4], 'float32')
    const ab = e.matmul(e.t('a'), e.scale('b', 2))
    e.graph.outputs = [e.op('Identity', [e.t(ab)], {}, 'y')]
    const { graph } = fuse(e.graph)
    expect(graph.nodes.map(n => [n.op, n.inputs])).toEqual([
      ['com.microsoft.FusedMatMul', ['b', 'a']],
      ['Identity', [expect.anything()]],
    ])
    const feeds = { a: float32([3, 2], 1), b: float32([3, 4], 2) }
    const [expected, got] = await Promise.all([e.graph, graph].map(g => run<Float32Array>(g, feeds)))
    for (const [i, x] of got!.y!.data.entries()) expect(x).toBeCloseTo(expected!.y!.data[i]!, 6)
  })

  test('row sums of (a·bᵀ) ∘ y are those of a ∘ (y·b), where y·b is there', async () => {
    const e = new Emit(emptyGraph())
    e.input('y', [2, 5, 5], 'float32')
    e.input('b', [2, 5, 3], 'float32')
    e.input('a', [2, 5, 3], 'float32')
    const mixed = e.matmul('y', 'b')
    const sums = e.sum(e.mul(e.matmul('a', e.t('b')), 'y'), [-1], 1)
    e.graph.outputs = [e.op('Sub', [mixed, sums], {}, 'z')]
    const { graph, hits } = fuse(e.graph)
    expect(hits['row sums']).toBe(1)
    expect(graph.nodes.map(n => n.op)).toEqual(['MatMul', 'Mul', 'ReduceSum', 'Sub'])
    const feeds = { y: float32([2, 5, 5], 1), b: float32([2, 5, 3], 2), a: float32([2, 5, 3], 3) }
    const [expected, got] = await Promise.all([e.graph, graph].map(g => run<Float32Array>(g, feeds)))
    for (const [i, x] of got!.z!.data.entries()) expect(x).toBeCloseTo(expected!.z!.data[i]!, 5)
  })

  test('softmax of masked scores: the same to float32, and nothing that is subnormal', async () => {
    const e = new Emit(emptyGraph())
    for (const v of ['scores', 'mask']) e.input(v, [4, 6], 'float32')
    e.graph.outputs = [e.op('Softmax', [e.add('scores', 'mask')], { axis: -1 }, 'y')]
    const { graph, hits } = fuse(e.graph)
    expect(hits.Softmax).toBe(1)
    // Visible scores far below those that are masked, too.
    const mask = Float32Array.from({ length: 24 }, (_, i) => (i % 6 > i / 6 ? -1e9 : i < 6 ? -500 : 0))
    const feeds = { scores: float32([4, 6], 1), mask: { dims: [4, 6], data: mask } }
    const [expected, got] = await Promise.all([e.graph, graph].map(g => run<Float32Array>(g, feeds)))
    for (const [i, x] of got!.y!.data.entries()) {
      expect(x).toBeCloseTo(expected!.y!.data[i]!, 7)
      expect(x).toBeGreaterThan(1e-18)
    }
  })

  test.each(DECODERS.map(([name]) => name))('%s: no training step makes a transposed copy of a weight', name => {
    const graph = exported(name)
    const sites = findSites(graph, name)
    const ranks = new Map(sites.flatMap(s => s.modules).map(m => [m.name, 4]))
    const layout = layoutOf(sites, ranks)
    const transposed = (g: typeof graph) =>
      g.nodes.filter(n => n.op === 'Transpose' && g.consts.has(n.inputs[0]!)).length
    // An exporter may have put one there itself: of tied embeddings. The runtime makes that copy once, at loading.
    const own = transposed(graph)
    expect(transposed(optimizerStep(lower(graph).graph, sites, layout))).toBeGreaterThan(own)
    expect(transposed(trainingGraph(graph, sites, layout))).toBe(own)
  })
})
