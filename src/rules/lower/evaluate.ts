import { check } from '../../graph/check.js'
import { Emit } from '../../graph/emit.js'
import {
  constOf,
  type Dim,
  emptyGraph,
  type Graph,
  GraphError,
  isExternal,
  type Node,
  numbers,
  type Type,
  type Value,
} from '../../graph/graph.js'
import { attr, broadcast } from '../../graph/ops.js'
import { product } from '../../graph/size.js'
import type { DType } from '../../tensor.js'
import { prune } from '../prune.js'
import { bind } from './bind.js'
import { elements, fill, fold, type Known, knownConst, sizes } from './known.js'
import { SHAPED } from './shaped.js'
import { type Lowering, sharedOf } from './shared.js'
import { modern, SAME } from './simplify.js'

/** A half-precision model computes in float32 here; its weights stay as they are and are cast where they are used. */
const wide = (dtype: DType): DType => (dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype)
const isHalf = (t: Type): boolean => wide(t.dtype) !== t.dtype

const ELEMENTWISE =
  /^(Add|Sub|Mul|Div|Mod|Pow|Min|Max|And|Or|Xor|Not|Where|Equal|Less|LessOrEqual|Greater|GreaterOrEqual)$/
/** Of equal elements these take equal elements, whichever they are. */
const TAKES = /^(Gather|GatherND|GatherElements|Slice|Transpose)$/

/**
 * Works out before the run what does not depend on the tokens themselves, and lowers what remains, in one walk over
 * the nodes. Sizes are numbers or symbols, so that an exporter's arithmetic on shapes disappears; what is computed
 * twice is computed once; casts to the same type, slices of everything, copies along an axis that arithmetic repeats
 * by itself, and their like are left out.
 *
 * @param g a decoder; every input but `input_ids` gets its value for whole sequences without a cache
 * @param rules what to replace by other nodes; the first that takes a node wins
 * @returns the graph and how often each rule fired
 * @throws GraphError naming the node that cannot be understood
 */
export function evaluate(g: Graph, rules: readonly Lowering[]): { graph: Graph; hits: Record<string, number> } {
  const out: Graph = {
    ...emptyGraph(g.opset),
    inputs: [...g.inputs],
    outputs: [...g.outputs],
    types: new Map([...g.consts].map(([v, c]) => [v, c.type])),
    consts: new Map(g.consts),
  }
  out.types.set('input_ids', { dtype: 'int64', dims: ['B', 'T'] })
  const e = new Emit(out, g)
  /** Value → the smaller one that it repeats. */
  const small = new Map<Value, Value>()
  const shared = sharedOf(e, small)
  const { known, alias } = bind(g, e, shared)
  for (const [v, { dtype, dims }] of known) out.types.set(v, { dtype, dims })
  /** Nodes already there, by what they compute. */
  const seen = new Map<string, Value[]>()
  const producer = new Map<Value, Node>()

  const knownOf = (v: Value): Known | undefined => {
    if (v === '' || known.has(v)) return known.get(v)
    const c = out.consts.get(v)
    const k = c && knownConst(c)
    if (k) known.set(v, k)
    return k
  }
  /** A value as it is read: by its first name, in float32 if it is a half-precision weight. */
  const resolve = (v: Value): Value => {
    const first = alias.get(v)
    if (first !== undefined) return resolve(first)
    if (g.inputs.includes(v) && v !== 'input_ids' && !known.has(v))
      throw new GraphError(`no value is known for input ${v}`)
    const c = out.consts.get(v)
    if (!c || !isHalf(c.type)) return v
    const name = isExternal(c.data)
      ? e.cast(v, 'float32')
      : e.bytes('wide', constOf(numbers(c), c.type.dims, 'float32'))
    alias.set(v, name)
    return name
  }
  /** A known value as a value of the graph. */
  const materialize = (v: Value): Value => {
    const k = known.get(v)
    if (!k || out.consts.has(v)) return v
    const all = elements(k)
    if (all?.every(x => typeof x === 'number')) return e.const(all, k.dims as number[], k.dtype)
    if (k.items.length === 1 && typeof k.items[0] === 'number')
      return e.typed('Expand', [e.const([k.items[0]], [], k.dtype), shared.shape(k.dims)], {}, k)
    if (!all) throw new GraphError(`${v} [${k.dims}] cannot be made of sizes`)
    const list = shared.shape(all)
    const shaped = k.dims.length === 1 ? list : e.reshape(list, ...(k.dims as number[]))
    return k.dtype === 'int64' ? shaped : e.cast(shaped, k.dtype)
  }
  /** Numbers that are known become constants, which shape rules can read. */
  const literal = (v: Value): Value => {
    const all = known.has(v) && !out.consts.has(v) ? elements(known.get(v)!) : undefined
    return all?.every(x => typeof x === 'number') ? materialize(v) : v
  }
  const learn = (v: Value, k: Known): void => {
    known.set(v, k)
    out.types.set(v, { dtype: k.dtype, dims: k.dims })
  }

  /** Appends a node, unless one that computes the same is there. */
  const append = (node: Node, types: readonly Type[]): void => {
    const inputs = node.inputs.map(v => (v === '' ? v : materialize(v)))
    // Equal constants under different names are one thing here.
    const meant = inputs.map(v => (v !== '' && out.consts.has(v) && knownOf(v)) || v)
    const key = JSON.stringify([node.op, meant, node.attrs])
    const earlier = seen.get(key)
    if (earlier && node.outputs.every((v, i) => v === '' || (earlier[i] && !g.outputs.includes(v)))) {
      for (const [i, v] of node.outputs.entries()) if (v !== '') alias.set(v, earlier[i]!)
      return
    }
    seen.set(key, node.outputs)
    const kept = { ...node, inputs }
    out.nodes.push(kept)
    for (const [i, v] of node.outputs.entries()) {
      if (v === '') continue
      producer.set(v, kept)
      if (types[i]) out.types.set(v, types[i])
    }
  }
  /** A node y that repeats x along some axes: whoever can do with x reads x. */
  const spread = (node: Node, x: Value, t: Type): void => {
    const y = node.outputs[0]!
    small.set(y, shared.unrepeated(x))
    const from = e.dims(x)
    const target = t.dims.map((d, i): Dim => (d === from[i - t.dims.length + from.length] ? 1 : d))
    append({ ...node, op: 'Expand', inputs: [x, shared.shape(target)], attrs: {} }, [t])
  }

  const elementwise = (node: Node, t: Type): unknown => {
    const inputs = node.inputs.map(shared.unrepeated)
    const dims = inputs.map(v => e.dims(v)).reduce(broadcast)
    if (String(dims) === String(t.dims)) return append({ ...node, inputs }, [t])
    const less = e.fresh('small')
    append({ ...node, name: e.fresh('small_node'), inputs, outputs: [less] }, [{ ...t, dims }])
    spread(node, resolve(less), t)
  }

  const settle = (original: Node): unknown => {
    // Of a table of half-precision rows only the rows that are read are cast.
    const rows = out.consts.get(original.inputs[0] ?? '')
    if (original.op === 'Gather' && rows && isHalf(rows.type) && isExternal(rows.data)) {
      const node = { ...original, inputs: [original.inputs[0]!, materialize(resolve(original.inputs[1]!))] }
      e.op('Cast', [e.op(node.op, node.inputs, node.attrs)], { to: 1 }, node.outputs[0]!)
      return
    }
    const node = modern({ ...original, inputs: original.inputs.map(resolve) }, e)
    const y = node.outputs[0]!
    if (node.op === 'Shape' || node.op === 'Size') {
      const dims = e.dims(node.inputs[0]!)
      if (node.op === 'Size') return learn(y, fill('int64', [], product(dims)))
      return learn(y, sizes(dims.slice(attr(node.attrs, 'start', 0), attr(node.attrs, 'end', dims.length))))
    }
    if (node.op === 'DynamicQuantizeLinear') {
      alias.set(y, node.inputs[0]!)
      for (const [i, item] of [1, 0].entries()) learn(node.outputs[i + 1]!, fill('float32', [], item))
      return
    }
    const ks = node.inputs.map(knownOf)
    const shaped = SHAPED[node.op]?.({ node, ks, e, shared })
    const read = { ...node, inputs: node.inputs.map(literal) }
    const types = (shaped ? [shaped.type] : e.infer(read)).map(t => ({ ...t, dtype: wide(t.dtype) }))
    const t = types[0]!
    if (ks[0]?.items.length === 1 && TAKES.test(node.op)) return learn(y, fill(t.dtype, t.dims, ks[0].items[0]!))
    const present = ks.filter((_, i) => node.inputs[i] !== '')
    const folded = present.every(k => k !== undefined) ? fold(node, present, t) : undefined
    if (folded) return learn(y, { ...folded, dtype: t.dtype })

    const same = SAME[node.op]?.({ node, t, ks, e, producer })
    if (same !== undefined && String(e.dims(same)) === String(t.dims)) {
      alias.set(y, same)
      if (known.has(same)) learn(y, known.get(same)!)
      return
    }
    if (same !== undefined) return spread(node, same, t)
    const repeats = node.op === 'Tile' && e.dims(node.inputs[0]!).every((d, i) => d === 1 || d === t.dims[i])
    if (node.op === 'Expand' || repeats) return spread(node, node.inputs[0]!, t)
    if (node.op === 'Range' && ks[0]?.items[0] === 0 && String(t.dims) === 'T' && t.dtype === 'int64') {
      alias.set(y, shared.positions())
      return
    }
    const rule = rules.find(r => r.apply(read, e, shared))
    if (rule) hits[rule.name]!++
    else if (shaped) append({ ...node, inputs: shaped.inputs(), attrs: {} }, [t])
    else if (ELEMENTWISE.test(node.op)) elementwise(read, t)
    else append(read, types)
  }

  const hits: Record<string, number> = Object.fromEntries(rules.map(r => [r.name, 0]))
  for (const node of g.nodes) {
    try {
      settle(node)
    } catch (cause) {
      if (!(cause instanceof GraphError) || cause.message.startsWith('lowering ')) throw cause
      throw new GraphError(`lowering ${node.name}: ${cause.message}`, { cause })
    }
  }
  // An output that turned out to be another value gives that value its name.
  const named = new Map(g.outputs.flatMap(v => (alias.has(v) ? [[resolve(v), v] as const] : [])))
  const name = (v: Value): Value => named.get(v) ?? v
  for (const [v, to] of named) out.types.set(to, e.type(v))
  out.nodes = out.nodes.map(n => ({ ...n, inputs: n.inputs.map(name), outputs: n.outputs.map(name) }))
  return { graph: check(prune(out), 'lowering'), hits }
}
