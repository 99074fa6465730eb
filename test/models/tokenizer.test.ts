import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readGguf } from '../../src/models/gguf.js'
import { type TokenizerFiles, tokenizerFiles } from '../../src/models/tokenizer.js'
import { ggufBytes, type Meta, tinyLlama } from './tiny-gguf.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizer-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function files(change: Record<string, Meta> = {}): Promise<TokenizerFiles> {
  const path = join(folder, 'tiny.gguf')
  await writeFile(path, ggufBytes({ ...tinyLlama().metadata, ...change }, []))
  return tokenizerFiles(await readGguf(path), 64)
}

test('special tokens, their roles and the chat template are carried over', async () => {
  const types = Array.from({ length: 288 }, (_, i) => (i < 3 ? 3 : i === 3 ? 4 : 1))
  const { tokenizer, config } = await files({ 'tokenizer.ggml.token_type': { i32s: types } })
  const added = (tokenizer as { added_tokens: { id: number; content: string; special: boolean }[] }).added_tokens
  // Control tokens are special; tokens defined by a user are found whole in the text too, but stay in what is decoded.
  expect(added.map(t => [t.id, t.special])).toEqual([
    [0, true],
    [1, true],
    [2, true],
    [3, false],
  ])
  expect(config).toMatchObject({
    bos_token: '<|1|>',
    eos_token: '<|2|>',
    pad_token: '<|2|>',
    unk_token: '<|0|>',
    model_max_length: 64,
    chat_template: "{% for m in messages %}{{ m['content'] }}{% endfor %}",
  })
})

test('a merge is cut at the first space that has something before it', async () => {
  const { tokenizer } = await files({ 'tokenizer.ggml.merges': { texts: ['a b', 'ab c'] } })
  expect((tokenizer as { model: { merges: string[][] } }).model.merges).toEqual([
    ['a', 'b'],
    ['ab', 'c'],
  ])
})

describe('what cannot be carried over is named', () => {
  test.each<[string, Record<string, Meta>, string]>([
    [
      'unknown way of cutting text',
      { 'tokenizer.ggml.pre': { text: 'llama-bpe' } },
      'it cuts text by the rules named llama-bpe; known are smollm',
    ],
    [
      'a name that every object has',
      { 'tokenizer.ggml.pre': { text: 'constructor' } },
      'the rules named constructor; known are smollm',
    ],
    [
      'another kind',
      { 'tokenizer.ggml.model': { text: 'llama' } },
      'its kind is llama; only byte pairs (gpt2) are supported',
    ],
    [
      'a first token before every text',
      { 'tokenizer.ggml.add_bos_token': { flag: true } },
      'it puts a first token before every text',
    ],
    ['types of fewer tokens', { 'tokenizer.ggml.token_type': { i32s: [3] } }, 'it has 288 tokens, but the types of 1'],
    ['equal tokens', { 'tokenizer.ggml.tokens': { texts: Array(288).fill('a') } }, 'only 1 of its 288 tokens differ'],
    ['half a merge', { 'tokenizer.ggml.merges': { texts: ['ab'] } }, 'merge "ab" is not a pair'],
    ['a role for no token', { 'tokenizer.ggml.eos_token_id': { u32: 300 } }, 'its eos token is number 300 of 288'],
    [
      'no chat template',
      { 'tokenizer.chat_template': { u32: 1 } },
      'metadata tokenizer.chat_template must be a text, found number 1',
    ],
  ])('%s', async (_, change, text) => {
    await expect(files(change)).rejects.toThrow(text)
  })
})
