import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph } from '../../src/graph/graph.js'
import { print } from '../../src/graph/print.js'
import { joinParts } from '../../src/rules/join.js'
import { prune } from '../../src/rules/prune.js'

/** Sums paddings of a [B, 2], b [B, 3], c [B, 1] to [B, 6], each at the place given, in the order given. */
function sum(...places: [name: string, from: number][]) {
  const e = new Emit(emptyGraph())
  const widths: Record<string, number> = { a: 2, b: 3, c: 1 }
  const padded = places.map(([name, from]) => {
    const x = e.input(name, ['B', widths[name]!], 'float32')
    return e.op('Pad', [x, e.ints(0, from, 0, 6 - from - widths[name]!)])
  })
  e.graph.outputs = [padded.reduce((s, p) => e.add(s, p))]
  return e.graph
}
const joined = (g: ReturnType<typeof sum>) => {
  const { graph, hits } = joinParts(g)
  return { text: print(prune(graph)), hits: hits.Concat }
}

describe('sums of padded neighbours', () => {
  test('that fill the whole axis are one concatenation', () => {
    const { text, hits } = joined(sum(['a', 0], ['b', 2], ['c', 5]))
    expect(text).toMatchInlineSnapshot(`"add_1 [B, 6] = Concat(a, b, c, axis=1)"`)
    expect(hits).toBe(2)
  })

  test('in whatever order they are added', () => {
    expect(joined(sum(['b', 2], ['c', 5], ['a', 0])).text).toMatchInlineSnapshot(
      `"add_1 [B, 6] = Concat(a, b, c, axis=1)"`,
    )
  })

  test('that fill a part of it are padded once', () => {
    expect(joined(sum(['b', 2], ['c', 5])).text).toMatchInlineSnapshot(`
      "concat_0 [B, 4] = Concat(b, c, axis=1)
      add_0 [B, 6] = Pad(concat_0, [0, 2, 0, 0])"
    `)
  })

  test('with a gap, or that overlap, stay sums', () => {
    expect(joined(sum(['a', 0], ['c', 5])).hits).toBe(0)
    expect(joined(sum(['a', 1], ['b', 2])).hits).toBe(0)
  })
})
