import type { Emit } from '../../graph/emit.js'
import { GraphError, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering, Shared } from './shared.js'

export interface RotaryTables {
  /** Rows of the tables of all positions [T, r/2] or [B, 1, T, r/2]; r ≤ W is the width that is turned. */
  cos: Value
  sin: Value
  /** Pairs are neighbours (2i, 2i+1) instead of halves (i, i + r/2). */
  interleaved: boolean
}

/**
 * The rows of the tables at the positions of a graph, made once for all layers.
 *
 * @param tables cos and sin [positions, r/2]
 * @param positions [B, T]; left out: token t has position t
 * @throws GraphError for positions of another form
 */
export function rotaryTables(
  e: Emit,
  shared: Shared,
  tables: readonly [Value, Value],
  interleaved: boolean,
  positions?: Value,
): RotaryTables {
  if (positions && e.dims(positions).length !== 2)
    throw new GraphError(
      `rotary embedding at positions [${e.dims(positions)}]; there must be one for each token [B, T]`,
    )
  const [cos, sin] = tables.map(table =>
    shared.once(`rows of ${table} at ${positions}, ${interleaved}`, () => {
      const at = positions ?? shared.positions()
      const rows = e.op('Gather', [table, at], { axis: 0 })
      const perHead = positions ? e.op('Unsqueeze', [rows, e.ints(1)]) : rows
      return interleaved ? e.op('Unsqueeze', [perHead, e.ints(-1)]) : perHead
    }),
  ) as [Value, Value]
  return { cos, sin, interleaved }
}

/**
 * Rotary position embedding (Su et al. 2021) of heads x [B, n, T, W]: pairs (a, b) of the first r columns become
 * (a·cos − b·sin, b·cos + a·sin).
 */
export function rotate(e: Emit, x: Value, { cos, sin, interleaved }: RotaryTables): Value {
  const W = e.lastSize(x)
  const half = e.dims(cos).at(interleaved ? -2 : -1) as number
  const turned = (a: Value, b: Value) => [e.sub(e.mul(a, cos), e.mul(b, sin)), e.add(e.mul(b, cos), e.mul(a, sin))]
  const rest = 2 * half < W ? [e.slice(x, 3, 2 * half, W)] : []
  if (!interleaved) return e.concat([...turned(e.slice(x, 3, 0, half), e.slice(x, 3, half, 2 * half)), ...rest], 3)
  const pairs = e.reshape(rest.length > 0 ? e.slice(x, 3, 0, 2 * half) : x, 0, 0, 0, half, 2)
  const both = e.concat(turned(e.slice(pairs, 4, 0, 1), e.slice(pairs, 4, 1, 2)), 4)
  return e.concat([e.reshape(both, 0, 0, 0, 2 * half), ...rest], 3)
}

/**
 * RotaryEmbedding as an operator of its own, of the runtime's domain or the standard one: x [B, T, n·W] or
 * [B, n, T, W], in the same layout out.
 */
export const rotaryEmbedding: Lowering = {
  name: 'RotaryEmbedding',
  apply(node, e, shared) {
    const standard = node.op === 'RotaryEmbedding'
    if (!standard && node.op !== 'com.microsoft.RotaryEmbedding') return false
    const fail = (what: string): never => {
      throw new GraphError(`lowering ${node.name}: RotaryEmbedding ${what}`)
    }
    const x = node.inputs[0]!
    const [positions, cos, sin] = (standard ? [3, 1, 2] : [1, 2, 3]).map(i => node.inputs[i]) as [
      Value?,
      Value?,
      Value?,
    ]
    if (!positions || !cos || !sin) return fail('needs tables and positions')
    if (attr(node.attrs, 'scale', 1) !== 1) fail(`with scale ${attr(node.attrs, 'scale')} is not supported (only 1)`)
    if (e.dims(positions).length !== 2)
      fail(`at positions [${e.dims(positions)}]; only one for each token is supported`)
    const tables = rotaryTables(e, shared, [cos, sin], attr(node.attrs, 'interleaved', 0) === 1, positions)
    const y = node.outputs[0]!
    if (e.dims(x).length === 4) {
      e.op('Identity', [rotate(e, x, tables)], {}, y)
      return true
    }

    const D = e.lastSize(x)
    const turned = 2 * (e.dims(cos)[1] as number)
    // Without a number of heads the tables are as wide as a head.
    const n = attr(node.attrs, 'num_heads', 0) || D / turned
    if (!Number.isInteger(n) || !Number.isInteger(D / n)) fail(`of [${e.dims(x)}]: the number of heads is not known`)
    const heads = e.permute(e.reshape(x, 0, 0, n, D / n), 0, 2, 1, 3)
    e.op('Reshape', [e.permute(rotate(e, heads, tables), 0, 2, 1, 3), e.ints(0, 0, D)], {}, y)
    return true
  },
}
