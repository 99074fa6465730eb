import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { type Attr, constOf, emptyGraph, type Graph, type Value } from '../../src/graph/graph.js'
import { lower } from '../../src/rules/lower/index.js'
import { normsBeforeAttention } from '../../src/rules/norms.js'
import { random } from '../../src/tensor.js'
import { int64, run, uniform } from '../helpers/ort.js'

const [B, T, TOKENS] = [2, 7, 10]
const ids = Array.from({ length: B * T }, (_, i) => (i * 7 + 3) % TOKENS)

/** Puts numbers into a graph. */
class Maker {
  readonly e = new Emit(emptyGraph(22))
  #seed = 0
  constructor() {
    this.e.input('input_ids', ['B', 'T'], 'int64')
  }
  /** A constant of numbers around ±1. */
  numbers(dims: number[], range: [number, number] = [-1, 1]): Value {
    return this.e.bytes('numbers', constOf([...uniform(dims, ++this.#seed, range).data], dims, 'float32'))
  }
  /** Rows [B, T, width] that depend on the tokens. */
  x(width: number): Value {
    return this.e.op('Gather', [this.numbers([TOKENS, width]), 'input_ids'])
  }
  bytes(dims: number[], dtype: 'uint8' | 'int8' = 'uint8'): Value {
    const rng = random(++this.#seed)
    const n = dims.reduce((a, b) => a * b, 1)
    return this.e.bytes('bytes', { type: { dtype, dims }, data: Uint8Array.from({ length: n }, () => rng.below(256)) })
  }
  /** 0, 1, …, T−1 [B, T] */
  positions(): Value {
    return this.e.input('position_ids', ['B', 'T'], 'int64')
  }
  /** How far token j (column) lies before token i (row) [B, 1, T, T]. */
  distances(): Value {
    const p = this.e.cast(this.positions(), 'float32')
    const [rows, columns] = [3, 2].map(axis => this.e.op('Unsqueeze', [p, this.e.ints(1, axis)])) as [Value, Value]
    return this.e.sub(rows, columns)
  }
  int32(...values: number[]): Value {
    return this.e.const(values, values.length === 1 ? [] : [values.length], 'int32')
  }
}

type Make = (m: Maker) => { op: string; inputs: Value[]; attrs?: Record<string, Attr>; outputs?: number }

function graphOf(make: Make): Graph {
  const m = new Maker()
  const { op, inputs, attrs = {}, outputs = 1 } = make(m)
  m.e.op(op, inputs, attrs, 'logits')
  const node = m.e.graph.nodes.at(-1)!
  node.outputs.push(...Array.from({ length: outputs - 1 }, (_, i) => `other_${i}`))
  m.e.graph.outputs = ['logits']
  return m.e.graph
}

const GQA = 'com.microsoft.GroupQueryAttention'
/** Four heads of width 16 share two keys; whole sequences, no cache. */
const grouped =
  (attrs: Record<string, Attr>, { packed = false, rotary = 16, more = (_m: Maker): Value[] => [] } = {}): Make =>
  m => {
    const qkv = packed ? [m.x(128), '', ''] : [m.x(64), m.x(32), m.x(32)]
    const tables = rotary > 0 ? [m.numbers([16, rotary / 2]), m.numbers([16, rotary / 2])] : ['', '']
    const lengths = [m.int32(...Array(B).fill(T - 1)), m.int32(T)]
    return {
      op: GQA,
      inputs: [...qkv, '', '', ...lengths, ...tables, ...more(m)],
      attrs: { num_heads: 4, kv_num_heads: 2, do_rotary: Number(rotary > 0), ...attrs },
      outputs: 3,
    }
  }
const CASES: Record<string, Make> = {
  'grouped attention, packed': grouped({}, { packed: true }),
  'grouped attention without rotation': grouped({}, { rotary: 0 }),
  'grouped attention with a scale of its own': grouped({ scale: { float: 0.7 } }),
  'grouped attention in a window of 3 tokens': grouped({ local_window_size: 3 }),
  'grouped attention in a window of 1 token': grouped({ local_window_size: 1 }),
  'grouped attention with soft-capped scores': grouped({ softcap: { float: 0.5 } }),
  'grouped attention, window and soft-cap': grouped({ local_window_size: 2, softcap: { float: 0.5 } }),
  'grouped attention, neighbours are turned': grouped({ rotary_interleaved: 1 }, { packed: true }),
  'multi-head attention, causal': m => ({
    op: 'com.microsoft.MultiHeadAttention',
    inputs: [m.x(32), m.x(32), m.x(32)],
    attrs: { num_heads: 4, unidirectional: 1 },
  }),
  'multi-head attention with a mask of its own and values of another width': m => ({
    op: 'com.microsoft.MultiHeadAttention',
    inputs: [m.x(32), m.x(32), m.x(24), '', '', m.distances()],
    attrs: { num_heads: 4, scale: { float: 0.3 } },
  }),
  'multi-head attention with biases': m => ({
    op: 'com.microsoft.MultiHeadAttention',
    inputs: [m.x(32), m.x(32), m.x(32), m.numbers([96])],
    attrs: { num_heads: 4 },
  }),
  'rotary embedding at positions of its own': m => ({
    op: 'com.microsoft.RotaryEmbedding',
    inputs: [m.x(32), m.positions(), m.numbers([16, 4]), m.numbers([16, 4])],
  }),
  'rotary embedding, neighbours are turned': m => ({
    op: 'com.microsoft.RotaryEmbedding',
    inputs: [m.x(32), m.positions(), m.numbers([16, 4]), m.numbers([16, 4])],
    attrs: { interleaved: 1 },
  }),
  'rotary embedding of a part of each head': m => ({
    op: 'com.microsoft.RotaryEmbedding',
    inputs: [m.x(32), m.positions(), m.numbers([16, 2]), m.numbers([16, 2])],
    attrs: { num_heads: 4, rotary_embedding_dim: 4 },
  }),
  'RMS norm': m => ({ op: 'SimplifiedLayerNormalization', inputs: [m.x(8), m.numbers([8])], attrs: { axis: -1 } }),
  'layer norm': m => ({
    op: 'LayerNormalization',
    inputs: [m.x(8), m.numbers([8]), m.numbers([8])],
    attrs: { epsilon: { float: 0.1 } },
  }),
  'layer norm without a bias': m => ({ op: 'LayerNormalization', inputs: [m.x(8), m.numbers([8])] }),
  'skip RMS norm with a bias': m => ({
    op: 'com.microsoft.SkipSimplifiedLayerNormalization',
    inputs: [m.x(8), m.x(8), m.numbers([8]), m.numbers([8])],
  }),
  'skip layer norm with both biases': m => ({
    op: 'com.microsoft.SkipLayerNormalization',
    inputs: [m.x(8), m.x(8), m.numbers([8]), m.numbers([8]), m.numbers([8])],
  }),
  Gelu: m => ({ op: 'Gelu', inputs: [m.x(8)] }),
  'Gelu by tanh': m => ({ op: 'Gelu', inputs: [m.x(8)], attrs: { approximate: 'tanh' } }),
  "the runtime's Gelu": m => ({ op: 'com.microsoft.Gelu', inputs: [m.x(8)] }),
  FastGelu: m => ({ op: 'com.microsoft.FastGelu', inputs: [m.x(8), m.numbers([8])] }),
  BiasGelu: m => ({ op: 'com.microsoft.BiasGelu', inputs: [m.x(8), m.numbers([8])] }),
  QuickGelu: m => ({ op: 'com.microsoft.QuickGelu', inputs: [m.x(8)], attrs: { alpha: { float: 1.5 } } }),
  'Gemm, all of it': m => ({
    op: 'Gemm',
    inputs: [m.e.reshape(m.x(6), -1, 6), m.numbers([4, 6]), m.numbers([4])],
    attrs: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
  }),
  'bounds from both sides': m => ({
    op: 'Clip',
    inputs: [m.x(8), m.e.const([-0.3], [], 'float32'), m.e.const([0.4], [], 'float32')],
  }),
  'a bound from above': m => ({ op: 'Clip', inputs: [m.x(8), '', m.e.const([0.4], [], 'float32')] }),
  'a square': m => ({ op: 'Pow', inputs: [m.x(8), m.e.const([2], [], 'float32')] }),
  'a cube': m => ({ op: 'Pow', inputs: [m.x(8), m.e.const([3], [], 'float32')] }),
  'an inverse': m => ({ op: 'Div', inputs: [m.e.const([1], [], 'float32'), m.x(8)] }),
}

/** Sums of some ten products of numbers of the order of 1, in another order: some roundings of 6e-8. */
const DIGITS = 5

async function logits(g: Graph): Promise<Float32Array> {
  const all = { input_ids: ids, position_ids: ids.map((_, i) => i % T) }
  const feeds = Object.fromEntries(Object.entries(all).filter(([v]) => g.inputs.includes(v)))
  const tensors = Object.entries(feeds).map(([v, values]) => [v, int64(values, [B, T])] as const)
  return (await run<Float32Array>(g, Object.fromEntries(tensors))).logits!.data
}
const expectClose = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length)
  for (const [i, x] of a.entries()) expect(x).toBeCloseTo(b[i]!, DIGITS)
}

describe('a fused operator and what it is lowered to give the same', () => {
  test.each(Object.entries(CASES))('%s', async (_, make) => {
    const graph = graphOf(make)
    const { graph: lowered } = lower(graph)
    expect(lowered.nodes.map(n => n.op)).not.toContain(graph.nodes.at(-1)!.op)
    expectClose(await logits(lowered), await logits(graph))
  })
})

describe('norms of queries and keys inside the attention', () => {
  const more = (m: Maker) => [...Array(5).fill(''), m.numbers([16], [0.5, 2]), m.numbers([16], [0.5, 2])]

  test.each([true, false])('packed %s: training and answering do them before it', async packed => {
    const graph = graphOf(grouped({ qk_norm_epsilon: { float: 1e-3 } }, { packed, more }))
    // The CPU's kernel does not have them.
    await expect(logits(graph)).rejects.toThrow('q_norm_weight')
    const explicit = normsBeforeAttention(graph)
    expect(explicit.nodes.filter(n => n.op === 'SimplifiedLayerNormalization')).toHaveLength(2)
    expectClose(await logits(lower(graph).graph), await logits(explicit))
    expectClose(await logits(lower(explicit).graph), await logits(explicit))
  })
})

describe('products of bytes', () => {
  /** Weights [6, 4] of bytes, for each column a scale and a zero point, or one for all. */
  const fused =
    (columns: number): Make =>
    m => ({
      op: 'com.microsoft.DynamicQuantizeMatMul',
      inputs: [m.x(6), m.bytes([6, 4]), m.numbers([columns], [0.01, 0.02]), m.bytes([columns]), m.numbers([4])],
    })
  /** Half a step of 255 over a range below 2, times six weights below 0.02 · 255. */
  const ROUNDING = 0.5 * (2 / 255) * 6 * 0.02 * 255

  test.each([1, 4])('%d scales: the lowered product is the fused one without the rounding of x', async columns => {
    const graph = graphOf(fused(columns))
    const [rounded, exact] = [await logits(graph), await logits(lower(graph).graph)]
    const error = Math.max(...exact.map((x, i) => Math.abs(x - rounded[i]!)))
    expect(error).toBeLessThan(ROUNDING)
    // It is seen, or the test would prove little.
    expect(error).toBeGreaterThan(1e-3)
  })

  test('the same product in parts gives the same numbers', async () => {
    const parts: Make = m => {
      const [x, w, scale, zero, bias] = fused(1)(m).inputs as [Value, Value, Value, Value, Value]
      const outputs = ['q', 'q.scale', 'q.zero']
      m.e.keep({ name: 'round', op: 'DynamicQuantizeLinear', inputs: [x], outputs, attrs: {} })
      const product = m.e.op('MatMulInteger', ['q', w, 'q.zero', zero])
      const scaled = m.e.mul(m.e.cast(product, 'float32'), m.e.mul('q.scale', scale))
      return { op: 'Add', inputs: [scaled, bias] }
    }
    expectClose(await logits(lower(graphOf(parts)).graph), await logits(lower(graphOf(fused(1))).graph))
    expectClose(await logits(graphOf(parts)), await logits(graphOf(fused(1))))
  })
})

test('parts of an axis: several outputs become slices', async () => {
  const e = new Maker()
  const x = e.x(9)
  e.e.keep({
    name: 'split',
    op: 'Split',
    inputs: [x, e.e.ints(2, 3, 4)],
    outputs: ['a', 'b', 'c'],
    attrs: { axis: -1 },
  })
  e.e.op('Concat', ['c', 'a'], { axis: -1 }, 'logits')
  const graph = { ...e.e.graph, outputs: ['logits'] }
  const lowered = lower(graph).graph
  expect(lowered.nodes.map(n => n.op)).toEqual(['Gather', 'Slice', 'Slice', 'Concat'])
  expectClose(await logits(lowered), await logits(graph))
})
