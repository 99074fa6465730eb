import { readFile } from 'node:fs/promises'
import { type Gguf, metaNumber } from '../../src/models/gguf.js'

/**
 * The logits of a Llama decoder by the textbook, in float64, from the weights as they lie in a GGUF file. Nothing but
 * the list of tensors comes from the code under test: blocks are unpacked here, and the rotary embedding turns pairs
 * of neighbours, which is the order in which llama.cpp stores q and k.
 *
 * @returns logits [T, V]
 */
export async function referenceLogits(g: Gguf, ids: readonly number[]): Promise<Float64Array[]> {
  const file = await readFile(g.path)
  const weight = (name: string) => unpack(file, g, name)
  const size = (key: string) => metaNumber(g, `llama.${key}`)
  const [H, K, W] = [size('attention.head_count'), size('attention.head_count_kv'), size('rope.dimension_count')]
  const epsilon = size('attention.layer_norm_rms_epsilon')
  const base = size('rope.freq_base')
  const D = size('embedding_length')

  const embedding = weight('token_embd.weight')
  const xs = ids.map(id => embedding.slice(id * D, (id + 1) * D))
  for (let l = 0; l < size('block_count'); l++) {
    const at = (name: string) => weight(`blk.${l}.${name}.weight`)
    const [wq, wk, wv, wo] = [at('attn_q'), at('attn_k'), at('attn_v'), at('attn_output')]
    const attnNorm = at('attn_norm')
    const normed = xs.map(x => norm(x, attnNorm, epsilon))
    const q = normed.map((x, t) => rotate(multiply(wq, x), t, W, base))
    const k = normed.map((x, t) => rotate(multiply(wk, x), t, W, base))
    const v = normed.map(x => multiply(wv, x))
    for (const [t, x] of xs.entries()) {
      const mixed = new Float64Array(H * W)
      for (let h = 0; h < H; h++) {
        const shared = Math.floor(h / (H / K)) * W
        const scores = Array.from({ length: t + 1 }, (_, s) => {
          let dot = 0
          for (let i = 0; i < W; i++) dot += q[t]![h * W + i]! * k[s]![shared + i]!
          return dot / Math.sqrt(W)
        })
        const top = Math.max(...scores)
        const total = scores.reduce((sum, s) => sum + Math.exp(s - top), 0)
        for (const [s, score] of scores.entries())
          for (let i = 0; i < W; i++) mixed[h * W + i]! += (Math.exp(score - top) / total) * v[s]![shared + i]!
      }
      add(x, multiply(wo, mixed))
    }
    const [gate, up, down, ffnNorm] = [at('ffn_gate'), at('ffn_up'), at('ffn_down'), at('ffn_norm')]
    for (const x of xs) {
      const n = norm(x, ffnNorm, epsilon)
      const u = multiply(up, n)
      add(
        x,
        multiply(
          down,
          multiply(gate, n).map((z, i) => (z / (1 + Math.exp(-z))) * u[i]!),
        ),
      )
    }
  }
  const last = weight('output_norm.weight')
  const head = g.tensors.has('output.weight') ? weight('output.weight') : embedding
  return xs.map(x => multiply(head, norm(x, last, epsilon)))
}

/** W [out, in] · x [in]. */
function multiply(w: Float64Array, x: Float64Array): Float64Array {
  const n = x.length
  const y = new Float64Array(w.length / n)
  for (let o = 0; o < y.length; o++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += w[o * n + i]! * x[i]!
    y[o] = sum
  }
  return y
}

function add(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i]! += y[i]!
}

function norm(x: Float64Array, w: Float64Array, epsilon: number): Float64Array {
  const meanSquare = x.reduce((sum, v) => sum + v * v, 0) / x.length
  return x.map((v, i) => (v / Math.sqrt(meanSquare + epsilon)) * w[i]!)
}

function rotate(x: Float64Array, t: number, W: number, base: number): Float64Array {
  const y = new Float64Array(x.length)
  for (let at = 0; at < x.length; at += 2) {
    const angle = t * base ** (-(at % W) / W)
    const [a, b] = [x[at]!, x[at + 1]!]
    y[at] = a * Math.cos(angle) - b * Math.sin(angle)
    y[at + 1] = a * Math.sin(angle) + b * Math.cos(angle)
  }
  return y
}

function unpack(file: Buffer, g: Gguf, name: string): Float64Array {
  const t = g.tensors.get(name)!
  const out = new Float64Array(t.dims.reduce((n, d) => n * d, 1))
  const half = (at: number) => float16(file.readUInt16LE(at))
  if (t.type === 'F32') return out.map((_, i) => file.readFloatLE(t.offset + 4 * i))
  if (t.type === 'F16') return out.map((_, i) => half(t.offset + 2 * i))
  for (let block = 0; block < out.length / 32; block++) {
    const at = t.offset + block * (t.type === 'Q8_0' ? 34 : 20)
    const d = half(at)
    const m = t.type === 'Q4_1' ? half(at + 2) : 0
    for (let i = 0; i < 32; i++) {
      const byte = t.type === 'Q8_0' ? file.readInt8(at + 2 + i) : file[at + 4 + (i % 16)]!
      const q = t.type === 'Q8_0' ? byte : i < 16 ? byte % 16 : Math.floor(byte / 16)
      out[block * 32 + i] = d * q + m
    }
  }
  return out
}

/** IEEE 754 binary16; finite numbers only. */
export function float16(bits: number): number {
  const exponent = Math.floor(bits / 1024) % 32
  const fraction = bits % 1024
  const sign = bits >= 32768 ? -1 : 1
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
