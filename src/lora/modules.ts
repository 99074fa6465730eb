import { InputError } from '../errors.js'
import { type Const, consumers, type Graph, type Node, numbers, producers } from '../graph/graph.js'
import { attr } from '../graph/ops.js'
import { type LoraModule, type LoraSite, modulesIn } from '../rules/lora.js'
import { sizeOf } from '../tensor.js'

/**
 * How exporters name the linear nodes of a decoder, and what PEFT calls the modules in them. `$1` is the layer.
 * Torch's exporter keeps the names of the modules (`self_attn`), ONNX Runtime's builder has its own (`attn`).
 * These tables are the only place that knows such names.
 */
const NAMES: readonly [RegExp, string[]][] = [
  [/\/layers\.(\d+)\/self_attn\/(q|k|v|o|qkv)_proj\/MatMul/, ['model.layers.$1.self_attn.$2_proj']],
  [/\/layers\.(\d+)\/attn\/([qkvo])_proj\/MatMul/, ['model.layers.$1.self_attn.$2_proj']],
  [
    /\/layers\.(\d+)\/attn\/qkv_proj\/MatMul/,
    ['model.layers.$1.self_attn.q_proj', 'model.layers.$1.self_attn.k_proj', 'model.layers.$1.self_attn.v_proj'],
  ],
  [/\/layers\.(\d+)\/mlp\/(gate|up|down|gate_up)_proj\/MatMul/, ['model.layers.$1.mlp.$2_proj']],
]

/** Architectures (`model_type`) whose own modules are packed, whatever an exporter made of them: PEFT adapts the whole. */
const PACKED: Readonly<Record<string, Record<string, string>>> = {
  phi3: {
    q_proj: 'qkv_proj',
    k_proj: 'qkv_proj',
    v_proj: 'qkv_proj',
    gate_proj: 'gate_up_proj',
    up_proj: 'gate_up_proj',
  },
}

/** Input and output size of a linear node: of its constant matrix [in, out], or its attributes. */
const SIZES: Readonly<Record<string, (node: Node, weight: Const | undefined) => [number, number] | undefined>> = {
  MatMul: (_node, w) => (w?.type.dims.length === 2 ? [w.type.dims[0]!, w.type.dims[1]!] : undefined),
  'com.microsoft.MatMulNBits': node => [attr(node.attrs, 'K'), attr(node.attrs, 'N')],
  MatMulInteger: (_node, w) => w && [w.type.dims[0]!, w.type.dims[1]!],
}

/**
 * The float x that a linear node multiplies, and the node that gives the float y. Integers are made and undone around
 * their product: DynamicQuantizeLinear → MatMulInteger → Cast → Mul by both scales.
 */
function floatEnds(node: Node, writers: Map<string, Node>, readers: Map<string, Node[]>): { x: string; y: Node } {
  if (node.op !== 'MatMulInteger') return { x: node.inputs[0]!, y: node }
  const quantise = writers.get(node.inputs[0]!)
  const cast = readers.get(node.outputs[0]!)?.[0]
  const scale = cast && readers.get(cast.outputs[0]!)?.[0]
  if (quantise?.op !== 'DynamicQuantizeLinear' || cast?.op !== 'Cast' || scale?.op !== 'Mul')
    throw new InputError(
      `${node.name}: a product of integers between ${quantise?.op ?? 'nothing'}, ${cast?.op ?? 'nothing'} and ${scale?.op ?? 'nothing'} instead of DynamicQuantizeLinear, Cast and Mul`,
    )
  return { x: quantise.inputs[0]!, y: scale }
}

/**
 * The linear nodes of a decoder that LoRA can be added to, with their PEFT module names and sizes, in graph order.
 *
 * @param model name for messages
 * @param architecture `model_type` of the model's config.json
 * @throws InputError if the graph has none, or a packed node whose parts cannot be told apart
 */
export function findSites(g: Graph, model: string, architecture?: string): LoraSite[] {
  const [writers, readers] = [producers(g), consumers(g)]
  const sites = g.nodes.flatMap((node): LoraSite[] => {
    const sizes = SIZES[node.op]?.(node, g.consts.get(node.inputs[1] ?? ''))
    const named = NAMES.map(([pattern, names]) => ({ match: pattern.exec(node.name), names })).find(n => n.match)
    if (!sizes || !named?.match) return []
    const names = named.names.map(n => n.replace(/\$(\d)/g, (_, i) => named.match![Number(i)]!))
    const { x, y } = floatEnds(node, writers, readers)
    const widths = names.length === 1 ? [sizes[1]] : packedWidths(y, sizes[1], g, readers, model)
    const modules = names.map((name, i): LoraModule => ({ name, in: sizes[0], out: widths[i]! }))
    return [{ node: y.name, input: x, modules }]
  })
  if (sites.length === 0)
    throw new InputError(
      `${model}: no linear layers that LoRA could be added to were recognised; its nodes are named like ${g.nodes.find(n => n.op === 'MatMul')?.name ?? g.nodes[0]?.name}`,
    )
  const packed = PACKED[architecture ?? '']
  return packed ? packedModules(sites, packed) : sites
}

/** The same sites, their modules as parts of the packed modules that an architecture has instead. */
function packedModules(sites: readonly LoraSite[], packed: Record<string, string>): LoraSite[] {
  const whole = new Map<string, number>()
  const parts = sites.map(site => ({
    ...site,
    modules: site.modules.map(m => {
      const last = m.name.slice(m.name.lastIndexOf('.') + 1)
      const name = packed[last] ? m.name.replace(/[^.]+$/, packed[last]) : m.name
      const first = whole.get(name) ?? 0
      whole.set(name, first + m.out)
      return { name, in: m.in, out: m.out, first }
    }),
  }))
  return parts.map(site => ({
    ...site,
    modules: site.modules.map(({ first, ...m }): LoraModule => {
      const all = whole.get(m.name)!
      return m.out === all ? m : { ...m, part: { first, whole: all } }
    }),
  }))
}

/** Widths of q, k and v in a packed projection: from the head counts of the attention, or the sizes of the split, that reads it. */
function packedWidths(node: Node, out: number, g: Graph, readers: Map<string, Node[]>, model: string): number[] {
  let reader = readers.get(node.outputs[0]!)?.[0]
  if (reader?.op === 'Add') reader = readers.get(reader.outputs[0]!)?.[0]
  if (reader?.op === 'com.microsoft.GroupQueryAttention') {
    const [H, K] = [attr(reader.attrs, 'num_heads'), attr(reader.attrs, 'kv_num_heads')]
    const head = out / (H + 2 * K)
    return [H * head, K * head, K * head]
  }
  const split = reader?.op === 'Split' ? g.consts.get(reader.inputs[1] ?? '') : undefined
  if (split && sizeOf(split.type.dims) === 3) return numbers(split)
  throw new InputError(
    `${model}: ${node.name} packs q, k and v, but is read by ${reader?.op ?? 'nothing'} instead of GroupQueryAttention or a Split in three`,
  )
}

/**
 * The modules that `targets` names: a full module name, or its last part, as in PEFT's `target_modules`.
 *
 * @throws InputError listing what exists
 */
export function selectModules(sites: readonly LoraSite[], targets: readonly string[] | undefined): LoraModule[] {
  const all = modulesIn(sites)
  if (!targets) return all
  const matches = (m: LoraModule, t: string) => m.name === t || m.name.endsWith(`.${t}`)
  const unknown = targets.find(t => !all.some(m => matches(m, t)))
  if (unknown !== undefined || targets.length === 0) {
    const kinds = [...new Set(all.map(m => m.name.slice(m.name.lastIndexOf('.') + 1)))]
    throw new InputError(
      `targetModules: ${unknown === undefined ? 'the list is empty' : `no module is named ${JSON.stringify(unknown)}`}; the model has ${kinds.join(', ')}`,
    )
  }
  return all.filter(m => targets.some(t => matches(m, t)))
}
