import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph, type Graph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { keepLastLogits } from '../../src/rules/logits.js'
import { addLoss } from '../../src/rules/loss.js'
import { prune } from '../../src/rules/prune.js'

/** hidden [B, T, 4] → logits [B, T, 7] */
function head(): Emit {
  const e = new Emit(emptyGraph())
  e.input('hidden', ['B', 'T', 4], 'float32')
  e.op('MatMul', ['hidden', e.bytes('', constOf(Array(28).fill(1), [4, 7], 'float32'), 'lm_head')], {}, 'logits')
  e.graph.outputs = ['logits']
  return e
}

describe('addLoss', () => {
  test('evaluates the head only at the supervised rows: [S, V], never [B, T, V]', () => {
    const { graph, loss, nll } = addLoss(head().graph)
    expect(print(graph)).toMatchInlineSnapshot(`
      "reshape_0 [B*T, 4] = Reshape(hidden, [-1, 4])
      gather_0 [S, 4] = Gather(reshape_0, positions, axis=0)
      matmul_0 [S, 7] = MatMul(gather_0, lm_head)
      unsqueeze_0 [S, 1] = Unsqueeze(targets, [1])
      logsoftmax_0 [S, 7] = LogSoftmax(matmul_0, axis=-1)
      gatherelements_0 [S, 1] = GatherElements(logsoftmax_0, unsqueeze_0, axis=1)
      neg_0 [S, 1] = Neg(gatherelements_0)
      unsqueeze_1 [S, 1] = Unsqueeze(weights, [1])
      exp_0 [S, 7] = Exp(logsoftmax_0)
      mul_0 [S, 7] = Mul(exp_0, unsqueeze_1)
      gatherelements_1 [S, 1] = GatherElements(mul_0, unsqueeze_0, axis=1)
      sub_0 [S, 1] = Sub(gatherelements_1, unsqueeze_1)
      scatterelements_0 [S, 7] = ScatterElements(mul_0, unsqueeze_0, sub_0, axis=1)
      reshape_1 [S] = Reshape(neg_0, [-1])
      mul_1 [S] = Mul(reshape_1, weights)
      reducesum_0 [] = ReduceSum(mul_1, [0], keepdims=0)"
    `)
    expect([graph.outputs, graph.inputs]).toEqual([
      [loss, nll],
      ['hidden', 'positions', 'targets', 'weights'],
    ])
  })

  test.each<[string, (e: Emit) => void]>([
    [
      'come from something else than a product',
      e => {
        e.graph.nodes[0]!.outputs = ['raw']
        e.graph.types.set('raw', e.type('logits'))
        e.op('Neg', ['raw'], {}, 'logits')
      },
    ],
    ['are read within the graph', e => e.graph.outputs.push(e.neg('logits'))],
  ])('is refused where the logits %s', (_, change) => {
    const e = head()
    change(e)
    expect(() => addLoss(e.graph)).toThrow('adding the loss: the logits do not come straight from a linear node')
  })
})

describe('keepLastLogits', () => {
  test('cuts the rows before the head', () => {
    expect(print(keepLastLogits(head().graph))).toMatchInlineSnapshot(`
      "reshape_0 [1] = Reshape(num_logits_to_keep, [1])
      neg_0 [1] = Neg(reshape_0)
      slice_0 [B, kept, 4] = Slice(hidden, neg_0, [2147483647], [1])
      logits [B, kept, 7] = MatMul(slice_0, lm_head)"
    `)
  })

  test.each<[string, (e: Emit) => void]>([
    ['has the input already', e => e.input('num_logits_to_keep', [], 'int64')],
    ['reads its logits itself', e => e.neg('logits')],
    ['works on flat rows', e => e.graph.types.set('hidden', { dtype: 'float32', dims: ['T', 4] })],
  ])('leaves a graph alone that %s', (_, change) => {
    const e = head()
    change(e)
    if (e.dims('hidden').length === 2) e.graph.types.set('logits', { dtype: 'float32', dims: ['T', 7] })
    expect(print(keepLastLogits(e.graph))).toBe(print(e.graph))
  })
})

describe('prune', () => {
  test('keeps what the outputs depend on, and nothing else', () => {
    const e = new Emit(emptyGraph())
    for (const v of ['x', 'unused']) e.input(v, [2], 'float32')
    const y = e.add(e.scale('x', 2), e.scale('x', 3))
    e.neg(e.scale('unused', 4))
    e.graph.outputs = [y, 'x']
    const pruned: Graph = prune(e.graph)
    expect(print(pruned)).toMatchInlineSnapshot(`
      "mul_0 [2] = Mul(x, 2)
      mul_1 [2] = Mul(x, 3)
      add_0 [2] = Add(mul_0, mul_1)"
    `)
    expect(pruned.inputs).toEqual(['x'])
    expect(pruned.consts.size).toBe(2)
    expect([...pruned.types.keys()].sort()).toEqual(['add_0', 'const_0', 'const_1', 'mul_0', 'mul_1', 'x'])
  })

  test('keeps a node of which one output is needed', () => {
    const g: Graph = {
      ...emptyGraph(),
      inputs: ['x'],
      outputs: ['b'],
      nodes: [{ name: 'n', op: 'Split', inputs: ['x'], outputs: ['a', 'b'], attrs: {} }],
    }
    expect(prune(g).nodes).toEqual(g.nodes)
  })
})
