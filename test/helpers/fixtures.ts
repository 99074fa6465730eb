import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Graph } from '../../src/graph/graph.js'
import type { ModelDType } from '../../src/models/dtypes.js'
import { readOnnx } from '../../src/onnx/read.js'
import { type Feed, int64 } from './ort.js'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** Folder of a tiny random decoder, or of PEFT's answers for one. */
export const fixture = (name: string): string => `${FIXTURES}${name}`

export interface Decoder {
  name: string
  /** Folder of the answers it has to give. */
  reference: string
  dtype: ModelDType
  /** Its products round what they read to eight bits as it comes: MatMulInteger. */
  rounds?: true
}

const decoder = (name: string, reference: string, more: Partial<Decoder> = {}): Decoder => ({
  name,
  reference,
  dtype: 'fp32',
  ...more,
})

/** The tiny random decoders that have reference answers: architecture, exporter and kind of weights. */
export const TABLE: readonly Decoder[] = [
  decoder('tiny-llama-genai', 'tiny-llama-ref'),
  decoder('tiny-llama-genai-unfused', 'tiny-llama-ref'),
  decoder('tiny-llama-genai-webgpu', 'tiny-llama-ref'),
  decoder('tiny-qwen2-genai', 'tiny-qwen2-ref'),
  decoder('tiny-llama-optimum', 'tiny-llama-ref'),
  decoder('tiny-qwen2-optimum', 'tiny-qwen2-ref'),
  decoder('tiny-qwen3-optimum', 'tiny-qwen3-ref'),
  decoder('tiny-llama-bias-mha', 'tiny-llama-bias-ref'),
  decoder('tiny-llama-bias-rotary', 'tiny-llama-bias-ref'),
  decoder('tiny-mistral-genai', 'tiny-mistral-ref'),
  decoder('tiny-mistral-optimum', 'tiny-mistral-ref'),
  decoder('tiny-smollm3-genai', 'tiny-smollm3-ref'),
  decoder('tiny-smollm3-optimum', 'tiny-smollm3-ref'),
  decoder('tiny-qwen3-tied-genai', 'tiny-qwen3-tied-ref'),
  decoder('tiny-qwen3-tied-optimum', 'tiny-qwen3-tied-ref'),
  decoder('tiny-gemma2-genai', 'tiny-gemma2-ref'),
  decoder('tiny-gemma2-optimum', 'tiny-gemma2-ref'),
  decoder('tiny-gemma3-genai', 'tiny-gemma3-ref'),
  decoder('tiny-gemma3-optimum', 'tiny-gemma3-ref'),
  decoder('tiny-phi3-genai', 'tiny-phi3-ref'),
  decoder('tiny-phi3-optimum', 'tiny-phi3-ref'),
  decoder('tiny-llama-genai-webgpu', 'tiny-llama-ref', { dtype: 'fp16' }),
  decoder('tiny-qwen3-tied-optimum', 'tiny-qwen3-tied-ref', { dtype: 'fp16' }),
  decoder('tiny-gemma3-genai', 'tiny-gemma3-ref', { dtype: 'fp16' }),
  decoder('tiny-llama-genai', 'tiny-llama-genai-q4-ref', { dtype: 'q4' }),
  decoder('tiny-qwen2-genai', 'tiny-qwen2-genai-q4-ref', { dtype: 'q4' }),
  decoder('tiny-qwen3-tied-genai', 'tiny-qwen3-tied-genai-q4-ref', {
    dtype: 'q4',
  }),
  decoder('tiny-qwen3-tied-optimum', 'tiny-qwen3-tied-optimum-q4-ref', { dtype: 'q4' }),
  decoder('tiny-llama-genai-webgpu', 'tiny-llama-genai-webgpu-q4f16-ref', {
    dtype: 'q4f16',
  }),
  decoder('tiny-qwen3-tied-optimum', 'tiny-qwen3-tied-optimum-q4-ref', { dtype: 'q4f16' }),
  decoder('tiny-llama-optimum', 'tiny-llama-optimum-quantized-ref', {
    dtype: 'int8',
    rounds: true,
  }),
  decoder('tiny-qwen2-genai', 'tiny-qwen2-genai-quantized-ref', {
    dtype: 'int8',
    rounds: true,
  }),
  decoder('tiny-qwen3-tied-optimum', 'tiny-qwen3-tied-optimum-quantized-ref', {
    dtype: 'int8',
    rounds: true,
  }),
]

/** Name and reference of the decoders that tests of single rules look at: the builder's, in float32. */
export const DECODERS = TABLE.slice(0, 4).map(d => [d.name, d.reference] as const)

/** `name/file` of every exported graph there is. */
export const ONNX_FILES: string[] = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter(f => f.endsWith('.onnx'))
  .sort()

export const weightsOf = (name: string): string => `${fixture(name)}/onnx`

export const exported = (name: string, file = 'model.onnx'): Graph =>
  readOnnx(readFileSync(`${weightsOf(name)}/${file}`), file)

/** `model_type` of a decoder. */
export const architecture = (name: string): string =>
  JSON.parse(readFileSync(`${fixture(name)}/config.json`, 'utf8')).model_type

/** Inputs of an exported decoder, for a whole sequence and an empty cache. */
export function decoderFeeds(g: Graph, inputIds: readonly number[]) {
  const T = inputIds.length
  const feeds: Record<string, Feed<Float32Array | BigInt64Array>> = { input_ids: int64(inputIds, [1, T]) }
  for (const v of g.inputs) {
    if (v === 'attention_mask') feeds[v] = int64(Array(T).fill(1), [1, T])
    if (v === 'position_ids') feeds[v] = int64([...Array(T).keys()], [1, T])
    if (v.startsWith('past_key_values.')) {
      const [, K, , W] = g.types.get(v)!.dims as number[]
      feeds[v] = { dims: [1, K!, 0, W!], data: new Float32Array() }
    }
  }
  return feeds
}

export interface Reference {
  /** One sequence and its labels, as PyTorch wants them. */
  inputIds: number[]
  labels: number[]
  base_loss: number
  /** Before each of five AdamW steps, and after the last [nats/token]. */
  losses: number[]
  base_greedy_16: number[]
  adapter_greedy_16: number[]
  optimizer: { lr: number; weight_decay: number; betas: [number, number]; eps: number }
  /** `base_logits`, `adapter_logits`, `after5_logits` [T, V], and `grad.<PEFT name>`. */
  tensors: Map<string, Float32Array>
}

/** What PEFT answered for a tiny decoder. */
export function reference(name: string): Reference {
  const json = JSON.parse(readFileSync(`${fixture(name)}/reference.json`, 'utf8'))
  const bytes = readFileSync(`${fixture(name)}/reference.safetensors`)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  // Not by the project's reader, which takes float32 alone; the file holds the token ids too.
  const header: Record<string, { dtype: string; data_offsets: [number, number] }> = JSON.parse(
    bytes.toString('utf8', 8, start),
  )
  const tensors = Object.entries(header).flatMap(([key, { dtype, data_offsets: at }]) =>
    dtype === 'F32'
      ? [[key, new Float32Array(new Uint8Array(bytes.subarray(start + at[0], start + at[1])).buffer)] as const]
      : [],
  )
  return { ...json, inputIds: json.input_ids[0], labels: json.labels[0], tensors: new Map(tensors) }
}
