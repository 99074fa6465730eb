import { basename } from 'node:path'
import { InputError } from '../errors.js'
import { check } from '../graph/check.js'
import { constOf, emptyGraph, type Graph, type Type, type Value } from '../graph/graph.js'
import { ONNX_DTYPE } from '../graph/ops.js'
import { dequantise, type Gguf, type GgufTensor, metaNumber, metaText, readBlocks } from './gguf.js'
import { type Building, constant, type Linear, node } from './linear.js'
import { append, byHalves, createDataFile, floatWeight, inOrder } from './weights.js'

/** Sizes of a decoder of the Llama architecture (letters of the README). */
export interface LlamaSizes {
  layers: number
  /** D */
  width: number
  /** Width of the feed-forward layer. */
  hidden: number
  /** H */
  heads: number
  /** K */
  kvHeads: number
  headWidth: number
  /** V */
  vocabulary: number
  /** Longest sequence [tokens]. */
  context: number
  /** ε of the normalizations. */
  epsilon: number
  /** Base of the rotary angles. */
  ropeBase: number
}

/** Domain of ONNX Runtime's own operators. */
const MS = 'com.microsoft.'

/** No size in a model of this kind is larger; what is comes from an altered file. */
const LARGEST = 2 ** 24

/** @throws InputError if the file holds another architecture, or sizes that cannot be */
export function llamaSizes(g: Gguf): LlamaSizes {
  const architecture = metaText(g, 'general.architecture')
  const fail = (what: string): never => {
    throw new InputError(`reading ${basename(g.path)}: ${what}`)
  }
  if (architecture !== 'llama') fail(`its architecture is ${architecture}; only llama can be converted`)
  const size = (key: string): number => {
    const n = metaNumber(g, `llama.${key}`)
    return Number.isInteger(n) && n >= 1 && n <= LARGEST
      ? n
      : fail(`metadata llama.${key} is ${n}; a whole number from 1 to ${LARGEST} is needed`)
  }
  const sizes = {
    layers: size('block_count'),
    width: size('embedding_length'),
    hidden: size('feed_forward_length'),
    heads: size('attention.head_count'),
    kvHeads: size('attention.head_count_kv'),
    headWidth: size('rope.dimension_count'),
    vocabulary: size('vocab_size'),
    context: size('context_length'),
    epsilon: metaNumber(g, 'llama.attention.layer_norm_rms_epsilon'),
    ropeBase: metaNumber(g, 'llama.rope.freq_base'),
  }
  if (sizes.heads % sizes.kvHeads !== 0 || sizes.headWidth % 2 !== 0)
    fail(`${sizes.heads} heads of width ${sizes.headWidth} cannot share ${sizes.kvHeads} key/value heads`)
  return sizes
}

/**
 * Writes a Llama decoder in the form of ONNX Runtime GenAI's model builder: packed q, k, v, GroupQueryAttention with
 * the rotary embedding inside, normalizations fused with the residual sum, and the builder's node names.
 *
 *     input_ids [B, T], attention_mask [B, T'], past keys and values [B, K, T' − T, W] → logits [B, T, V], present …
 *
 * The LM head of a model with tied embeddings multiplies by the transposed embedding table. A transposed copy of the
 * table decodes no faster (30 tokens/s either way on two cores, equal memory) and costs 113 MB of disk for 135M weights.
 *
 * @param dataPath file of external data to write; its name goes into the graph
 * @param linear how linear layers are written
 * @throws InputError naming a tensor that is missing, has another size, or would be left unused
 */
export async function llamaGraph(g: Gguf, sizes: LlamaSizes, dataPath: string, linear: Linear): Promise<Graph> {
  const { layers, width: D, hidden: F, heads, kvHeads, headWidth: W, vocabulary: V, context } = sizes
  const data = await createDataFile(dataPath)
  const b: Building = { g, graph: emptyGraph(), data }
  const unused = new Set(g.tensors.keys())
  const tensor = (name: string, ...dims: number[]): GgufTensor => {
    const t = g.tensors.get(name)
    if (!t || String(t.dims) !== String(dims))
      throw new InputError(
        `converting ${basename(g.path)}: tensor ${name} must be [${dims}], found ${t ? `[${t.dims}]` : 'none'}`,
      )
    unused.delete(name)
    return t
  }
  const floats = async (name: Value, t: GgufTensor): Promise<Value> =>
    constant(b, name, await append(data, dequantise(t.type, await readBlocks(g, t)), t.dims))

  try {
    declare(b, sizes)
    const { lastIndex, length } = sequenceLengths(b)
    for (const [name, f] of [
      ['cos_cache', Math.cos],
      ['sin_cache', Math.sin],
    ] as const)
      constant(b, name, await append(data, rotary(sizes, f), [context, W / 2]))
    const epsilon = { float: sizes.epsilon }

    const embedding = tensor('token_embd.weight', V, D)
    const table = await floats('model.embed_tokens.weight', embedding)
    /** The residual stream, and what the last block adds to it: the next normalization makes the sum. */
    let stream = node(b, '/model/embed_tokens/Gather', 'Gather', [table, 'input_ids'])
    let update: Value | undefined
    const norm = async (layer: string, stored: string, more = true): Promise<Value> => {
      const weight = await floats(`${layer.slice(1).replaceAll('/', '.')}.weight`, tensor(stored, D))
      const out = `${layer}/output_0`
      if (update === undefined) {
        const attrs = { epsilon, axis: -1, stash_type: 1 }
        return node(b, `${layer}/LayerNorm`, 'SimplifiedLayerNormalization', [stream, weight], attrs, [out])
      }
      const sum = `${layer}/output_3`
      const outs = more ? [out, '', '', sum] : [out]
      node(
        b,
        `${layer}/SkipLayerNorm`,
        `${MS}SkipSimplifiedLayerNormalization`,
        [stream, update, weight],
        { epsilon },
        outs,
      )
      stream = sum
      return out
    }

    for (let l = 0; l < layers; l++) {
      const [layer, blk] = [`/model/layers.${l}`, `blk.${l}`]
      const projection = (name: string, out: number, of: number) => tensor(`${blk}.${name}.weight`, out, of)
      const plain = (name: string, out: number, of: number) => [inOrder(projection(name, out, of))]

      const qkv = await linear(
        b,
        `${layer}/attn/qkv_proj`,
        await norm(`${layer}/input_layernorm`, `${blk}.attn_norm.weight`),
        [
          byHalves(projection('attn_q', heads * W, D), W),
          byHalves(projection('attn_k', kvHeads * W, D), W),
          inOrder(projection('attn_v', kvHeads * W, D)),
        ],
      )
      const past = [`past_key_values.${l}.key`, `past_key_values.${l}.value`]
      const attention = node(
        b,
        `${layer}/attn/GroupQueryAttention`,
        `${MS}GroupQueryAttention`,
        [qkv, '', '', ...past, lastIndex, length, 'cos_cache', 'sin_cache'],
        {
          num_heads: heads,
          kv_num_heads: kvHeads,
          scale: { float: 1 / Math.sqrt(W) },
          do_rotary: 1,
          rotary_interleaved: 0,
        },
        [`${layer}/attn/GroupQueryAttention/output_0`, `present.${l}.key`, `present.${l}.value`],
      )
      update = await linear(b, `${layer}/attn/o_proj`, attention, plain('attn_output', D, heads * W))

      // SwiGLU: down(silu(gate(x)) ∘ up(x)), silu(z) = z·σ(z).
      const x = await norm(`${layer}/post_attention_layernorm`, `${blk}.ffn_norm.weight`)
      const gate = await linear(b, `${layer}/mlp/gate_proj`, x, plain('ffn_gate', F, D))
      const up = await linear(b, `${layer}/mlp/up_proj`, x, plain('ffn_up', F, D))
      const sigmoid = node(b, `${layer}/mlp/act_fn/Sigmoid`, 'Sigmoid', [gate])
      const silu = node(b, `${layer}/mlp/act_fn/Mul`, 'Mul', [gate, sigmoid])
      const gated = node(b, `${layer}/mlp/Mul`, 'Mul', [silu, up])
      update = await linear(b, `${layer}/mlp/down_proj`, gated, plain('ffn_down', D, F))
    }

    const last = await norm(`/model/layers.${layers}/final_norm_layernorm`, 'output_norm.weight', false)
    if (g.tensors.has('output.weight')) {
      const weight = await append(data, await floatWeight(g, [inOrder(tensor('output.weight', V, D))]), [D, V])
      node(b, '/lm_head/MatMul', 'MatMul', [last, constant(b, 'lm_head.MatMul.weight', weight)], {}, ['logits'])
    } else node(b, '/lm_head/MatMul', `${MS}FusedMatMul`, [last, table], { transB: 1 }, ['logits'])
  } finally {
    await data.handle.close()
  }
  const [left] = unused
  if (left !== undefined)
    throw new InputError(`converting ${basename(g.path)}: tensor ${left} has no place in a plain Llama decoder`)
  return check(b.graph, `converting ${basename(g.path)}`)
}

/** Names and types of inputs and outputs. The width of the heads is a number: transformers.js makes the empty cache from it. */
function declare(b: Building, s: LlamaSizes): void {
  const add = (list: Value[], name: Value, dtype: Type['dtype'], dims: Type['dims']) => {
    list.push(name)
    b.graph.types.set(name, { dtype, dims })
  }
  const cache = (list: Value[], prefix: string, length: string) => {
    for (const kind of ['key', 'value'])
      for (let l = 0; l < s.layers; l++)
        add(list, `${prefix}.${l}.${kind}`, 'float32', ['batch_size', s.kvHeads, length, s.headWidth])
  }
  add(b.graph.inputs, 'input_ids', 'int64', ['batch_size', 'sequence_length'])
  add(b.graph.inputs, 'attention_mask', 'int64', ['batch_size', 'total_sequence_length'])
  cache(b.graph.inputs, 'past_key_values', 'past_sequence_length')
  add(b.graph.outputs, 'logits', 'float32', ['batch_size', 'sequence_length', s.vocabulary])
  cache(b.graph.outputs, 'present', 'total_sequence_length')
}

/** What GroupQueryAttention wants to know, both int32: index of each sequence's last token [B], and T' []. */
function sequenceLengths(b: Building): { lastIndex: Value; length: Value } {
  const mask = '/model/attn_mask_reformat/attn_mask_subgraph'
  const one = constant(b, '/model/constants/INT64/[1]', constOf([1], [1], 'int64'))
  const axis = constant(b, '/model/constants/INT64/1', constOf([1], [], 'int64'))
  const count = node(b, `${mask}/ReduceSum`, 'ReduceSum', ['attention_mask', one], { keepdims: 0 })
  const index = node(b, `${mask}/Sub`, 'Sub', [count, one])
  const lastIndex = node(b, `${mask}/Sub/Cast`, 'Cast', [index], { to: ONNX_DTYPE.int32 })
  const shape = node(b, `${mask}/Shape`, 'Shape', ['attention_mask'])
  const total = node(b, `${mask}/Gather`, 'Gather', [shape, axis], { axis: 0 })
  return { lastIndex, length: node(b, `${mask}/Gather/Cast`, 'Cast', [total], { to: ONNX_DTYPE.int32 }) }
}

/** f(t·base^(−2i/W)) for position t and pair i [context, W/2] (RoFormer, Su et al. 2021). */
function rotary({ context, headWidth, ropeBase }: LlamaSizes, f: (angle: number) => number): Float32Array {
  const pairs = headWidth / 2
  const frequency = Float64Array.from({ length: pairs }, (_, i) => ropeBase ** (-i / pairs))
  return Float32Array.from({ length: context * pairs }, (_, at) => f(Math.floor(at / pairs) * frequency[at % pairs]!))
}
