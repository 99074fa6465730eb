import { describe, expect, test } from 'vitest'
import { backward } from '../../src/grad/backward.js'
import { check } from '../../src/graph/check.js'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph, type Value } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { prune } from '../../src/rules/prune.js'

/** The backward pass alone, as text: what remains of the graph when only the gradients are asked for. */
function gradientsOf(build: (e: Emit) => { loss: Value; leaves: Value[] }): string {
  const e = new Emit(emptyGraph())
  const { loss, leaves } = build(e)
  const gradients = backward(e, loss, e.scalar(1, loss), leaves)
  e.graph.outputs = leaves.map(v => e.op('Identity', [gradients.get(v)!], {}, `d${v}`))
  return print(check(prune(e.graph), 'the test'))
}

const vector = (e: Emit, name: string) => e.input(name, ['n'], 'float64')
const total = (e: Emit, v: Value) => e.sum(v, [0], 0)

describe('backward', () => {
  test('a value that is read twice gets the sum of both cotangents', () => {
    const text = gradientsOf(e => {
      const x = vector(e, 'x')
      return { loss: total(e, e.add(e.mul(x, vector(e, 'c')), e.neg(x))), leaves: [x] }
    })
    // The shape that ReduceSum spreads to is that of its input, which is why the forward pass is still there.
    expect(text).toMatchInlineSnapshot(`
      "mul_0 [n] = Mul(x, c)
      neg_0 [n] = Neg(x)
      add_0 [n] = Add(mul_0, neg_0)
      unsqueeze_0 [1] = Unsqueeze(1, [0])
      shape_0 [1] = Shape(add_0)
      expand_0 [n] = Expand(unsqueeze_0, shape_0)
      neg_1 [n] = Neg(expand_0)
      mul_1 [n] = Mul(expand_0, c)
      add_1 [n] = Add(neg_1, mul_1)
      dx [n] = Identity(add_1)"
    `)
  })

  test('a node that reads one value twice counts twice', () => {
    const text = gradientsOf(e => {
      const x = vector(e, 'x')
      return { loss: total(e, e.div(x, x)), leaves: [x] }
    })
    expect(text).toMatch(/dx \[n\] = Identity\(add_0\)/)
  })

  test('a leaf may lie within the graph: nothing beyond it is walked, so what made it needs no rule', () => {
    const e = new Emit(emptyGraph())
    const leaf = e.cast(e.input('x', ['n'], 'float32'), 'float64')
    const loss = total(e, e.scale(leaf, 3))
    const before = e.graph.nodes.length
    const d = backward(e, loss, e.scalar(1, loss), [leaf]).get(leaf)!
    expect(e.type(d)).toEqual(e.type(leaf))
    expect(e.graph.nodes.slice(before).flatMap(n => n.inputs)).not.toContain('x')
  })

  test('no gradient flows through an op that says so', () => {
    const text = gradientsOf(e => {
      const x = vector(e, 'x')
      const kept = e.op('Where', [
        e.op('LessOrEqual', [vector(e, 'c'), e.scalar(0, x)]),
        e.scalar(1, x),
        e.scalar(2, x),
      ])
      return { loss: total(e, e.mul(x, kept)), leaves: [x] }
    })
    // Where has no rule, and needs none: it does not depend on x.
    expect(text).toMatch(/dx \[n\] = Identity\(mul_\d\)/)
    expect(() =>
      gradientsOf(e => {
        const x = vector(e, 'x')
        return { loss: total(e, e.cast(e.op('LessOrEqual', [x, e.scalar(0, x)]), 'float64')), leaves: [x] }
      }),
    ).toThrow(/^gradient: reducesum_0 does not depend on x$/)
  })

  test('a leaf that the loss does not depend on is an error', () => {
    expect(() => gradientsOf(e => ({ loss: total(e, vector(e, 'x')), leaves: ['x', vector(e, 'y')] }))).toThrow(
      /^gradient: reducesum_0 does not depend on y$/,
    )
  })

  test('an op on the way without a rule is an error', () => {
    expect(() => gradientsOf(e => ({ loss: total(e, e.op('Cos', [vector(e, 'x')])), leaves: ['x'] }))).toThrow(
      /^no gradient rule for Cos \(node cos_node_0\); there are rules for Add, /,
    )
  })

  test('a second output that is used on the way is an error, not a missing term', () => {
    expect(() =>
      gradientsOf(e => {
        const x = vector(e, 'x')
        const node = { name: 'pair', op: 'Neg', inputs: [x], outputs: ['first', 'second'], attrs: {} }
        e.graph.nodes.push(node)
        for (const v of node.outputs) e.graph.types.set(v, e.type(x))
        return { loss: total(e, e.add('first', 'second')), leaves: [x] }
      }),
    ).toThrow('gradient of Neg pair: only its first output may have one, second is used too')
  })
})
