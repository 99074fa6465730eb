import { describe, expect, test } from 'vitest'
import { loraFeeds } from '../../src/engine/infer.js'
import { flatten, scalesOf } from '../../src/engine/train.js'
import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph, type Graph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { type Adapter, ranksOf, scaleOf } from '../../src/lora/adapter.js'
import { addLoraInputs, addLoraParameters, type LoraSite, layoutOf, tensorName } from '../../src/rules/lora.js'
import { type Feed, open, run, runIn, uniform } from '../helpers/ort.js'

const float32 = (dims: number[], seed: number): Feed<Float32Array> => ({
  dims,
  data: Float32Array.from(uniform(dims, seed).data),
})

const SITES: LoraSite[] = [
  {
    node: 'qkv',
    input: 'x',
    modules: [
      { name: 'l.q', in: 4, out: 3 },
      { name: 'l.k', in: 4, out: 2 },
      { name: 'l.v', in: 4, out: 1 },
    ],
  },
  { node: 'gate', input: 'x', modules: [{ name: 'l.gate', in: 4, out: 3 }] },
  { node: 'o', input: 'qkv.y', modules: [{ name: 'l.o', in: 6, out: 2 }] },
]
const MODULES = SITES.flatMap(s => s.modules)

/** qkv = x·W, three modules packed; gate reads the same x; o reads qkv. `change` alters the matrices. */
function model(change: (node: string, w: Float32Array, width: number) => void = () => {}): Graph {
  const e = new Emit(emptyGraph())
  e.input('x', ['B', 'T', 4], 'float32')
  const linear = (node: string, x: string, dims: number[], seed: number) => {
    const w = float32(dims, seed).data
    change(node, w, dims[1]!)
    e.op('MatMul', [x, e.bytes('', constOf([...w], dims, 'float32'), `${node}.weight`)], {}, `${node}.y`)
    e.graph.nodes.at(-1)!.name = node
  }
  linear('qkv', 'x', [4, 6], 1)
  linear('gate', 'x', [4, 3], 2)
  linear('o', 'qkv.y', [6, 2], 3)
  e.graph.outputs = ['qkv.y', 'gate.y', 'o.y']
  return e.graph
}

/** An adapter with these ranks; one module has an α of its own. */
function adapterOf(ranks: Record<string, number>): Adapter {
  const config = { r: 2, alpha: 3, rslora: false, rankPattern: ranks, alphaPattern: { 'l.k': 5 } }
  const modules = MODULES.filter(m => m.name in ranks)
  const tensors = modules.flatMap((m, i) => [
    [tensorName(m.name, 'A'), float32([ranks[m.name]!, m.in], 10 + i)] as const,
    [tensorName(m.name, 'B'), float32([m.out, ranks[m.name]!], 20 + i)] as const,
  ])
  return { config, tensors: new Map(tensors) }
}

/** The model whose matrices are W + s·(B·A)ᵀ. */
const dense = (adapter: Adapter): Graph =>
  model((node, w, width) => {
    let column = 0
    for (const m of SITES.find(s => s.node === node)!.modules) {
      const [A, B] = (['A', 'B'] as const).map(f => adapter.tensors.get(tensorName(m.name, f)))
      const r = A?.dims[0] ?? 0
      for (let i = 0; i < m.in; i++)
        for (let j = 0; j < m.out; j++)
          for (let k = 0; k < r; k++)
            w[i * width + column + j]! += scaleOf(adapter.config, m.name) * B!.data[j * r + k]! * A!.data[k * m.in + i]!
      column += m.out
    }
  })

const x = float32([2, 5, 4], 4)
const parameters = (adapter: Adapter) => {
  const layout = layoutOf(SITES, ranksOf(adapter))
  const theta = flatten(adapter, layout)
  const scales = scalesOf(layout, adapter.config)
  return {
    layout,
    feeds: { x, theta: { dims: [theta.length], data: theta }, 'lora.scales': { dims: [scales.length], data: scales } },
  }
}

const ADAPTERS: [string, Adapter][] = [
  ['one rank for all', adapterOf({ 'l.q': 2, 'l.k': 2, 'l.v': 2, 'l.gate': 2, 'l.o': 2 })],
  ['a rank of its own for each', adapterOf({ 'l.q': 1, 'l.k': 3, 'l.v': 2, 'l.gate': 4, 'l.o': 5 })],
  ['one packed module alone', adapterOf({ 'l.k': 2 })],
  ['the last layer alone', adapterOf({ 'l.o': 2 })],
]

/** Sums of some ten products of numbers of the order of 1, each rounded to 6e-8. */
const expectClose = (got: Record<string, Feed<Float32Array>>, expected: Record<string, Feed<Float32Array>>) => {
  for (const v of ['qkv.y', 'gate.y', 'o.y'])
    for (const [i, y] of got[v]!.data.entries()) expect(y, v).toBeCloseTo(expected[v]!.data[i]!, 5)
}

describe('factors as graph inputs', () => {
  const { graph, groups } = addLoraInputs(model(), SITES)

  test('linear nodes that read the same x share one product with A', () => {
    expect(print(graph)).toMatchInlineSnapshot(`
      "matmul_0 [?] = MatMul(x, lora.0.A)
      qkv.y.base_0 [B, T, 6] = MatMul(x, qkv.weight)
      matmul_1 [?] = MatMul(matmul_0, lora.0.B.0)
      qkv.y [B, T, 6] = Add(qkv.y.base_0, matmul_1)
      gate.y.base_0 [B, T, 3] = MatMul(x, gate.weight)
      matmul_2 [?] = MatMul(matmul_0, lora.0.B.1)
      gate.y [B, T, 3] = Add(gate.y.base_0, matmul_2)
      matmul_3 [?] = MatMul(qkv.y, lora.1.A)
      o.y.base_0 [B, T, 2] = MatMul(qkv.y, o.weight)
      matmul_4 [?] = MatMul(matmul_3, lora.1.B.0)
      o.y [B, T, 2] = Add(o.y.base_0, matmul_4)"
    `)
    expect(groups.map(g => [g.a, g.modules.map(m => m.name), g.nodes.map(n => n.b)])).toEqual([
      ['lora.0.A', ['l.q', 'l.k', 'l.v', 'l.gate'], ['lora.0.B.0', 'lora.0.B.1']],
      ['lora.1.A', ['l.o'], ['lora.1.B.0']],
    ])
  })

  test('without an adapter, no bit differs from the unmodified model', async () => {
    expect(await run(graph, { x, ...loraFeeds(groups, null) } as never)).toEqual(await run(model(), { x }))
  })

  test('one session serves adapters of any ranks, one after the other, each as if merged into the weights', async () => {
    const session = await open(graph)
    for (const [, adapter] of [...ADAPTERS, ...ADAPTERS.toReversed()])
      expectClose(await runIn(session, { x, ...loraFeeds(groups, adapter) } as never), await run(dense(adapter), { x }))
    expect((await runIn(session, { x, ...loraFeeds(groups, null) } as never))['o.y']).toEqual(
      (await run(model(), { x }))['o.y'],
    )
    await session.release()
  })
})

describe('factors cut from one vector', () => {
  test.each(ADAPTERS)('%s: as if merged into the weights', async (_, adapter) => {
    const { layout, feeds } = parameters(adapter)
    expectClose(await run(addLoraParameters(model(), SITES, layout).graph, feeds), await run(dense(adapter), { x }))
  })

  test('the leaves are all of the vector, in its order', () => {
    const { layout } = parameters(ADAPTERS[1]![1])
    const { graph, leaves } = addLoraParameters(model(), SITES, layout)
    // The As of the four modules that read x are one matrix.
    expect(leaves.map(v => graph.types.get(v)!.dims)).toEqual([
      [10, 4],
      [3, 1],
      [2, 3],
      [1, 2],
      [3, 4],
      [5, 6],
      [2, 5],
    ])
    expect(layout.tensors.map(t => `${t.offset} ${t.name}`)).toMatchInlineSnapshot(`
      [
        "0 base_model.model.l.q.lora_A.weight",
        "4 base_model.model.l.k.lora_A.weight",
        "16 base_model.model.l.v.lora_A.weight",
        "24 base_model.model.l.gate.lora_A.weight",
        "40 base_model.model.l.q.lora_B.weight",
        "43 base_model.model.l.k.lora_B.weight",
        "49 base_model.model.l.v.lora_B.weight",
        "51 base_model.model.l.gate.lora_B.weight",
        "63 base_model.model.l.o.lora_A.weight",
        "93 base_model.model.l.o.lora_B.weight",
      ]
    `)
    expect(layout.size).toBe(1 * 7 + 3 * 6 + 2 * 5 + 4 * 7 + 5 * 8)
  })

  test('a packed node of which one module is adapted, as text', () => {
    const { layout } = parameters(ADAPTERS[2]![1])
    expect(print(addLoraParameters(model(), SITES, layout).graph)).toMatchInlineSnapshot(`
      "slice_0 [8] = Slice(theta, [0], [8], [0])
      reshape_0 [2, 4] = Reshape(slice_0, [2, 4])
      transpose_0 [4, 2] = Transpose(reshape_0, perm=[1, 0])
      matmul_0 [B, T, 2] = MatMul(x, transpose_0)
      slice_1 [2] = Slice(lora.scales, [0], [2], [0])
      mul_0 [B, T, 2] = Mul(matmul_0, slice_1)
      qkv.y.base_0 [B, T, 6] = MatMul(x, qkv.weight)
      slice_2 [B, T, 3] = Slice(qkv.y.base_0, [0], [3], [2])
      mul_1 [B, T, 3] = Mul(slice_2, 0)
      slice_3 [4] = Slice(theta, [8], [12], [0])
      reshape_1 [2, 2] = Reshape(slice_3, [2, 2])
      transpose_1 [2, 2] = Transpose(reshape_1, perm=[1, 0])
      matmul_1 [B, T, 2] = MatMul(mul_0, transpose_1)
      slice_4 [B, T, 1] = Slice(qkv.y.base_0, [5], [6], [2])
      mul_2 [B, T, 1] = Mul(slice_4, 0)
      concat_0 [B, T, 6] = Concat(mul_1, matmul_1, mul_2, axis=2)
      qkv.y [B, T, 6] = Add(qkv.y.base_0, concat_0)
      gate.y [B, T, 3] = MatMul(x, gate.weight)
      o.y [B, T, 2] = MatMul(qkv.y, o.weight)"
    `)
  })
})

test('a site that the graph does not have is named', () => {
  const sites = [...SITES, { node: 'up', input: 'x', modules: [{ name: 'l.up', in: 4, out: 3 }] }]
  expect(() => addLoraInputs(model(), sites)).toThrow('lora-inputs: no node named up')
  expect(() => addLoraParameters(model(), sites, layoutOf(sites, new Map([['l.up', 1]])))).toThrow(
    'lora-parameters: no node named up',
  )
})
