import { GraphError, type Node, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering } from './shared.js'

/** Attributes of GroupQueryAttention that the rule heeds; those that may be set as long as they change nothing; inputs. */
const HEEDED = ['num_heads', 'kv_num_heads', 'scale', 'do_rotary']
const PLAIN: Readonly<Record<string, number>> = {
  local_window_size: -1,
  softcap: 0,
  rotary_interleaved: 0,
  smooth_softmax: 0,
  qk_output: 0,
}
const INPUTS = [
  'query',
  'key',
  'value',
  'past_key',
  'past_value',
  'seqlens_k',
  'total_sequence_length',
  'cos_cache',
  'sin_cache',
]

/**
 * Grouped-query attention without a cache. H query heads share K key/value heads, G = H/K to each; heads of width W.
 *
 *     query [B, T, H·W], key and value [B, T, K·W]; or all three packed in query [B, T, (H+2K)·W]
 *     scores [B, K, G, T, T] = q·kᵀ · scale + mask,  y [B, T, H·W] = softmax(scores)·v
 */
export const attention: Lowering = {
  name: 'GroupQueryAttention',
  apply(node, e, shared) {
    if (node.op !== 'com.microsoft.GroupQueryAttention') return false
    refuse(node)
    const [query, key] = node.inputs as [Value, Value]
    const [H, K] = [attr(node.attrs, 'num_heads'), attr(node.attrs, 'kv_num_heads')]
    const W = e.lastSize(query) / (key === '' ? H + 2 * K : H)
    const scale = attr(node.attrs, 'scale', 0) || 1 / Math.sqrt(W)

    /** [B, T, n·W] → [B, n, T, W] */
    const heads = (x: Value, n: number) => e.permute(e.reshape(x, 0, 0, n, W), 0, 2, 1, 3)
    const part = (i: number, from: number, n: number) =>
      key === '' ? heads(e.slice(query, 2, from * W, (from + n) * W), n) : heads(node.inputs[i]!, n)

    const rotate = (x: Value): Value => {
      if (attr(node.attrs, 'do_rotary', 0) === 0) return x
      const [cos, sin] = [7, 8].map(i =>
        shared.once(node.inputs[i]!, () => e.op('Gather', [node.inputs[i]!, shared.positions()], { axis: 0 })),
      )
      const half = e.lastSize(cos!)
      const [a, b] = [e.slice(x, 3, 0, half), e.slice(x, 3, half, 2 * half)]
      const turned = [e.sub(e.mul(a, cos!), e.mul(b, sin!)), e.add(e.mul(b, cos!), e.mul(a, sin!))]
      return e.concat(2 * half < W ? [...turned, e.slice(x, 3, 2 * half, W)] : turned, 3)
    }
    const q = e.reshape(rotate(part(0, 0, H)), 0, K, H / K, -1, W)
    const k = e.op('Unsqueeze', [rotate(part(1, H, K)), e.ints(2)])
    const v = e.op('Unsqueeze', [part(2, H + K, K), e.ints(2)])
    const scores = e.add(e.matmul(e.scale(q, scale), e.t(k)), shared.mask(query))
    const mixed = e.matmul(e.op('Softmax', [scores], { axis: -1 }), v)
    // [B, K, G, T, W] → [B, T, K, G, W] → [B, T, H·W]
    e.op('Reshape', [e.permute(mixed, 0, 3, 1, 2, 4), e.ints(0, 0, H * W)], {}, node.outputs[0]!)
    return true
  },
}

/** @throws GraphError for a form of attention whose meaning would be lost */
function refuse(node: Node): void {
  const fail = (what: string): never => {
    throw new GraphError(`lowering ${node.name}: GroupQueryAttention with ${what}`)
  }
  for (const [name, value] of Object.entries(node.attrs)) {
    const found = typeof value === 'object' && 'float' in value ? value.float : value
    if (HEEDED.includes(name) || found === PLAIN[name]) continue
    fail(`${name} = ${found} is not supported${name in PLAIN ? ` (only ${PLAIN[name]})` : ''}`)
  }
  const extra = node.inputs.findIndex((v, i) => v !== '' && i >= INPUTS.length)
  if (extra >= 0) fail(`input ${extra} (${node.inputs[extra]}) is not supported; understood are ${INPUTS.join(', ')}`)
}
