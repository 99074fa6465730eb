import type { Emit } from '../graph/emit.js'
import { type Graph, GraphError, type Node, type Value } from '../graph/graph.js'
import { VJPS, type Vjp } from './vjps.js'

/** Applies the rule of `node.op`, then sums each cotangent to its input's shape: broadcasting is undone here and only here. */
export function pullback(
  e: Emit,
  node: Node,
  dy: Value,
  table: Readonly<Record<string, Vjp | null>> = VJPS,
): (Value | null)[] {
  const vjp = table[node.op]
  if (!vjp) {
    const rules = Object.keys(table).filter(op => table[op])
    throw new GraphError(`no gradient rule for ${node.op} (node ${node.name}); there are rules for ${rules.join(', ')}`)
  }
  return vjp(e, node, dy).map((d, i) => d && e.sumTo(d, node.inputs[i]!))
}

/**
 * Appends to the graph the gradient of ⟨y, dy⟩ with respect to some of its values, by one walk from the end to the
 * start (reverse accumulation).
 *
 * @param dy cotangent of y, of its type; 1 if y is the loss itself
 * @param leaves values to differentiate by
 * @returns for each leaf the value that holds its gradient, of the leaf's type
 * @throws GraphError if an op on the way has no rule, or y does not depend on a leaf
 */
export function backward(e: Emit, y: Value, dy: Value, leaves: readonly Value[]): Map<Value, Value> {
  const active = dependents(e.graph, leaves)
  const parts = new Map<Value, Value[]>([[y, [dy]]])
  const total = (v: Value): Value | undefined => {
    const terms = parts.get(v)
    return terms?.reduce((sum, term) => e.add(sum, term))
  }
  for (const node of e.graph.nodes.toReversed()) {
    const [out, ...others] = node.outputs as [Value, ...Value[]]
    // What writes a leaf is beyond it: no gradient goes there.
    if (!node.inputs.some(v => active.has(v))) continue
    const extra = others.find(v => parts.has(v))
    if (extra !== undefined)
      throw new GraphError(
        `gradient of ${node.op} ${node.name}: only its first output may have one, ${extra} is used too`,
      )
    const dout = total(out)
    if (dout === undefined) continue
    for (const [i, d] of pullback(e, node, dout).entries()) {
      const x = node.inputs[i]!
      if (d && active.has(x)) parts.set(x, [...(parts.get(x) ?? []), d])
    }
  }
  return new Map(
    leaves.map(v => {
      const d = total(v)
      if (d === undefined) throw new GraphError(`gradient: ${y} does not depend on ${v}`)
      return [v, d]
    }),
  )
}

/** All values through which a gradient of something can reach one of `roots`, and the roots themselves. */
function dependents(g: Graph, roots: readonly Value[]): Set<Value> {
  const found = new Set(roots)
  for (const node of g.nodes)
    if (VJPS[node.op] !== null && node.inputs.some(v => found.has(v))) for (const v of node.outputs) found.add(v)
  return found
}
