import { createRequire } from 'node:module'

let cutter: typeof import('jieba-wasm') | undefined

/** Where jieba-rs takes any character for a decimal point: it leaves "3-5" and "h-83" whole. */
const UNCUT = /^[a-zA-Z0-9]+[-+#&_%]\p{Nd}+%?$/u
const ASCII = /^[-a-zA-Z0-9+#&._%]+$/
/** How jieba cuts what is not Chinese and in no dictionary. */
const PIECES = /([a-zA-Z0-9]+(?:\.\p{Nd}+)?%?)/u

/**
 * Words of a Chinese text as jieba 0.42.1 cuts it in its precise mode, unknown words found by its hidden Markov model. The
 * package (jieba-rs with the same dictionary) is loaded at the first call.
 */
export function cut(text: string): string[] {
  cutter ??= createRequire(import.meta.url)('jieba-wasm') as typeof import('jieba-wasm')
  const words = cutter.cut(text, true)
  const right: string[] = []
  for (let i = 0; i < words.length; i++) {
    if (!UNCUT.test(words[i]!)) {
      right.push(words[i]!)
      continue
    }
    const start = i
    while (i + 1 < words.length && ASCII.test(words[i + 1]!)) i++
    const run = words.slice(start, i + 1).join('')
    right.push(...run.split(PIECES).filter(piece => piece !== ''))
  }
  return right
}
