import type { Emit } from '../graph/emit.js'
import { type Graph, type Node, numbers, type Value } from '../graph/graph.js'
import { type Rule, rewrite } from '../graph/rewrite.js'

/** A value that is zero outside one stretch of one axis: `parts` side by side, from `from` (inclusive) to `to`. */
interface Stretch {
  axis: number
  from: number
  to: number
  parts: Value[]
}

/**
 * Sums of zero-padded neighbours as concatenations: the gradient of a value that was cut into parts.
 *
 *     pad(a) + pad(b) + pad(c)    becomes    [a, b, c]
 */
export function joinParts(graph: Graph): { graph: Graph; hits: Record<string, number> } {
  const stretches = new Map<Value, Stretch>()
  const rule: Rule = {
    name: 'Concat',
    apply(node, e) {
      if (node.op === 'Pad') remember(stretches, node, e, graph)
      if (node.op !== 'Add') return false
      const [a, b] = node.inputs.map(v => stretches.get(v))
      if (!a || !b || a.axis !== b.axis || (a.to !== b.from && b.to !== a.from)) return false
      const [first, second] = a.to === b.from ? [a, b] : [b, a]
      const sum = { axis: a.axis, from: first.from, to: second.to, parts: [...first.parts, ...second.parts] }
      const y = node.outputs[0]!
      stretches.set(y, sum)
      const dims = e.dims(y)
      const size = dims[sum.axis] as number
      if (sum.from === 0 && sum.to === size) e.op('Concat', sum.parts, { axis: sum.axis }, y)
      else {
        const at = (n: number) => dims.map((_, i) => (i === sum.axis ? n : 0))
        e.op('Pad', [e.concat(sum.parts, sum.axis), e.ints(...at(sum.from), ...at(size - sum.to))], {}, y)
      }
      return true
    },
  }
  return rewrite(graph, [rule], 'joining')
}

/** Notes which stretch of its output a Pad along one axis fills. */
function remember(stretches: Map<Value, Stretch>, node: Node, e: Emit, graph: Graph): void {
  const pads = graph.consts.get(node.inputs[1]!)
  const [x, y] = [node.inputs[0]!, node.outputs[0]!]
  if (!pads || node.inputs.length > 2 || (node.attrs.mode ?? 'constant') !== 'constant') return
  const amounts = numbers(pads)
  const rank = e.dims(x).length
  const axes = e.dims(x).flatMap((_, i) => (amounts[i] !== 0 || amounts[i + rank] !== 0 ? [i] : []))
  const axis = axes[0]
  const size = axis === undefined ? undefined : e.dims(x)[axis]
  if (axes.length !== 1 || axis === undefined || typeof size !== 'number') return
  stretches.set(y, { axis, from: amounts[axis]!, to: amounts[axis]! + size, parts: [x] })
}
