import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { constOf, copyGraph, emptyGraph, type Graph, GraphError, type Node } from '../../src/graph/graph.js'
import { OPS } from '../../src/graph/ops.js'
import { print } from '../../src/graph/print.js'
import { lower } from '../../src/rules/lower/index.js'
import { DECODERS, exported } from '../helpers/fixtures.js'

const llama = exported('tiny-llama-genai')

/** The tiny Llama with one node of an op changed. */
function altered(op: string, change: (node: Node) => void): Graph {
  const g = copyGraph(llama)
  const at = g.nodes.findIndex(n => n.op === op)
  const node = structuredClone(g.nodes[at]!)
  g.nodes[at] = node
  change(node)
  return g
}
const GQA = 'com.microsoft.GroupQueryAttention'
const attention = (change: (node: Node) => void) => altered(GQA, change)
const where = 'lowering /model/layers.0/attn/GroupQueryAttention: GroupQueryAttention with'

describe('lowering', () => {
  test.each(DECODERS)('%s: every fused operator goes, and with it the cache and the mask', name => {
    const { graph, hits } = lower(exported(name))
    expect(Object.fromEntries(Object.entries(hits).filter(([, n]) => n > 0))).toEqual({
      SimplifiedLayerNormalization: 1,
      SkipLayerNormalization: 4,
      GroupQueryAttention: 2,
    })
    expect(graph.nodes.filter(n => n.op.startsWith('com.') || n.op.includes('LayerNorm'))).toEqual([])
    expect([graph.inputs, graph.outputs]).toEqual([['input_ids'], ['logits']])
    expect(graph.types.get('logits')).toEqual({ dtype: 'float32', dims: ['B', 'T', 320] })
    for (const n of graph.nodes) expect(graph.types.has(n.outputs[0]!), n.outputs[0]).toBe(true)
  })

  test('leaves its input alone', () => {
    const before = print(llama)
    lower(llama)
    expect(print(llama)).toBe(before)
  })

  test('positions, rotary tables and the causal mask are made once, not in every layer', () => {
    const ops = lower(llama).graph.nodes.map(n => n.op)
    expect(ops.filter(op => op === 'Range' || op === 'LessOrEqual')).toEqual(['Range', 'LessOrEqual'])
  })

  test('a graph of plain operators stays as it is', () => {
    const e = new Emit(emptyGraph())
    e.input('input_ids', ['B', 'T'], 'int64')
    e.bytes('', constOf(Array(6).fill(1), [3, 2], 'float32'), 'table')
    e.op('Gather', ['table', 'input_ids'], {}, 'logits')
    e.graph.outputs = ['logits']
    const { graph, hits } = lower(e.graph)
    expect(new Set(Object.values(hits))).toEqual(new Set([0]))
    expect(graph).toEqual(e.graph)
  })

  test('a tied LM head becomes a product with the transposed table, which is scaled where it says so', () => {
    const e = new Emit(emptyGraph())
    e.input('input_ids', ['B', 'T'], 'int64')
    const table = e.bytes('table', constOf(Array(40).fill(1), [10, 4], 'float32'))
    const attrs = { transB: 1, alpha: { float: 0.5 } }
    e.op('com.microsoft.FusedMatMul', [e.op('Gather', [table, 'input_ids']), table], attrs, 'logits')
    e.graph.outputs = ['logits']
    expect(print(lower(e.graph).graph)).toMatchInlineSnapshot(`
      "gather_0 [B, T, 4] = Gather(table_0, input_ids)
      mul_0 [B, T, 4] = Mul(gather_0, 0.5)
      transpose_0 [4, 10] = Transpose(table_0, perm=[1, 0])
      logits [B, T, 10] = MatMul(mul_0, transpose_0)"
    `)
    e.graph.nodes[1]!.attrs.transBatchA = 1
    expect(() => lower(e.graph)).toThrow('lowering fusedmatmul_node_0: transposed batches are not supported')
  })

  test('an RMS norm, as text', () => {
    const e = new Emit(emptyGraph())
    e.input('input_ids', ['B', 'T'], 'int64')
    const table = e.bytes('table', constOf(Array(40).fill(1), [10, 4], 'float32'))
    const w = e.bytes('w', constOf(Array(4).fill(1), [4], 'float32'))
    const x = e.op('Gather', [table, 'input_ids'])
    e.op('SimplifiedLayerNormalization', [x, w], { axis: -1, epsilon: { float: 1e-6 } }, 'logits')
    e.graph.outputs = ['logits']
    expect(print(lower(e.graph).graph)).toMatchInlineSnapshot(`
      "gather_0 [B, T, 4] = Gather(table_0, input_ids)
      mul_0 [B, T, 4] = Mul(gather_0, gather_0)
      reducemean_0 [B, T, 1] = ReduceMean(mul_0, [-1], keepdims=1)
      add_0 [B, T, 1] = Add(reducemean_0, 0.000001)
      sqrt_0 [B, T, 1] = Sqrt(add_0)
      reciprocal_0 [B, T, 1] = Reciprocal(sqrt_0)
      mul_1 [B, T, 4] = Mul(gather_0, reciprocal_0)
      logits [B, T, 4] = Mul(mul_1, [1, 1, 1, 1])"
    `)
  })
})

describe('what would lose its meaning is refused by name', () => {
  test.each<[string, Graph]>([
    [`${where} smooth_softmax = 1 is not supported (only 0)`, attention(n => (n.attrs.smooth_softmax = 1))],
    [
      `${where} k_quant_type = PER_TENSOR is not supported (only NONE)`,
      attention(n => (n.attrs.k_quant_type = 'PER_TENSOR')),
    ],
    [
      'lowering /model/layers.0/attn/GroupQueryAttention: rotary embedding at positions [64]; there must be one for each',
      attention(n => (n.inputs[9] = 'model.layers.0.input_layernorm.weight')),
    ],
    [`${where} input 11 (sin_cache) is not supported`, attention(n => (n.inputs[11] = 'sin_cache'))],
    [
      'lowering /model/layers.0/input_layernorm/LayerNorm: only the last axis can be normalized',
      altered('SimplifiedLayerNormalization', n => (n.attrs.axis = 1)),
    ],
    [
      'lowering a decoder: operator com.microsoft.Attention (node /model/layers.0/attn/GroupQueryAttention) is not supported',
      attention(n => (n.op = 'com.microsoft.Attention')),
    ],
    [
      'lowering a decoder: operator other.GroupQueryAttention (node /model/layers.0/attn/GroupQueryAttention) is not supported',
      attention(n => (n.op = 'other.GroupQueryAttention')),
    ],
    [
      'lowering a decoder: operator Elu (node /model/layers.0/mlp/act_fn/Sigmoid) is not supported',
      altered('Sigmoid', n => (n.op = 'Elu')),
    ],
    [
      'lowering a decoder: it has no logits; found input_ids, attention_mask, past_key_values.0.key',
      { ...llama, outputs: ['present.0.key'] },
    ],
    [
      'lowering a decoder: it has no input_ids; found inputs_embeds, attention_mask',
      { ...llama, inputs: ['inputs_embeds', ...llama.inputs.slice(1)] },
    ],
  ])('%s', (message, graph) => {
    expect(() => lower(graph)).toThrow(GraphError)
    expect(() => lower(graph)).toThrow(message)
  })

  test('an attribute at the value that does nothing is no reason to refuse', () => {
    expect(() => lower(attention(n => Object.assign(n.attrs, { smooth_softmax: 0, qk_output: 0 })))).not.toThrow()
  })

  test('an input beside the tokens that the logits depend on', () => {
    const e = new Emit(emptyGraph())
    for (const v of ['input_ids', 'token_type_ids']) e.input(v, ['B', 'T'], 'int64')
    const table = e.bytes('table', constOf(Array(6).fill(1), [3, 2], 'float32'))
    e.op('Add', [e.op('Gather', [table, 'input_ids']), e.op('Gather', [table, 'token_type_ids'])], {}, 'logits')
    e.graph.outputs = ['logits']
    expect(() => lower(e.graph)).toThrow('lowering gather_node_1: no value is known for input token_type_ids')
  })

  test('every fused operator of the exported decoders has a place in the table of ops', () => {
    for (const [name] of DECODERS) for (const n of exported(name).nodes) expect(OPS, n.op).toHaveProperty([n.op])
  })
})
