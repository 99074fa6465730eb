import type { Emit } from '../../graph/emit.js'
import { type Dim, GraphError, type Node, type Type, type Value } from '../../graph/graph.js'
import { attr, axisOf, broadcast } from '../../graph/ops.js'
import { minus, over, plus, product, sign } from '../../graph/size.js'
import { elements, type Known } from './known.js'
import type { Shared } from './shared.js'

/** The type of a node's output, and its inputs with sizes as constants where that can be. */
export interface Shaped {
  type: Type
  inputs: () => Value[]
}

interface Context {
  node: Node
  ks: (Known | undefined)[]
  e: Emit
  shared: Shared
}

const known = ({ node, ks }: Context, i: number): Dim[] => {
  const k = ks[i] && elements(ks[i])
  if (!k) throw new GraphError(`input ${i} (${node.inputs[i]}) depends on more than the sizes of the tokens`)
  return k
}

/** Ops whose output sizes are given by the values of their inputs. */
export const SHAPED: Readonly<Record<string, (c: Context) => Shaped>> = {
  // 0 keeps a size, −1 takes what remains.
  Reshape: c => {
    const { node, e, shared } = c
    const [x] = node.inputs as [Value]
    const from = e.dims(x)
    const asked = known(c, 1).map((d, i) => (d === 0 && attr(node.attrs, 'allowzero', 0) === 0 ? from[i]! : d))
    const rest = over(product(from), product(asked.filter(d => d !== -1)))
    if (rest === undefined) throw new GraphError(`cannot reshape [${from}] to [${asked}]`)
    const dims = asked.map(d => (d === -1 ? rest : d))
    const inputs = () => {
      // The sizes of a constant: 0 where the size stays, −1 for one that only the run knows.
      const target = dims.map((d, i) => (typeof d === 'number' ? d : d === from[i] ? 0 : -1))
      return [x, target.filter(d => d === -1).length <= 1 ? e.ints(...target) : shared.shape(dims)]
    }
    return { type: { dtype: e.type(x).dtype, dims }, inputs }
  },

  Expand: c => {
    const { node, e, shared } = c
    const [x] = node.inputs as [Value]
    const from = e.dims(x)
    const dims = broadcast(from, known(c, 1))
    const inputs = () => {
      const target = dims.map((d, i) => (d === from[i - dims.length + from.length] ? 1 : d))
      return [x, shared.shape(target)]
    }
    return { type: { dtype: e.type(x).dtype, dims }, inputs }
  },

  Slice: c => {
    const { node, e, shared } = c
    const [x] = node.inputs as [Value]
    const dims = [...e.dims(x)]
    const [starts, ends] = [known(c, 1), known(c, 2)]
    const axes = node.inputs[3] ? known(c, 3).map(a => axisOf(a as number, dims.length)) : starts.map((_, i) => i)
    const steps = node.inputs[4] ? known(c, 4) : starts.map(() => 1)
    const kept: number[] = []
    for (const [i, axis] of axes.entries()) {
      const size = extent(dims[axis]!, starts[i]!, ends[i]!, steps[i]!)
      if (size === undefined)
        throw new GraphError(`a slice from ${starts[i]} to ${ends[i]} by ${steps[i]} of axis ${axis} of [${dims}]`)
      if (size !== dims[axis]) kept.push(i)
      dims[axis] = size
    }
    const pick = (values: readonly Dim[]) => shared.shape(kept.map(i => values[i]!))
    const inputs = () => [
      x,
      pick(starts),
      pick(ends),
      pick(axes),
      ...(kept.some(i => steps[i] !== 1) ? [pick(steps)] : []),
    ]
    return { type: { dtype: e.type(x).dtype, dims }, inputs }
  },

  Range: c => {
    const [start, limit, delta] = c.ks.map(k => k?.items[0]) as [Dim?, Dim?, Dim?]
    if (start === undefined || limit === undefined || delta !== 1)
      throw new GraphError(`a range from ${start} to ${limit} by ${delta}`)
    return {
      type: { dtype: c.ks[0]!.dtype, dims: [minus(limit, start)] },
      inputs: () => [start, limit, delta].map(d => c.shared.size(d)),
    }
  },

  ConstantOfShape: c => ({
    type: { dtype: c.e.infer({ ...c.node, inputs: [c.e.ints(1)] })[0]!.dtype, dims: known(c, 0) },
    inputs: () => [c.shared.shape(known(c, 0))],
  }),
}

const END = 2 ** 31 - 1

/** How many elements a slice takes of `d`; undefined if only the run can tell. */
function extent(d: Dim, start: Dim, end: Dim, step: Dim): Dim | undefined {
  const whole = (x: Dim): Dim | undefined => {
    if (typeof x === 'number' && typeof d === 'number') return Math.max(0, Math.min(d, x < 0 ? x + d : x))
    if (typeof x === 'number' && x >= END) return d
    // Symbols are sizes of the tokens; a table of known size is long enough for them.
    return sign(x) === -1 ? plus(d, x) : x
  }
  const [from, to] = [whole(start), whole(end)]
  if (from === undefined || to === undefined || typeof step !== 'number' || step < 1) return undefined
  const n = minus(to, from)
  if (typeof n === 'number') return Math.max(0, Math.ceil(n / step))
  return step === 1 ? n : undefined
}
