import type { Emit } from '../../graph/emit.js'
import { GraphError, type Node, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import { rmsNorm } from './norm.js'
import { rotaryTables, rotate } from './rotary.js'
import type { Lowering } from './shared.js'

/** Attributes that the rules heed; those that may be set as long as they change nothing; inputs. */
interface Form {
  name: string
  heeded: readonly string[]
  plain: Readonly<Record<string, number | string>>
  inputs: readonly string[]
}

const GROUPED: Form = {
  name: 'GroupQueryAttention',
  heeded: [
    'num_heads',
    'kv_num_heads',
    'scale',
    'do_rotary',
    'rotary_interleaved',
    'local_window_size',
    'softcap',
    'qk_norm_epsilon',
  ],
  plain: { smooth_softmax: 0, qk_output: 0, k_quant_type: 'NONE', v_quant_type: 'NONE', kv_cache_bit_width: 0 },
  inputs: [
    'query',
    'key',
    'value',
    'past_key',
    'past_value',
    'seqlens_k',
    'total_sequence_length',
    'cos_cache',
    'sin_cache',
    'position_ids',
    'attention_bias',
    '',
    '',
    '',
    'q_norm_weight',
    'k_norm_weight',
  ],
}
const MULTI_HEAD: Form = {
  name: 'MultiHeadAttention',
  heeded: ['num_heads', 'scale', 'unidirectional', 'mask_filter_value'],
  plain: {},
  inputs: ['query', 'key', 'value', 'bias', '', 'attention_bias', 'past_key', 'past_value'],
}

/** The input of that name, or undefined. */
const named = (node: Node, form: Form, name: string): Value | undefined =>
  node.inputs[form.inputs.indexOf(name)] || undefined

/** @throws GraphError for a form of attention whose meaning would be lost */
function refuse(node: Node, { name: op, heeded, plain, inputs }: Form): void {
  const fail = (what: string): never => {
    throw new GraphError(`lowering ${node.name}: ${op} with ${what}`)
  }
  for (const [name, value] of Object.entries(node.attrs)) {
    const found = typeof value === 'object' && 'float' in value ? value.float : value
    if (heeded.includes(name) || found === plain[name]) continue
    fail(`${name} = ${found} is not supported${name in plain ? ` (only ${plain[name]})` : ''}`)
  }
  const extra = node.inputs.findIndex((v, i) => v !== '' && !inputs[i])
  if (extra >= 0)
    fail(`input ${extra} (${node.inputs[extra]}) is not supported; understood are ${inputs.filter(i => i).join(', ')}`)
}

/** [B, T, n·W] → [B, n, T, W] */
const split = (e: Emit, x: Value, n: number, W: number): Value => e.permute(e.reshape(x, 0, 0, n, W), 0, 2, 1, 3)

interface Scores {
  scale: number
  /** c·tanh(s/c) of the scaled scores; 0: not. */
  softcap: number
  /** Added to the scores, broadcast to [B, .., T, T]. */
  masks: Value[]
}

/** softmax(mask(softcap(q·kᵀ·scale)))·v of heads [B, .., T, W]. */
function mix(e: Emit, q: Value, k: Value, v: Value, { scale, softcap, masks }: Scores): Value {
  let scores = e.matmul(e.scale(q, scale), e.t(k))
  if (softcap !== 0) scores = e.scale(e.op('Tanh', [e.scale(scores, 1 / softcap)]), softcap)
  for (const mask of masks) scores = e.add(scores, mask)
  return e.matmul(e.op('Softmax', [scores], { axis: -1 }), v)
}

/**
 * Grouped-query attention without a cache. H query heads share K key/value heads, G = H/K to each; heads of width W.
 *
 *     query [B, T, H·W], key and value [B, T, K·W]; or all three packed in query [B, T, (H+2K)·W]
 *     scores [B, K, G, T, T] = q·kᵀ · scale + mask,  y [B, T, H·W] = softmax(scores)·v
 *
 * Queries and keys may be normalized head by head before they are turned.
 */
export const groupedAttention: Lowering = {
  name: 'GroupQueryAttention',
  apply(node, e, shared) {
    if (node.op !== 'com.microsoft.GroupQueryAttention') return false
    refuse(node, GROUPED)
    const input = (name: string) => named(node, GROUPED, name)
    const [query, key] = node.inputs as [Value, Value]
    const [H, K] = [attr(node.attrs, 'num_heads'), attr(node.attrs, 'kv_num_heads')]
    const W = e.lastSize(query) / (key === '' ? H + 2 * K : H)
    const window = attr(node.attrs, 'local_window_size', -1)
    const part = (i: number, from: number, n: number) =>
      split(e, key === '' ? e.slice(query, 2, from * W, (from + n) * W) : node.inputs[i]!, n, W)
    const turn = (x: Value): Value => {
      if (attr(node.attrs, 'do_rotary', 0) === 0) return x
      const tables = [input('cos_cache'), input('sin_cache')] as [Value, Value]
      const interleaved = attr(node.attrs, 'rotary_interleaved', 0) === 1
      return rotate(e, x, rotaryTables(e, shared, tables, interleaved, input('position_ids')))
    }
    const norm = (x: Value, w: Value | undefined): Value =>
      w ? rmsNorm(e, x, w, attr(node.attrs, 'qk_norm_epsilon', 1e-6)) : x

    const q = e.reshape(turn(norm(part(0, 0, H), input('q_norm_weight'))), 0, K, H / K, -1, W)
    const k = e.op('Unsqueeze', [turn(norm(part(1, H, K), input('k_norm_weight'))), e.ints(2)])
    const v = e.op('Unsqueeze', [part(2, H + K, K), e.ints(2)])
    const bias = input('attention_bias')
    if (bias && e.dims(bias)[1] !== 1)
      throw new GraphError(`lowering ${node.name}: attention_bias [${e.dims(bias)}] must be the same for all heads`)
    const mixed = mix(e, q, k, v, {
      scale: attr(node.attrs, 'scale', 0) || 1 / Math.sqrt(W),
      softcap: attr(node.attrs, 'softcap', 0),
      masks: [
        shared.mask(query, window > 0 ? window : undefined),
        ...(bias ? [e.op('Unsqueeze', [bias, e.ints(2)])] : []),
      ],
    })
    // [B, K, G, T, W] → [B, T, K, G, W] → [B, T, H·W]
    e.op('Reshape', [e.permute(mixed, 0, 3, 1, 2, 4), e.ints(0, 0, H * W)], {}, node.outputs[0]!)
    return true
  },
}

/**
 * Attention of H heads, each with keys and values of its own, without a cache.
 *
 *     query, key, value [B, T, H·W] → y [B, T, H·W];  bias [3·H·W] is added to the three
 */
export const multiHeadAttention: Lowering = {
  name: 'MultiHeadAttention',
  apply(node, e, shared) {
    if (node.op !== 'com.microsoft.MultiHeadAttention') return false
    refuse(node, MULTI_HEAD)
    const input = (name: string) => named(node, MULTI_HEAD, name)
    const H = attr(node.attrs, 'num_heads')
    const D = e.lastSize(node.inputs[0]!)
    const bias = input('bias')
    const part = (name: string, i: number): Value => {
      const x = input(name)
      if (!x || e.dims(x).length > 4) throw new GraphError(`lowering ${node.name}: ${name} must be given by itself`)
      if (e.dims(x).length === 4) return x
      return split(e, bias ? e.add(x, e.slice(bias, 0, i * D, (i + 1) * D)) : x, H, e.lastSize(x) / H)
    }
    const [q, k, v] = ['query', 'key', 'value'].map(part) as [Value, Value, Value]
    const added = input('attention_bias')
    const mixed = mix(e, q, k, v, {
      scale: attr(node.attrs, 'scale', 0) || 1 / Math.sqrt(e.lastSize(q)),
      softcap: 0,
      masks: [
        ...(attr(node.attrs, 'unidirectional', 0) ? [shared.mask(q)] : []),
        ...(added ? [shared.unrepeated(added)] : []),
      ],
    })
    e.op('Reshape', [e.permute(mixed, 0, 2, 1, 3), e.ints(0, 0, H * e.lastSize(v))], {}, node.outputs[0]!)
    return true
  },
}
