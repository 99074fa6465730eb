import type { DType } from '../tensor.js'
import {
  type Const,
  constOf,
  type Dim,
  type Graph,
  GraphError,
  type Node,
  numbers,
  type Type,
  type Value,
} from './graph.js'
import { attr, axisOf, contextOf, ONNX_DTYPE, OPS } from './ops.js'

/** True if the sizes of the node's output depend on values that are known only at run time. */
export const dependsOnValues = (node: Node, g: Graph): boolean =>
  node.op === 'Range' ||
  (['Slice', 'Reshape', 'Expand', 'ConstantOfShape'].includes(node.op) &&
    node.inputs.slice(node.op === 'ConstantOfShape' ? 0 : 1).some(v => v !== '' && !g.consts.has(v)))

/** Appends nodes to a graph, inventing names and inferring types. The graph handed in is changed. */
export class Emit {
  readonly graph: Graph
  #taken: Set<string>
  #count = new Map<string, number>()
  /** Small constants already made, by type and values: one copy serves all. */
  #shared = new Map<string, Value>()

  /** @param names another graph whose names are taken too: the one that a pass is about to copy nodes from */
  constructor(graph: Graph, names: Graph = graph) {
    this.graph = graph
    this.#taken = new Set([graph, names].flatMap(g => [...g.types.keys(), ...g.consts.keys(), ...g.inputs]))
    for (const n of [...graph.nodes, ...names.nodes]) for (const name of [n.name, ...n.outputs]) this.#taken.add(name)
  }

  /** `prefix_0`, `prefix_1`, …: the first that no value and no node has. */
  fresh(prefix: string): string {
    for (let i = this.#count.get(prefix) ?? 0; ; i++) {
      const name = `${prefix}_${i}`
      if (this.#taken.has(name)) continue
      this.#count.set(prefix, i + 1)
      this.#taken.add(name)
      return name
    }
  }

  /** @throws GraphError if no type is known */
  type(v: Value): Type {
    const t = this.graph.types.get(v)
    if (!t) throw new GraphError(`no type is known for value ${v}`)
    return t
  }

  dims(v: Value): Dim[] {
    return this.type(v).dims
  }

  /** Elements of a small constant. @throws GraphError if `v` is not one */
  values(v: Value): number[] {
    const c = this.graph.consts.get(v)
    if (!c) throw new GraphError(`${v} must be a constant`)
    return numbers(c)
  }

  /** Size of the last axis. @throws GraphError if it is symbolic */
  lastSize(v: Value): number {
    const d = this.dims(v).at(-1)
    if (typeof d !== 'number') throw new GraphError(`the last size of ${v} [${this.dims(v)}] must be known`)
    return d
  }

  input(name: Value, dims: Dim[], dtype: DType): Value {
    if (this.#taken.has(name)) throw new GraphError(`input ${name}: the graph has a value of that name already`)
    this.#taken.add(name)
    this.graph.inputs.push(name)
    this.graph.types.set(name, { dtype, dims })
    return name
  }

  /** A small constant made of numbers; equal ones are shared. */
  const(values: readonly number[], dims: number[], dtype: DType): Value {
    const key = `${dtype}[${dims}]${values}`
    const made = this.#shared.get(key)
    if (made !== undefined) return made
    const name = this.bytes('const', constOf(values, dims, dtype))
    this.#shared.set(key, name)
    return name
  }

  /** A constant given as bytes or as a place in a file. */
  bytes(prefix: string, c: Const, name = this.fresh(prefix)): Value {
    this.#taken.add(name)
    this.graph.consts.set(name, c)
    this.graph.types.set(name, c.type)
    return name
  }

  scalar(x: number, like: Value): Value {
    return this.const([x], [], this.type(like).dtype)
  }

  ints(...xs: number[]): Value {
    return this.const(xs, [xs.length], 'int64')
  }

  /** A node with one output, whose type follows from the table. @throws GraphError naming op and input types */
  op(op: string, inputs: Value[], attrs: Node['attrs'] = {}, out?: Value): Value {
    const node: Node = { name: '', op, inputs, outputs: [], attrs }
    return this.#append(node, this.infer(node)[0]!, out)
  }

  /** A node whose output type the caller knows: ops whose shape depends on values. */
  typed(op: string, inputs: Value[], attrs: Node['attrs'], t: Type, out?: Value): Value {
    return this.#append({ name: '', op, inputs, outputs: [], attrs }, t, out)
  }

  #append(node: Node, t: Type, out?: Value): Value {
    const short = node.op.slice(node.op.lastIndexOf('.') + 1).toLowerCase()
    const value = out ?? this.fresh(short)
    this.#taken.add(value)
    this.graph.nodes.push({ ...node, name: this.fresh(`${short}_node`), outputs: [value] })
    this.graph.types.set(value, t)
    return value
  }

  /** The output types of a node by the table of ops. */
  infer(node: Node): Type[] {
    const rule = OPS[node.op]
    if (!rule) throw new GraphError(`no shape rule for op ${node.op}${node.name && ` (node ${node.name})`}`)
    try {
      return rule(contextOf(node, this.graph.types, this.graph.consts))
    } catch (cause) {
      const inputs = node.inputs.map(v => `${v} [${this.graph.types.get(v)?.dims ?? '?'}]`)
      throw new GraphError(`${node.op}(${inputs.join(', ')}): ${(cause as Error).message}`, { cause })
    }
  }

  /** Appends `node` as it is, and works out the types of its outputs if none are recorded and the table knows how. */
  keep(node: Node): void {
    this.graph.nodes.push(node)
    const { types } = this.graph
    if (
      !OPS[node.op] ||
      types.has(node.outputs[0]!) ||
      dependsOnValues(node, this.graph) ||
      !node.inputs.every(v => v === '' || types.has(v))
    )
      return
    for (const [i, t] of this.infer(node).entries()) if (node.outputs[i]) types.set(node.outputs[i], t)
  }

  /** Appends `node` with its first output renamed, so that what follows can take the old name. Returns the new name. */
  displace(node: Node): Value {
    const old = node.outputs[0]!
    const value = this.fresh(`${old}.base`)
    this.graph.nodes.push({ ...node, outputs: [value, ...node.outputs.slice(1)] })
    const t = this.graph.types.get(old)
    if (t) this.graph.types.set(value, t)
    return value
  }

  // Shorthands for what rules write most.
  add(a: Value, b: Value): Value {
    return this.op('Add', [a, b])
  }
  sub(a: Value, b: Value): Value {
    return this.op('Sub', [a, b])
  }
  mul(a: Value, b: Value): Value {
    return this.op('Mul', [a, b])
  }
  div(a: Value, b: Value): Value {
    return this.op('Div', [a, b])
  }
  neg(a: Value): Value {
    return this.op('Neg', [a])
  }
  scale(a: Value, x: number): Value {
    return this.mul(a, this.scalar(x, a))
  }
  matmul(a: Value, b: Value): Value {
    return this.op('MatMul', [a, b])
  }
  reshape(v: Value, ...to: number[]): Value {
    return this.op('Reshape', [v, this.ints(...to)])
  }
  permute(v: Value, ...perm: number[]): Value {
    return this.op('Transpose', [v], { perm })
  }
  cast(v: Value, to: DType): Value {
    return this.op('Cast', [v], { to: ONNX_DTYPE[to] })
  }

  /** `v` with its last two axes swapped. */
  t(v: Value): Value {
    const perm = this.dims(v).map((_, i) => i)
    const n = perm.length
    ;[perm[n - 2], perm[n - 1]] = [n - 1, n - 2]
    return this.op('Transpose', [v], { perm })
  }

  sum(v: Value, axes: number[], keepdims: 0 | 1): Value {
    return axes.length === 0 ? v : this.op('ReduceSum', [v, this.ints(...axes)], { keepdims })
  }

  mean(v: Value, axes: number[], keepdims: 0 | 1): Value {
    return this.op('ReduceMean', [v, this.ints(...axes)], { keepdims })
  }

  /** Elements `from` (inclusive) to `to` (exclusive) along `axis`. */
  slice(v: Value, axis: number, from: number, to: number): Value {
    return this.op('Slice', [v, this.ints(from), this.ints(to), this.ints(axis)])
  }

  concat(vs: Value[], axis: number): Value {
    return vs.length === 1 ? vs[0]! : this.op('Concat', vs, { axis })
  }

  /** Zeros with the run-time shape of `like`. */
  zerosLike(like: Value): Value {
    return this.typed('Expand', [this.scalar(0, like), this.op('Shape', [like])], {}, this.type(like))
  }

  /** Sums `v` over the axes that broadcasting added, so that it gets the shape of `like`. */
  sumTo(v: Value, like: Value): Value {
    const to = this.dims(like)
    const extra = this.dims(v).length - to.length
    const w = this.sum(
      v,
      Array.from({ length: extra }, (_, i) => i),
      0,
    )
    const from = this.dims(w)
    return this.sum(
      w,
      to.flatMap((d, i) => (d === 1 && from[i] !== 1 ? [i] : [])),
      1,
    )
  }

  /** The attribute `axis` of a node, counted from the front. */
  axis(node: Node, otherwise: number): number {
    return axisOf(attr(node.attrs, 'axis', otherwise), this.dims(node.inputs[0]!).length)
  }
}
