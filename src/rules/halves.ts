import type { Emit } from '../graph/emit.js'
import type { Node, Value } from '../graph/graph.js'
import type { Before, Rule } from '../graph/rewrite.js'

/**
 * Rotary position embedding (Su et al. 2021) as torch's exporter writes it, of whole heads x = [a, b] [B, H, T, W]:
 *
 *     x ∘ [c, c] + [−b, a] ∘ [s, s]    becomes    RotaryEmbedding(x, c, s)         tables c, s [T, W/2]
 */
export function rotaryOfHalves(): Rule {
  /** Doubled table → its first half; the same for all layers. */
  const tables = new Map<Value, Value>()
  return {
    name: 'RotaryEmbedding of halves',
    apply(node, e, before) {
      if (node.op !== 'Add') return false
      const products = node.inputs.map(v => before.producer.get(v))
      for (const [plain, turned] of [products, products.toReversed()]) {
        if (plain?.op !== 'Mul' || turned?.op !== 'Mul') continue
        const [x, cos] = plain.inputs as [Value, Value]
        const [swapped, sin] = turned.inputs as [Value, Value]
        if (e.dims(x).length !== 4 || !isSwapped(swapped, x, e, before)) continue
        if (![cos, sin].every(v => isDoubled(v, e, before))) continue
        const [c, s] = [cos, sin].map(v => half(tables, v, e)) as [Value, Value]
        e.op('com.microsoft.RotaryEmbedding', [x, e.ints(0), c, s], {}, node.outputs[0]!)
        return true
      }
      return false
    },
  }
}

/** True if v = [−b, a] for the halves a and b of x's last axis. */
function isSwapped(v: Value, x: Value, e: Emit, { producer }: Before): boolean {
  const both = producer.get(v)
  if (both?.op !== 'Concat' || both.inputs.length !== 2) return false
  const negated = producer.get(both.inputs[0]!)
  const [b, a] = [producer.get(negated?.inputs[0] ?? ''), producer.get(both.inputs[1]!)]
  const W = e.lastSize(x)
  const cut = (part: Node | undefined, from: number): boolean => {
    if (part?.op !== 'Slice' || part.inputs[0] !== x) return false
    const [start, end, axis] = part.inputs.slice(1, 4).map(i => e.values(i)[0]) as [number, number, number]
    return (axis === 3 || axis === -1) && start === from && Math.min(end, W) === from + W / 2
  }
  return negated?.op === 'Neg' && cut(b, W / 2) && cut(a, 0)
}

/** True for a table [1, .., T, W] both halves of which are the same: made of a value that was put beside itself. */
function isDoubled(v: Value, e: Emit, { producer, graph }: Before): boolean {
  if (
    !e
      .dims(v)
      .slice(0, -2)
      .every(d => d === 1)
  )
    return false
  const single = (i: Value) => graph.consts.get(i)?.type.dims.every(d => d === 1) === true
  let at = producer.get(v)
  while (at && (['Unsqueeze', 'Cos', 'Sin', 'Cast'].includes(at.op) || (at.op === 'Mul' && single(at.inputs[1]!))))
    at = producer.get(at.inputs[0]!)
  if (at?.op !== 'Concat' || at.inputs.length !== 2 || at.inputs[0] !== at.inputs[1]) return false
  return e.axis(at, -1) === e.dims(at.outputs[0]!).length - 1
}

/** The first half [T, W/2] of a table [1, .., T, W]. */
function half(tables: Map<Value, Value>, v: Value, e: Emit): Value {
  const made = tables.get(v)
  if (made !== undefined) return made
  const W = e.lastSize(v)
  const table = e.reshape(e.slice(v, e.dims(v).length - 1, 0, W / 2), -1, W / 2)
  tables.set(v, table)
  return table
}
