import { basename } from 'node:path'
import { InputError } from '../errors.js'
import { check } from '../graph/check.js'
import { constOf, emptyGraph, type Graph, type Type, type Value } from '../graph/graph.js'
import { ONNX_DTYPE } from '../graph/ops.js'
import { dequantise, type Gguf, readBlocks } from './gguf.js'
import type { GgufTensor } from './gguf-head.js'
import { type Building, constant, type Linear, node } from './linear.js'
import type { LlamaSizes } from './sizes.js'
import { append, byHalves, createDataFile, floatWeight, inOrder } from './weights.js'

/** Domain of ONNX Runtime's own operators. */
const MS = 'com.microsoft.'

/** A decoder being built: its sizes, how its linear layers are written, and the stored tensors nothing has used yet. */
interface Decoder extends Building {
  sizes: LlamaSizes
  linear: Linear
  unused: Set<string>
}

/**
 * Writes a Llama decoder in the form of ONNX Runtime GenAI's model builder: packed q, k, v, GroupQueryAttention with
 * the rotary embedding inside, normalizations fused with the residual sum, and the builder's node names.
 *
 *     input_ids [B, T], attention_mask [B, T'], past keys and values [B, K, T' − T, W] → logits [B, T, V], present …
 *
 * The LM head of a model with tied embeddings multiplies by the transposed embedding table. A transposed copy of the
 * table is no faster (47 ms of one core for a token of SmolLM2-135M, against 43), takes as much memory when packed by
 * the runtime, and costs 113 MB of disk. Eight-bit forms of the head are unpacked on every call (255 ms).
 *
 * @param dataPath file of external data to write; its name goes into the graph
 * @param linear how linear layers are written
 * @throws InputError naming a tensor that is missing, has another size, or would be left unused
 */
export async function llamaGraph(g: Gguf, sizes: LlamaSizes, dataPath: string, linear: Linear): Promise<Graph> {
  const { layers, width: D, vocabulary: V } = sizes
  const data = await createDataFile(dataPath)
  const b: Decoder = { g, graph: emptyGraph(), data, sizes, linear, unused: new Set(g.tensors.keys()) }
  try {
    declare(b)
    const lengths = sequenceLengths(b)
    for (const [name, f] of Object.entries({ cos_cache: Math.cos, sin_cache: Math.sin }))
      constant(b, name, await append(data, rotary(sizes, f), [sizes.context, sizes.headWidth / 2]))
    const table = await floats(b, 'model.embed_tokens.weight', tensor(b, 'token_embd.weight', V, D))

    /** The residual stream, but for the last update: the next normalization adds it. */
    let stream = node(b, '/model/embed_tokens/Gather', 'Gather', [table, 'input_ids'])
    let update: Value | undefined
    const next = async (layer: string, stored: string): Promise<Value> => {
      const [out, sum] = await norm(b, layer, stored, stream, update)
      stream = sum
      return out
    }
    for (let l = 0; l < layers; l++) {
      const layer = `/model/layers.${l}`
      update = await attention(b, l, await next(`${layer}/input_layernorm`, `blk.${l}.attn_norm.weight`), lengths)
      update = await feedForward(b, l, await next(`${layer}/post_attention_layernorm`, `blk.${l}.ffn_norm.weight`))
    }
    const last = await next(`/model/layers.${layers}/final_norm_layernorm`, 'output_norm.weight')
    // Nothing follows that needs the sum.
    b.graph.nodes.at(-1)!.outputs = [last]

    if (g.tensors.has('output.weight')) {
      const weight = await append(data, await floatWeight(g, [inOrder(tensor(b, 'output.weight', V, D))]), [D, V])
      node(b, '/lm_head/MatMul', 'MatMul', [last, constant(b, 'lm_head.MatMul.weight', weight)], {}, ['logits'])
    } else node(b, '/lm_head/MatMul', `${MS}FusedMatMul`, [last, table], { transB: 1 }, ['logits'])
  } finally {
    await data.handle.close()
  }
  const [left] = b.unused
  if (left !== undefined)
    throw new InputError(`converting ${basename(g.path)}: tensor ${left} has no place in a plain Llama decoder`)
  return check(b.graph, `converting ${basename(g.path)}`)
}

/** A stored tensor. @throws InputError if it is missing or has other dims */
function tensor({ g, unused }: Decoder, name: string, ...dims: number[]): GgufTensor {
  const t = g.tensors.get(name)
  if (!t || String(t.dims) !== String(dims)) {
    const found = t ? `[${t.dims}]` : 'none'
    throw new InputError(`converting ${basename(g.path)}: tensor ${name} must be [${dims}], found ${found}`)
  }
  unused.delete(name)
  return t
}

const floats = async (b: Decoder, name: Value, t: GgufTensor): Promise<Value> =>
  constant(b, name, await append(b.data, dequantise(t.type, await readBlocks(b.g, t)), t.dims))

/** RMSNorm of x, or of x + update; returns it and what was normalized. x, update [B, T, D]. */
async function norm(b: Decoder, layer: string, stored: string, x: Value, update?: Value): Promise<[Value, Value]> {
  const weight = await floats(b, `${layer.slice(1).replaceAll('/', '.')}.weight`, tensor(b, stored, b.sizes.width))
  const epsilon = { float: b.sizes.epsilon }
  const [out, sum] = [`${layer}/output_0`, `${layer}/output_3`]
  if (update === undefined) {
    const attrs = { epsilon, axis: -1, stash_type: 1 }
    return [node(b, `${layer}/LayerNorm`, 'SimplifiedLayerNormalization', [x, weight], attrs, [out]), x]
  }
  const op = `${MS}SkipSimplifiedLayerNormalization`
  return [node(b, `${layer}/SkipLayerNorm`, op, [x, update, weight], { epsilon }, [out, '', '', sum]), sum]
}

/** Attention of layer l with its four projections: x [B, T, D] → [B, T, D]. */
async function attention(b: Decoder, l: number, x: Value, lengths: [Value, Value]): Promise<Value> {
  const { width: D, heads, kvHeads, headWidth: W } = b.sizes
  const layer = `/model/layers.${l}/attn`
  const stored = (name: string, out: number, of: number) => tensor(b, `blk.${l}.attn_${name}.weight`, out, of)
  const qkv = await b.linear(b, `${layer}/qkv_proj`, x, [
    byHalves(stored('q', heads * W, D), W),
    byHalves(stored('k', kvHeads * W, D), W),
    inOrder(stored('v', kvHeads * W, D)),
  ])
  const past = [`past_key_values.${l}.key`, `past_key_values.${l}.value`]
  const attrs = { num_heads: heads, kv_num_heads: kvHeads, scale: { float: 1 / Math.sqrt(W) }, do_rotary: 1 }
  const mixed = node(
    b,
    `${layer}/GroupQueryAttention`,
    `${MS}GroupQueryAttention`,
    [qkv, '', '', ...past, ...lengths, 'cos_cache', 'sin_cache'],
    attrs,
    [`${layer}/GroupQueryAttention/output_0`, `present.${l}.key`, `present.${l}.value`],
  )
  return b.linear(b, `${layer}/o_proj`, mixed, [inOrder(stored('output', D, heads * W))])
}

/** SwiGLU of layer l: down(silu(gate(x)) ∘ up(x)), silu(z) = z·σ(z) (Shazeer 2020). x [B, T, D] → [B, T, D]. */
async function feedForward(b: Decoder, l: number, x: Value): Promise<Value> {
  const { width: D, hidden: F } = b.sizes
  const layer = `/model/layers.${l}/mlp`
  const stored = (name: string, out: number, of: number) => [inOrder(tensor(b, `blk.${l}.ffn_${name}.weight`, out, of))]
  const gate = await b.linear(b, `${layer}/gate_proj`, x, stored('gate', F, D))
  const up = await b.linear(b, `${layer}/up_proj`, x, stored('up', F, D))
  const sigmoid = node(b, `${layer}/act_fn/Sigmoid`, 'Sigmoid', [gate])
  const silu = node(b, `${layer}/act_fn/Mul`, 'Mul', [gate, sigmoid])
  const gated = node(b, `${layer}/Mul`, 'Mul', [silu, up])
  return b.linear(b, `${layer}/down_proj`, gated, stored('down', D, F))
}

/** Names and types of inputs and outputs. The width of the heads is a number: transformers.js makes the empty cache from it. */
function declare({ graph, sizes: s }: Decoder): void {
  const add = (list: Value[], name: Value, dtype: Type['dtype'], dims: Type['dims']) => {
    list.push(name)
    graph.types.set(name, { dtype, dims })
  }
  const cache = (list: Value[], prefix: string, length: string) => {
    for (const kind of ['key', 'value'])
      for (let l = 0; l < s.layers; l++)
        add(list, `${prefix}.${l}.${kind}`, 'float32', ['batch_size', s.kvHeads, length, s.headWidth])
  }
  add(graph.inputs, 'input_ids', 'int64', ['batch_size', 'sequence_length'])
  add(graph.inputs, 'attention_mask', 'int64', ['batch_size', 'total_sequence_length'])
  cache(graph.inputs, 'past_key_values', 'past_sequence_length')
  add(graph.outputs, 'logits', 'float32', ['batch_size', 'sequence_length', s.vocabulary])
  cache(graph.outputs, 'present', 'total_sequence_length')
}

/** What GroupQueryAttention wants to know, both int32: index of each sequence's last token [B], and T' []. */
function sequenceLengths(b: Building): [lastIndex: Value, length: Value] {
  const mask = '/model/attn_mask_reformat/attn_mask_subgraph'
  const one = constant(b, '/model/constants/INT64/[1]', constOf([1], [1], 'int64'))
  const axis = constant(b, '/model/constants/INT64/1', constOf([1], [], 'int64'))
  const count = node(b, `${mask}/ReduceSum`, 'ReduceSum', ['attention_mask', one], { keepdims: 0 })
  const index = node(b, `${mask}/Sub`, 'Sub', [count, one])
  const lastIndex = node(b, `${mask}/Sub/Cast`, 'Cast', [index], { to: ONNX_DTYPE.int32 })
  const shape = node(b, `${mask}/Shape`, 'Shape', ['attention_mask'])
  const total = node(b, `${mask}/Gather`, 'Gather', [shape, axis], { axis: 0 })
  return [lastIndex, node(b, `${mask}/Gather/Cast`, 'Cast', [total], { to: ONNX_DTYPE.int32 })]
}

/** f(t·base^(−2i/W)) for position t and pair i [context, W/2] (RoFormer, Su et al. 2021). */
function rotary({ context, headWidth, ropeBase }: LlamaSizes, f: (angle: number) => number): Float32Array {
  const pairs = headWidth / 2
  const frequency = Float64Array.from({ length: pairs }, (_, i) => ropeBase ** (-i / pairs))
  return Float32Array.from({ length: context * pairs }, (_, at) => f(Math.floor(at / pairs) * frequency[at % pairs]!))
}
