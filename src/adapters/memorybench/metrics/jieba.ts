import { createRequire } from 'node:module'

let cutter: typeof import('jieba-wasm') | undefined

/**
 * Words of a Chinese text as jieba cuts it in its precise mode, unknown words found by its hidden Markov model. The package
 * (jieba-rs with jieba 0.42.1's dictionary) is loaded at the first call.
 */
export function cut(text: string): string[] {
  cutter ??= createRequire(import.meta.url)('jieba-wasm') as typeof import('jieba-wasm')
  return cutter.cut(text, true)
}
