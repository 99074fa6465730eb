import { random } from '../../src/tensor.js'

/** A metadata value and its GGUF type. */
export type Meta =
  | { u32: number }
  | { f32: number }
  | { text: string }
  | { texts: string[] }
  | { i32s: number[] }
  | { flag: boolean }

export interface TinyTensor {
  name: string
  /** Row-major, the last size a multiple of the block. */
  dims: number[]
  /** ggml type: 0 F32, 1 F16, 3 Q4_1, 8 Q8_0. */
  type: number
  bytes: Uint8Array
}

const CODES = { u32: 4, f32: 6, flag: 7, text: 8 }

/** The bytes of a GGUF file, version 3 (ggml/docs/gguf.md). */
export function ggufBytes(metadata: Record<string, Meta>, tensors: TinyTensor[]): Uint8Array {
  const parts: Buffer[] = []
  const u32 = (n: number) => void parts.push(Buffer.from(Uint32Array.of(n).buffer))
  const u64 = (n: number) => void parts.push(Buffer.from(BigUint64Array.of(BigInt(n)).buffer))
  const text = (s: string) => {
    u64(Buffer.byteLength(s))
    parts.push(Buffer.from(s))
  }
  const write: { [K in 'u32' | 'f32' | 'flag' | 'text']: (x: never) => void } = {
    u32,
    f32: (x: number) => void parts.push(Buffer.from(Float32Array.of(x).buffer)),
    flag: (x: boolean) => void parts.push(Buffer.of(Number(x))),
    text,
  }
  parts.push(Buffer.from('GGUF'))
  u32(3)
  u64(tensors.length)
  u64(Object.keys(metadata).length)
  for (const [key, value] of Object.entries(metadata)) {
    text(key)
    if ('texts' in value || 'i32s' in value) {
      u32(9)
      u32('texts' in value ? 8 : 5)
      const items = 'texts' in value ? value.texts : value.i32s
      u64(items.length)
      for (const x of items) typeof x === 'string' ? text(x) : u32(x)
    } else {
      const [kind, x] = Object.entries(value)[0] as [keyof typeof CODES, never]
      u32(CODES[kind])
      write[kind](x)
    }
  }
  const aligned = (n: number) => Math.ceil(n / 32) * 32
  let offset = 0
  for (const t of tensors) {
    text(t.name)
    u32(t.dims.length)
    for (const d of [...t.dims].reverse()) u64(d)
    u32(t.type)
    u64(offset)
    offset = aligned(offset + t.bytes.length)
  }
  const head = Buffer.concat(parts)
  const out = new Uint8Array(aligned(head.length) + offset)
  out.set(head)
  let at = aligned(head.length)
  for (const t of tensors) {
    out.set(t.bytes, at)
    at = aligned(at + t.bytes.length)
  }
  return out
}

export const SIZES = {
  layers: 2,
  width: 64,
  hidden: 96,
  heads: 4,
  kvHeads: 2,
  headWidth: 16,
  vocabulary: 288,
  context: 64,
}

/** Metadata and tensors of a small random Llama. Change what comes back to get a strange one. */
export function tinyLlama(options: { linear?: number; embedding?: number; tied?: boolean; seed?: number } = {}) {
  const { linear = 0, embedding = 0, tied = true, seed = 1 } = options
  const { layers, width, hidden, heads, kvHeads, headWidth, vocabulary, context } = SIZES
  const rng = random(seed)
  const metadata: Record<string, Meta> = {
    'general.architecture': { text: 'llama' },
    'llama.block_count': { u32: layers },
    'llama.context_length': { u32: context },
    'llama.embedding_length': { u32: width },
    'llama.feed_forward_length': { u32: hidden },
    'llama.attention.head_count': { u32: heads },
    'llama.attention.head_count_kv': { u32: kvHeads },
    'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
    'llama.rope.freq_base': { f32: 10000 },
    'llama.rope.dimension_count': { u32: headWidth },
    'llama.vocab_size': { u32: vocabulary },
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.pre': { text: 'smollm' },
    'tokenizer.ggml.tokens': {
      texts: Array.from({ length: vocabulary }, (_, i) => (i < 3 ? `<|${i}|>` : String.fromCodePoint(0x100 + i))),
    },
    'tokenizer.ggml.token_type': { i32s: Array.from({ length: vocabulary }, (_, i) => (i < 3 ? 3 : 1)) },
    'tokenizer.ggml.merges': { texts: [] },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
    'tokenizer.ggml.padding_token_id': { u32: 2 },
    'tokenizer.ggml.unknown_token_id': { u32: 0 },
    'tokenizer.chat_template': { text: "{% for m in messages %}{{ m['content'] }}{% endfor %}" },
  }
  const tensors: TinyTensor[] = []
  const add = (name: string, dims: number[], type: number) =>
    void tensors.push({ name, dims, type, bytes: weights(dims, type, rng) })
  add('token_embd.weight', [vocabulary, width], embedding)
  if (!tied) add('output.weight', [vocabulary, width], embedding)
  add('output_norm.weight', [width], 0)
  for (let l = 0; l < layers; l++) {
    add(`blk.${l}.attn_norm.weight`, [width], 0)
    add(`blk.${l}.ffn_norm.weight`, [width], 0)
    add(`blk.${l}.attn_q.weight`, [heads * headWidth, width], linear)
    add(`blk.${l}.attn_k.weight`, [kvHeads * headWidth, width], linear)
    add(`blk.${l}.attn_v.weight`, [kvHeads * headWidth, width], linear)
    add(`blk.${l}.attn_output.weight`, [width, heads * headWidth], linear)
    add(`blk.${l}.ffn_gate.weight`, [hidden, width], linear)
    add(`blk.${l}.ffn_up.weight`, [hidden, width], linear)
    add(`blk.${l}.ffn_down.weight`, [width, hidden], linear)
  }
  return { metadata, tensors }
}

/** Random weights of a size of about 0.2, stored as `type`. */
function weights(dims: number[], type: number, rng: ReturnType<typeof random>): Uint8Array {
  const count = dims.reduce((n, d) => n * d, 1)
  const norm = dims.length === 1
  if (type === 0)
    return new Uint8Array(Float32Array.from({ length: count }, () => (norm ? 1 : 0) + 0.2 * rng.normal()).buffer)
  // float16 of sign s, exponent e, fraction f: about 2^-4 for weights, 2^-6 for steps of four bits, 2^-9 for eight.
  const half = (exponent: number, sign: number) => (sign << 15) | ((exponent + 15) << 10) | rng.below(1024)
  if (type === 1) return new Uint8Array(Uint16Array.from({ length: count }, () => half(-4, rng.below(2))).buffer)
  const size = type === 3 ? 20 : 34
  const bytes = Uint8Array.from({ length: (count / 32) * size }, () => rng.below(256))
  const view = new DataView(bytes.buffer)
  for (let b = 0; b < count / 32; b++) {
    // Every seventh block of four bits is flat: d = 0.
    view.setUint16(b * size, type === 3 ? (b % 7 === 3 ? 0 : half(-6, 0)) : half(-9, 0), true)
    if (type === 3) view.setUint16(b * size + 2, half(-4, 1), true)
  }
  return bytes
}
