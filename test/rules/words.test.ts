import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))
/** Architectures, and what exporters and libraries call the parts of a decoder. */
const WORDS =
  /llama|qwen|gemma|\bphi|mistral|mixtral|smol|granite|olmo|falcon|gpt|bloom|deepseek|\blayers?[./]\S|_proj|self_attn|embed_tokens|lm_head\b|_layernorm/i

const found = (text: string): string[] => text.split('\n').filter(line => WORDS.test(line))

test.each(['rules', 'grad'])('%s/ looks at ops and shapes: it knows no architecture and no name of a layer', folder => {
  const files = readdirSync(`${SRC}${folder}`, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'))
  expect(files.length).toBeGreaterThan(3)
  const lines = files.flatMap(f => found(readFileSync(`${SRC}${folder}/${f}`, 'utf8')).map(line => `${f}: ${line}`))
  expect(lines).toEqual([])
})

test('such words are seen', () => {
  expect(found("if (node.name.includes('/layers.0/'))\nconst x = 1\nif (config.model_type === 'Qwen3')")).toHaveLength(
    2,
  )
})
