import type { Emit } from '../graph/emit.js'
import { type Graph, type Node, numbers, type Value } from '../graph/graph.js'
import { type Before, type Rule, rewrite } from '../graph/rewrite.js'
import { rotaryOfHalves } from './halves.js'
import { prune } from './prune.js'

/**
 * Operators of the runtime that do in one pass over memory what a decoder's export or its lowering does in several,
 * each with a gradient of its own. For float32: the runtime has no float64 kernels for some of them.
 */
export function compose(graph: Graph): { graph: Graph; hits: Record<string, number> } {
  const { graph: out, hits } = rewrite(graph, [rmsNorm, silu, rotary, rotaryOfHalves()], 'composing')
  return { graph: prune(out), hits }
}

/** The node that writes `v`, if it is `op`. */
const by = ({ producer }: Before, v: Value | undefined, op: string): Node | undefined => {
  const node = producer.get(v ?? '')
  return node?.op === op ? node : undefined
}

/** The inputs of a node with two, in both orders. */
const either = (node: Node): [Value, Value][] => {
  const [a, b] = node.inputs as [Value, Value]
  return [
    [a, b],
    [b, a],
  ]
}

/** The value of a constant with one element. */
function scalarOf({ graph }: Before, v: Value): number | undefined {
  const c = graph.consts.get(v)
  return c?.type.dims.every(d => d === 1) ? numbers(c)[0] : undefined
}

/** y = x / √(mean(x²) + ε) ∘ w over the last axis, w a constant [D]. */
const rmsNorm: Rule = {
  name: 'SimplifiedLayerNormalization',
  apply(node, e, before) {
    if (node.op !== 'Mul') return false
    for (const [n, w] of either(node)) {
      const x = scaledByRms(n, before)
      const D = x && e.dims(x.value).at(-1)
      if (!x || !before.graph.consts.has(w) || String(e.dims(w)) !== String([D])) continue
      const attrs = { axis: -1, epsilon: { float: x.epsilon }, stash_type: 1 }
      e.op('SimplifiedLayerNormalization', [x.value, w], attrs, node.outputs[0]!)
      return true
    }
    return false
  },
}

/** y = x ∘ σ(x) (SiLU; QuickGelu with a factor 1). */
const silu: Rule = {
  name: 'QuickGelu',
  apply(node, e, before) {
    if (node.op !== 'Mul') return false
    const pair = either(node).find(([x, s]) => by(before, s, 'Sigmoid')?.inputs[0] === x)
    if (!pair) return false
    e.op('com.microsoft.QuickGelu', [pair[0]], { alpha: { float: 1 } }, node.outputs[0]!)
    return true
  },
}

/** The x and ε of n = x / √(mean(x²) + ε), in the ways exporters write it. */
function scaledByRms(n: Value, before: Before): { value: Value; epsilon: number } | undefined {
  const product = by(before, n, 'Mul')
  const quotient = by(before, n, 'Div')
  const pairs = product ? either(product) : quotient ? [quotient.inputs as [Value, Value]] : []
  for (const [value, scale] of pairs) {
    const inverse = by(before, scale, 'Reciprocal')?.inputs[0] ?? inverted(scale, before)
    const root = by(before, product ? inverse : scale, 'Sqrt')
    const sum = by(before, root?.inputs[0], 'Add')
    if (!sum) continue
    for (const [mean, eps] of either(sum)) {
      const epsilon = scalarOf(before, eps)
      const reduce = by(before, mean, 'ReduceMean')
      if (epsilon === undefined || !reduce || !overLastAxis(reduce, before)) continue
      const square = before.producer.get(reduce.inputs[0]!)
      const squared =
        (square?.op === 'Mul' && square.inputs.every(v => v === value)) ||
        (square?.op === 'Pow' && square.inputs[0] === value && scalarOf(before, square.inputs[1]!) === 2)
      if (squared) return { value, epsilon }
    }
  }
  return undefined
}

/** x of 1/x written as a division. */
function inverted(v: Value, before: Before): Value | undefined {
  const quotient = by(before, v, 'Div')
  return quotient && scalarOf(before, quotient.inputs[0]!) === 1 ? quotient.inputs[1] : undefined
}

function overLastAxis(reduce: Node, { graph }: Before): boolean {
  const axes = graph.consts.get(reduce.inputs[1] ?? '')
  const rank = graph.types.get(reduce.inputs[0]!)?.dims.length
  if (!axes || rank === undefined || (reduce.attrs.keepdims ?? 1) !== 1) return false
  const [axis, ...others] = numbers(axes)
  return others.length === 0 && (axis === -1 || axis === rank - 1)
}

/**
 * Rotary position embedding (Su et al. 2021) of whole heads, x [B, H, T, W], tables [T, W/2]:
 *
 *     [a, b] → [a∘cos − b∘sin, b∘cos + a∘sin]
 */
const rotary: Rule = {
  name: 'RotaryEmbedding',
  apply(node, e, before) {
    if (node.op !== 'Concat' || node.inputs.length !== 2) return false
    const [low, high] = [by(before, node.inputs[0], 'Sub'), by(before, node.inputs[1], 'Add')]
    const factors = [...(low?.inputs ?? []), ...(high?.inputs ?? [])].map(v => by(before, v, 'Mul')?.inputs)
    const [[a, cos] = [], [b, sin] = [], [b2, cos2] = [], [a2, sin2] = []] = factors
    if (!a || !b || !cos || !sin || a !== a2 || b !== b2 || cos !== cos2 || sin !== sin2) return false
    const x = halves(a, b, e, before)
    if (x === undefined || e.dims(x).length !== 4 || e.dims(cos).length !== 2) return false
    e.op('com.microsoft.RotaryEmbedding', [x, e.ints(0), cos, sin], {}, node.outputs[0]!)
    return true
  },
}

/** x if a and b are the two halves of its last axis. */
function halves(a: Value, b: Value, e: Emit, before: Before): Value | undefined {
  const parts = [by(before, a, 'Slice'), by(before, b, 'Slice')]
  const x = parts[0]?.inputs[0]
  if (x === undefined || parts[1]?.inputs[0] !== x) return undefined
  const rank = e.dims(x).length
  const W = e.lastSize(x)
  const fits = parts.every((part, i) => {
    const [start, end, axis] = part!.inputs.slice(1, 4).map(v => e.values(v)) as [number[], number[], number[]]
    return axis.length === 1 && axis[0] === rank - 1 && start[0] === (i * W) / 2 && end[0] === ((i + 1) * W) / 2
  })
  return fits ? x : undefined
}
