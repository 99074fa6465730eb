import { afterAll, describe, expect, test } from 'vitest'
import { pullback } from '../../src/grad/backward.js'
import { VJPS, type Vjp } from '../../src/grad/vjps.js'
import { Emit } from '../../src/graph/emit.js'
import { copyGraph, type Dim, emptyGraph, type Node } from '../../src/graph/graph.js'
import { along, dot, run, uniform } from '../helpers/ort.js'

interface Case {
  op: string
  /** Of the inputs that are differentiated. A letter is a size that only the run knows. */
  dims: Dim[][]
  attrs?: Node['attrs']
  /** int64 constants that follow them: axes, bounds, indices. */
  ints?: { values: number[]; dims?: number[] }[]
  /** One constant after them, of their type. */
  floats?: number[]
  /** Before them: the condition, of the last axis. */
  choice?: number[]
  range?: [number, number]
  /** The one input is read twice. */
  twice?: true
  why?: string
}

const SIZES: Record<string, number> = { B: 2, T: 3, S: 4 }
const sized = (dims: readonly Dim[]): number[] => dims.map(d => (typeof d === 'number' ? d : SIZES[d]!))
const ints = (...values: number[]) => ({ values })

const cases: Case[] = [
  {
    op: 'Add',
    dims: [
      [2, 3],
      [2, 3],
    ],
  },
  { op: 'Add', dims: [['B', 'T', 3], [3]], why: 'bias: sums over rows' },
  { op: 'Add', dims: [[3], ['B', 'T', 3]], why: 'the first input broadcasts' },
  {
    op: 'Sub',
    dims: [
      [2, 3],
      [2, 3],
    ],
  },
  { op: 'Sub', dims: [[], [2, 3]], why: 'scalar minus tensor' },
  {
    op: 'Mul',
    dims: [
      [2, 3],
      [2, 3],
    ],
  },
  {
    op: 'Mul',
    dims: [
      [2, 1, 3],
      [4, 1],
    ],
    why: 'both inputs broadcast, along different axes',
  },
  {
    op: 'Mul',
    dims: [
      ['B', 2, 'T', 4],
      ['T', 4],
    ],
    why: 'rotary tables',
  },
  {
    op: 'Div',
    dims: [
      [2, 3],
      [2, 1],
    ],
    range: [0.5, 2],
    why: 'away from the pole',
  },
  { op: 'Div', dims: [[], [5]], range: [0.5, 2], why: 'scalar over vector' },
  { op: 'Neg', dims: [[2, 3]] },
  { op: 'Sqrt', dims: [[2, 3]], range: [0.5, 2], why: 'away from the infinite slope at 0' },
  { op: 'Reciprocal', dims: [[2, 3]], range: [-2, -0.5], why: 'away from the pole, negative' },
  { op: 'Sigmoid', dims: [[2, 3]], range: [-4, 4], why: 'into the flat parts' },
  { op: 'Relu', dims: [[5, 9]], range: [-2, 2], why: 'on both sides of the corner' },
  { op: 'Tanh', dims: [[2, 3]], range: [-3, 3], why: 'into the flat parts' },
  { op: 'Exp', dims: [[2, 3]] },
  { op: 'Log', dims: [[2, 3]], range: [0.5, 2], why: 'away from the pole' },
  { op: 'Pow', dims: [[2, 3]], floats: [3], why: 'a cube, of negative numbers too' },
  { op: 'Pow', dims: [[2, 3]], floats: [-0.5], range: [0.5, 2], why: 'the inverse of a root' },
  {
    op: 'Max',
    dims: [
      [4, 3],
      [4, 1],
    ],
    why: 'the second broadcasts',
  },
  { op: 'Min', dims: [[], [2, 3]], why: 'the first broadcasts' },
  {
    op: 'Where',
    dims: [['B', 'T', 3], [3]],
    choice: [1, 0, 1],
    why: 'one branch broadcasts',
  },
  { op: 'Where', dims: [[], [2, 3]], choice: [0, 1, 1], why: 'a constant branch' },
  { op: 'Cast', dims: [[2, 3]], attrs: { to: 11 } },
  { op: 'Expand', dims: [['B', 2, 1, 'T', 4]], ints: [ints(1, 1, 3, 1, 1)], why: 'heads that share a key' },
  { op: 'Expand', dims: [[3]], ints: [ints(2, 4, 3)], why: 'new axes in front' },
  { op: 'Squeeze', dims: [['B', 1, 3, 1]], ints: [ints(1, -1)] },
  { op: 'Squeeze', dims: [['B', 1, 3, 1]], why: 'no axes given' },
  { op: 'Flatten', dims: [['B', 'T', 4]], attrs: { axis: 2 } },
  {
    op: 'MatMul',
    dims: [
      [2, 3],
      [3, 4],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      ['B', 'T', 3],
      [3, 4],
    ],
    why: 'shared weight: sums over batch and tokens',
  },
  {
    op: 'MatMul',
    dims: [
      ['B', 2, 'T', 5],
      ['B', 2, 5, 'T'],
    ],
    why: 'attention scores',
  },
  {
    op: 'MatMul',
    dims: [
      ['B', 2, 3, 'T', 4],
      ['B', 2, 1, 4, 'T'],
    ],
    why: 'grouped heads: the key broadcasts',
  },
  {
    op: 'MatMul',
    dims: [
      [2, 3],
      [4, 3, 2],
    ],
    why: 'a shared matrix on the left',
  },
  { op: 'Softmax', dims: [['B', 5]], attrs: { axis: -1 } },
  { op: 'Softmax', dims: [[2, 5]], attrs: { axis: 0 }, why: 'an axis that is not the last' },
  { op: 'Softmax', dims: [[2, 5]], range: [-20, 20], why: 'no axis given; nearly one-hot' },
  { op: 'ReduceSum', dims: [['B', 3, 4]], ints: [ints(1)], attrs: { keepdims: 1 } },
  { op: 'ReduceSum', dims: [['B', 3, 'T']], ints: [ints(0, -1)], attrs: { keepdims: 0 }, why: 'axes of unknown size' },
  { op: 'ReduceMean', dims: [['B', 'T', 4]], ints: [ints(-1)], attrs: { keepdims: 1 }, why: 'as in RMSNorm' },
  { op: 'ReduceMean', dims: [[2, 3, 4]], ints: [ints(0, 2)], attrs: { keepdims: 0 } },
  { op: 'Transpose', dims: [['B', 'T', 3, 4]], attrs: { perm: [0, 2, 1, 3] } },
  { op: 'Transpose', dims: [[2, 3, 4]], attrs: { perm: [2, 0, 1] }, why: 'not its own inverse' },
  { op: 'Transpose', dims: [[2, 3, 4]], why: 'no perm given: reverses' },
  { op: 'Reshape', dims: [['B', 'T', 6]], ints: [ints(0, 0, 2, 3)], why: 'splits heads' },
  { op: 'Reshape', dims: [['B', 'T', 6]], ints: [ints(-1, 6)], why: 'flattens rows' },
  { op: 'Unsqueeze', dims: [['B', 3]], ints: [ints(1)] },
  { op: 'Unsqueeze', dims: [['B', 3]], ints: [ints(-1, 0)], why: 'two axes, one counted from the end' },
  { op: 'Slice', dims: [['B', 'T', 6]], ints: [ints(2), ints(5), ints(2)] },
  {
    op: 'Slice',
    dims: [[4, 5]],
    ints: [ints(1, 0), ints(-1, 99), ints(-1, 0)],
    why: 'bounds from the end, and past it',
  },
  {
    op: 'Concat',
    dims: [
      ['B', 2],
      ['B', 3],
      ['B', 1],
    ],
    attrs: { axis: 1 },
  },
  {
    op: 'Concat',
    dims: [
      [2, 2],
      [3, 2],
    ],
    attrs: { axis: -2 },
    why: 'an axis counted from the end',
  },
  {
    op: 'Gather',
    dims: [[5, 3]],
    ints: [ints(4, 0, 4)],
    attrs: { axis: 0 },
    why: 'one row picked twice: its parts add up',
  },
  { op: 'Gather', dims: [['S', 3]], ints: [ints(1)], why: 'no axis given' },
]

const title = ({ op, dims, why }: Case) => `${op}(${dims.map(d => `[${d}]`).join(', ')})${why ? `: ${why}` : ''}`

/** Step of the central differences: of the order of the cube root of float64's precision. */
const STEP = 1e-5
/**
 * Truncation is about STEP² ≈ 1e-10 times the third derivative, rounding 1e-16 / STEP = 1e-11 times the value; both
 * are well below for values of the order of 1.
 */
const TOLERANCE = 1e-8

/** |⟨Jᵀu, v⟩ − ⟨u, (f(x+εv) − f(x−εv)) / 2ε⟩| for random u and v: relative where they are large, in float64, in ORT. */
async function gradientError(c: Case, table: Readonly<Record<string, Vjp | null>> = VJPS): Promise<number> {
  const e = new Emit(emptyGraph())
  const xs = c.dims.map((dims, i) => e.input(`x${i}`, dims, 'float64'))
  const read = c.twice ? [xs[0]!, xs[0]!] : xs
  const constants = (c.ints ?? []).map(({ values, dims }) => e.const(values, dims ?? [values.length], 'int64'))
  if (c.floats) constants.push(e.const(c.floats, c.floats.length === 1 ? [] : [c.floats.length], 'float64'))
  const before = c.choice ? [e.const(c.choice, [c.choice.length], 'bool')] : []
  const y = e.op(c.op, [...before, ...read, ...constants], c.attrs, 'y')
  const forward = { ...copyGraph(e.graph), outputs: [y] }
  const dy = e.input('dy', e.dims(y), 'float64')
  const all = pullback(e, e.graph.nodes[0]!, dy, table)
  const cotangents = all.slice(before.length, before.length + read.length)
  // Identity, because a cotangent may be an input of the graph (Add hands dy on).
  const dxs = cotangents.flatMap((d, i) => (d ? [{ x: read[i]!, dx: e.op('Identity', [d], {}, `dx${i}`) }] : []))
  e.graph.outputs = dxs.map(({ dx }) => dx)
  for (const { x, dx } of dxs) expect(e.type(dx), `type of the cotangent of ${x}`).toEqual(e.type(x))

  const feeds = (seed: number, range?: [number, number]) =>
    Object.fromEntries(xs.map((name, i) => [name, uniform(sized(c.dims[i]!), seed + i, range)]))
  const [x, v] = [feeds(1, c.range), feeds(11)]
  const at = (k: number) => Object.fromEntries(xs.map(name => [name, along(x[name]!, v[name]!, k)]))
  const [plus, minus] = [(await run(forward, at(STEP))).y!, (await run(forward, at(-STEP))).y!]
  const u = uniform(plus.dims, 21)
  const numeric = (dot(u, plus) - dot(u, minus)) / (2 * STEP)
  const back = await run(e.graph, { ...x, dy: u })
  for (const { x: name, dx } of dxs) expect(back[dx]!.dims, `size of the cotangent of ${name}`).toEqual(x[name]!.dims)
  const exact = dxs.reduce((sum, { x: name, dx }) => sum + dot(back[dx]!, v[name]!), 0)
  return Math.abs(exact - numeric) / Math.max(1, Math.abs(exact))
}

describe('gradient rules agree with central differences', () => {
  let worst = 0
  afterAll(() => console.info(`worst error of a gradient rule: ${worst.toExponential(1)}`))

  test.each(cases.map(c => [title(c), c] as const))('%s', async (_, c) => {
    const error = await gradientError(c)
    worst = Math.max(worst, error)
    expect(error).toBeLessThan(TOLERANCE)
  })

  test('every rule has a case', () => {
    const rules = Object.keys(VJPS).filter(op => VJPS[op] !== null)
    // In quantized.ort.test.ts and below: the runtime has no float64 kernels for them.
    const composite = ['SimplifiedLayerNormalization', 'com.microsoft.QuickGelu', 'com.microsoft.RotaryEmbedding']
    const elsewhere = ['com.microsoft.MatMulNBits', 'Erf', ...composite]
    expect(new Set([...cases.map(c => c.op), ...elsewhere])).toEqual(new Set(rules))
  })

  test.each(cases.filter((c, i) => cases.findIndex(d => d.op === c.op) === i))(
    'a rule for $op that is 0.1 % off is caught',
    async c => {
      const off: Vjp = (e, node, dy) => VJPS[c.op]!(e, node, dy).map(d => d && e.scale(d, 1.001))
      expect(await gradientError(c, { [c.op]: off })).toBeGreaterThan(1000 * TOLERANCE)
    },
  )
})

test('the error function, in float32: against its derivative 2/√π · exp(−x²)', async () => {
  const e = new Emit(emptyGraph())
  e.input('x', [9], 'float32')
  e.input('dy', [9], 'float32')
  e.op('Erf', ['x'], {}, 'y')
  const [dx] = pullback(e, e.graph.nodes[0]!, 'dy')
  e.graph.outputs = [dx!]
  const x = Float32Array.from({ length: 9 }, (_, i) => i / 2 - 2)
  const out = await run<Float32Array>(e.graph, { x: { dims: [9], data: x }, dy: { dims: [9], data: x } })
  // A few roundings of float32 (6e-8 each) of numbers of the order of 1.
  for (const [i, d] of out[dx!]!.data.entries())
    expect(d).toBeCloseTo((x[i]! * 2 * Math.exp(-(x[i]! ** 2))) / Math.sqrt(Math.PI), 6)
})

describe('what has no gradient is an error', () => {
  test('an op without a rule: names it, the node and the ops that have one', async () => {
    await expect(gradientError({ op: 'Cos', dims: [[2]] })).rejects.toThrow(
      `no gradient rule for Cos (node cos_node_0); there are rules for ${Object.keys(VJPS)
        .filter(op => VJPS[op])
        .join(', ')}`,
    )
  })

  test.each<[string, Case]>([
    [
      'gradient of gather_node_0: only rows picked by a list of indices have one',
      { op: 'Gather', dims: [[2, 5]], ints: [ints(0)], attrs: { axis: 1 } },
    ],
    [
      'gradient of reducemean_node_0: the size of axis 1 of [B,T] must be known',
      { op: 'ReduceMean', dims: [['B', 'T']], ints: [ints(1)] },
    ],
    ['gradient of max_node_0: Max of 3 values; only of two it has one', { op: 'Max', dims: [[2], [2], [2]] }],
    [
      'gradient of slice_node_0: only slices of neighbours have one',
      { op: 'Slice', dims: [[2, 6]], ints: [ints(0), ints(6), ints(1), ints(2)] },
    ],
    [
      'gradient of concat_node_0: the size of axis 0 of x0 must be known',
      {
        op: 'Concat',
        dims: [
          ['B', 2],
          ['T', 2],
        ],
        attrs: { axis: 0 },
      },
    ],
  ])('%s', async (message, c) => {
    await expect(gradientError(c)).rejects.toThrow(message)
  })
})
