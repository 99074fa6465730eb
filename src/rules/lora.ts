import type { Sizes } from '../graph/check.js'
import type { Emit } from '../graph/emit.js'
import { type Graph, GraphError, type Node, producers, type Value } from '../graph/graph.js'
import { type Rule, rewrite } from '../graph/rewrite.js'
import type { DType } from '../tensor.js'

/** One adapted weight matrix, by its PEFT module name: y [.., out] = x [.., in] · W. */
export interface LoraModule {
  name: string
  in: number
  out: number
  /** Where a node holds only some of the module's outputs: `out` of `whole`, from `first` on. */
  part?: { first: number; whole: number }
}

/** A linear node of a graph and the modules it holds: one, several packed side by side along its output, or parts. */
export interface LoraSite {
  /** The node that writes y. */
  node: string
  /** The x it reads; sites that read the same x share one product with their As. */
  input: Value
  modules: LoraModule[]
}

/** The modules of some sites, each once and whole, in graph order. */
export function modulesIn(sites: readonly LoraSite[]): LoraModule[] {
  const found = new Map<string, LoraModule>()
  for (const { name, in: from, out, part } of sites.flatMap(s => s.modules))
    if (!found.has(name)) found.set(name, { name, in: from, out: part?.whole ?? out })
  return [...found.values()]
}

/** Linear nodes that read the same x share one product x·A. */
export interface LoraGroup {
  /** Graph input A [in, R], R the sum of the ranks of all modules of the group, side by side. */
  a: Value
  in: number
  dtype: DType
  modules: LoraModule[]
  /** Graph inputs B [R, out], one per node; rows of modules that the node does not hold are zero. */
  nodes: { b: Value; out: number; modules: LoraModule[] }[]
}

/**
 * Adds a low-rank branch beside each site, its factors graph inputs: one session serves every adapter, of any rank.
 *
 *     y = f(x)    becomes    y = f(x) + (x·A)·B        x [.., in]   A [in, R]   B [R, out]
 *
 * The scale is folded into B by whoever feeds it. `f` is untouched, so float and 4-bit layers need no cases.
 * Without an adapter R = 0, which leaves f(x) as it was, bit for bit.
 */
export function addLoraInputs(graph: Graph, sites: readonly LoraSite[]): { graph: Graph; groups: LoraGroup[] } {
  const producer = producers(graph)
  const groups = new Map<Value, { group: LoraGroup; low: Value }>()
  const rule = atSites('lora-inputs', sites, (e, node, site) => {
    const x = inputOf(node, producer)
    const rank = `R${groups.has(x) ? [...groups.keys()].indexOf(x) : groups.size}`
    if (!groups.has(x)) {
      const dtype = e.graph.types.get(x)?.dtype ?? computesIn(node, e)
      const width = site.modules[0]!.in
      const a = e.input(`lora.${groups.size}.A`, [width, rank], dtype)
      groups.set(x, { group: { a, in: width, dtype, modules: [], nodes: [] }, low: append(e, 'MatMul', [x, a]) })
    }
    const { group, low } = groups.get(x)!
    const out = site.modules.reduce((sum, m) => sum + m.out, 0)
    // Its own symbol for each input would be wrong here: R of A and of its Bs is one size.
    const b = e.input(`${group.a.slice(0, -1)}B.${group.nodes.length}`, [rank, out], group.dtype)
    group.nodes.push({ b, out, modules: site.modules })
    append(e, 'Add', [e.displace(node), append(e, 'MatMul', [low, b])], node.outputs[0]!)
  })
  const { graph: out } = rewriteSites(graph, rule, sites, 'exported')
  const made = [...groups.values()].map(g => g.group)
  for (const group of made) group.modules = modulesIn(group.nodes.map(n => ({ node: '', input: '', ...n })))
  return { graph: out, groups: made }
}

/** The type of x where the exporter does not say: that of the matrix, or of a four-bit one's scales. */
const computesIn = (node: Node, e: Emit): DType =>
  node.inputs.some(v => e.graph.consts.get(v)?.type.dtype === 'float16') ? 'float16' : 'float32'

/** A node without a type: an exporter's own symbols need not fit to ours, and the runtime works it out by itself. */
function append(e: Emit, op: string, inputs: Value[], out = e.fresh(op.toLowerCase())): Value {
  e.graph.nodes.push({ name: e.fresh(`${op.toLowerCase()}_node`), op, inputs, outputs: [out], attrs: {} })
  return out
}

/**
 * The x that a linear node reads. An integer product is known by the multiplication with its scales; x is what was
 * rounded for it.
 */
export function inputOf(node: Node, producer: ReadonlyMap<Value, Node>): Value {
  let at: Node | undefined = node
  while (at?.op === 'Mul' || at?.op === 'Cast') at = producer.get(at.inputs[0]!)
  if (!at) throw new GraphError(`${node.name}: a multiplication, but not with the scales of an integer product`)
  const x = at.inputs[0]!
  const rounding = at === node ? undefined : producer.get(x)
  return rounding?.op === 'DynamicQuantizeLinear' ? rounding.inputs[0]! : x
}

/**
 * Where each adapter tensor lies in one flat vector θ [P]. Names and shapes are PEFT's: lora_A [r, in], lora_B [out, r].
 * The As of modules that read the same x lie one after the other, as one matrix.
 */
export interface ParameterLayout {
  tensors: { name: string; module: string; dims: [number, number]; offset: number }[]
  /** P */
  size: number
  /** Modules that have a rank, and their ranks; input `lora.scales` [Σr] has α/r once for each row of each A. */
  modules: { name: string; r: number }[]
}

export const tensorName = (module: string, factor: 'A' | 'B'): string =>
  `base_model.model.${module}.lora_${factor}.weight`

/** @param ranks rank of each adapted module; those without one get no branch */
export function layoutOf(sites: readonly LoraSite[], ranks: ReadonlyMap<string, number>): ParameterLayout {
  const layout: ParameterLayout = { tensors: [], size: 0, modules: [] }
  const put = (module: string, factor: 'A' | 'B', dims: [number, number]) => {
    layout.tensors.push({ name: tensorName(module, factor), module, dims, offset: layout.size })
    layout.size += dims[0] * dims[1]
  }
  for (const x of new Set(sites.map(s => s.input))) {
    const group = modulesIn(sites.filter(s => s.input === x)).filter(m => ranks.has(m.name))
    for (const m of group) put(m.name, 'A', [ranks.get(m.name)!, m.in])
    for (const m of group) put(m.name, 'B', [m.out, ranks.get(m.name)!])
    layout.modules.push(...group.map(({ name }) => ({ name, r: ranks.get(name)! })))
  }
  return layout
}

/**
 * Adds a low-rank branch beside each site, its factors cut from one vector of parameters, for training.
 *
 *     y = f(x)    becomes    y = f(x) + ((x·Aᵀ)∘s)·Bᵀ        A [r, in]   B [out, r]   s = α/r
 *
 * Sites that read the same x share one product with all their As. Adds the inputs `theta` [P] and `lora.scales` [Σr].
 *
 * @returns the graph and the matrices cut from θ, in the order in which they lie in it: all of θ
 */
export function addLoraParameters(
  graph: Graph,
  sites: readonly LoraSite[],
  layout: ParameterLayout,
): { graph: Graph; leaves: Value[] } {
  const ranks = new Map(layout.modules.map(m => [m.name, m.r]))
  const places = new Map(layout.tensors.map(t => [t.name, t]))
  const adapted = sites.filter(s => s.modules.some(m => ranks.has(m.name)))
  const producer = producers(graph)
  const leaves: { value: Value; offset: number }[] = []
  /** Module → its part of ((x·Aᵀ)∘s) [.., r]. */
  const low = new Map<string, Value>()

  const cut = (e: Emit, offset: number, rows: number, columns: number): Value => {
    const value = e.reshape(e.slice('theta', 0, offset, offset + rows * columns), rows, columns)
    leaves.push({ value, offset })
    return value
  }
  /** Multiplies x with the As of all modules that read it. */
  const descend = (e: Emit, x: Value, { input }: LoraSite): void => {
    const { dtype, dims } = e.type(x)
    const rows = layout.modules.reduce((sum, m) => sum + m.r, 0)
    if (!e.graph.inputs.includes('theta')) {
      e.input('theta', [layout.size], dtype)
      e.input('lora.scales', [rows], dtype)
    }
    const group = modulesIn(adapted.filter(s => s.input === input)).filter(m => ranks.has(m.name))
    const R = group.reduce((sum, m) => sum + ranks.get(m.name)!, 0)
    const first = layout.modules.findIndex(m => m.name === group[0]!.name)
    const from = layout.modules.slice(0, first).reduce((sum, m) => sum + m.r, 0)
    const A = cut(e, places.get(tensorName(group[0]!.name, 'A'))!.offset, R, group[0]!.in)
    const product = e.mul(e.matmul(x, e.t(A)), e.slice('lora.scales', 0, from, from + R))
    let at = 0
    for (const m of group) {
      const r = ranks.get(m.name)!
      low.set(m.name, group.length === 1 ? product : e.slice(product, dims.length - 1, at, at + r))
      at += r
    }
  }
  const rule = atSites('lora-parameters', adapted, (e, node, site) => {
    const [x, y] = [inputOf(node, producer), node.outputs[0]!]
    const axis = e.dims(x).length - 1
    if (!site.modules.some(m => low.has(m.name))) descend(e, x, site)
    const base = e.displace(node)
    let at = 0
    const parts = site.modules.map(m => {
      at += m.out
      const own = low.get(m.name)
      // A module without a rank inside a packed node adds nothing to its part of the output.
      if (own === undefined) return e.scale(e.slice(base, axis, at - m.out, at), 0)
      const r = ranks.get(m.name)!
      const offset = places.get(tensorName(m.name, 'B'))!.offset + (m.part?.first ?? 0) * r
      return e.matmul(own, e.t(cut(e, offset, m.out, r)))
    })
    e.op('Add', [base, e.concat(parts, axis)], {}, y)
  })
  const { graph: out } = rewriteSites(graph, rule, adapted, 'own')
  return { graph: out, leaves: leaves.sort((a, b) => a.offset - b.offset).map(l => l.value) }
}

const atSites = (
  name: string,
  sites: readonly LoraSite[],
  emit: (e: Emit, node: Node, site: LoraSite) => void,
): Rule => {
  const byNode = new Map(sites.map(s => [s.node, s]))
  return {
    name,
    apply(node, e) {
      const site = byNode.get(node.name)
      if (!site) return false
      emit(e, node, site)
      return true
    },
  }
}

function rewriteSites(graph: Graph, rule: Rule, sites: readonly LoraSite[], sizes: Sizes) {
  const result = rewrite(graph, [rule], rule.name, sizes)
  if (result.hits[rule.name] !== sites.length) {
    const have = new Set(graph.nodes.map(n => n.name))
    throw new GraphError(`${rule.name}: no node named ${sites.find(s => !have.has(s.node))?.node}`)
  }
  return result
}
