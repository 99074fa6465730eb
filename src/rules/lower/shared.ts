import type { Emit } from '../../graph/emit.js'
import type { Dim, Node, Value } from '../../graph/graph.js'
import { monomials } from '../../graph/size.js'

/** Scores of positions that may not be seen. Finite, so that no runtime makes NaN of it; exp of it is exactly 0. */
const MASKED = -1e9

/** What every layer needs alike, made once. */
export interface Shared {
  /** The value of that key, made when it is first asked for. */
  once(key: string, make: () => Value): Value
  /** 0, 1, …, T−1 [T] int64 */
  positions(): Value
  /** The smaller value that v repeats along axes, or v: enough for arithmetic that repeats by itself. */
  unrepeated(v: Value): Value
  /** A list of sizes as a value [n] int64, a constant if none is symbolic. */
  shape(dims: readonly Dim[]): Value
  /** One size as a value [] int64. */
  size(d: Dim): Value
  /** 0 where token i (row) sees token j (column), very negative elsewhere [T, T]: j ≤ i, and i − j < window if given. */
  mask(like: Value, window?: number): Value
}

/** A step of lowering: either emits what replaces `node` and returns true, or returns false. */
export interface Lowering {
  name: string
  apply(node: Node, e: Emit, shared: Shared): boolean
}

/**
 * @param e of a graph with the input `input_ids` [B, T], whose symbols are all there are
 * @param small value → the smaller one that it repeats
 */
export function sharedOf(e: Emit, small: ReadonlyMap<Value, Value>): Shared {
  const made = new Map<string, Value>()
  const once = (key: string, make: () => Value): Value => {
    const v = made.get(key) ?? make()
    made.set(key, v)
    return v
  }
  const symbol = (s: string): Value =>
    once(`size of ${s}`, () => {
      const axis = e.dims('input_ids').indexOf(s)
      const shape = once('shape', () => e.op('Shape', ['input_ids']))
      return e.op('Gather', [shape, e.const([axis], [], 'int64')], { axis: 0 })
    })
  const size = (d: Dim): Value =>
    once(`size ${d}`, () => {
      if (typeof d === 'number') return e.const([d], [], 'int64')
      const terms = monomials(d).map(({ coefficient, symbols }) => {
        const factors = symbols.map(symbol)
        if (coefficient !== 1 || factors.length === 0) factors.push(e.const([coefficient], [], 'int64'))
        return factors.reduce((a, b) => e.mul(a, b))
      })
      return terms.reduce((a, b) => e.add(a, b))
    })
  const shape = (dims: readonly Dim[]): Value =>
    once(`shape ${dims}`, () => {
      if (dims.every(d => typeof d === 'number')) return e.ints(...dims)
      const parts = dims.map(d => (typeof d === 'number' ? e.ints(d) : e.reshape(size(d), 1)))
      return e.concat(parts, 0)
    })
  const positions = (): Value =>
    once('positions', () =>
      e.typed(
        'Range',
        [e.const([0], [], 'int64'), size('T'), e.const([1], [], 'int64')],
        {},
        { dtype: 'int64', dims: ['T'] },
      ),
    )
  const mask = (like: Value, window?: number): Value =>
    once(`mask ${window} ${e.type(like).dtype}`, () => {
      const [column, row] = [0, 1].map(axis =>
        once(`positions ${axis}`, () => e.op('Unsqueeze', [positions(), e.ints(axis)])),
      ) as [Value, Value]
      const before = e.op('LessOrEqual', [column, row])
      const near = window && e.op('Less', [e.sub(row, column), e.const([window], [], 'int64')])
      const seen = near ? e.op('And', [before, near]) : before
      return e.op('Where', [seen, e.scalar(0, like), e.scalar(MASKED, like)])
    })
  return { once, positions, shape, size, mask, unrepeated: v => small.get(v) ?? v }
}
