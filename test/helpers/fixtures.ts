import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Graph } from '../../src/graph/graph.js'
import { readOnnx } from '../../src/onnx/read.js'
import { type Feed, int64 } from './ort.js'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** Folder of a tiny random decoder, or of PEFT's answers for one. */
export const fixture = (name: string): string => `${FIXTURES}${name}`

/** The tiny decoders in float32, and whose reference answers they have to give. */
export const DECODERS = [
  ['tiny-llama-genai', 'tiny-llama-ref'],
  ['tiny-llama-genai-unfused', 'tiny-llama-ref'],
  ['tiny-llama-genai-webgpu', 'tiny-llama-ref'],
  ['tiny-qwen2-genai', 'tiny-qwen2-ref'],
] as const

/** `name/file` of every exported graph there is. */
export const ONNX_FILES: string[] = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter(f => f.endsWith('.onnx'))
  .sort()

export const weightsOf = (name: string): string => `${fixture(name)}/onnx`

export const exported = (name: string, file = 'model.onnx'): Graph =>
  readOnnx(readFileSync(`${weightsOf(name)}/${file}`), file)

/** Inputs of an exported decoder, for a whole sequence and an empty cache. */
export function decoderFeeds(g: Graph, inputIds: readonly number[]) {
  const T = inputIds.length
  const feeds: Record<string, Feed<Float32Array | BigInt64Array>> = { input_ids: int64(inputIds, [1, T]) }
  for (const v of g.inputs) {
    if (v === 'attention_mask') feeds[v] = int64(Array(T).fill(1), [1, T])
    if (v.startsWith('past_key_values.')) {
      const [, K, , W] = g.types.get(v)!.dims as number[]
      feeds[v] = { dims: [1, K!, 0, W!], data: new Float32Array() }
    }
  }
  return feeds
}
