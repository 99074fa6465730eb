import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LoRAHarness, LoRAStore, rehearse } from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { ask, collect, toy } from './toy.js'

const handle = (identifier: string, embedding?: number[]) =>
  new LoRAHandle({ identifier, ...(embedding && { embedding }) })
const done = (chatId: string | undefined, lora: LoRAHandle | null, response = '') => ({
  example: ask(0, 'q', 'a', chatId),
  handle: lora,
  metrics: { f1: 1 },
  response,
})

test('getLast: the last adapter of a chat; set only where there are both a chat and an adapter', () => {
  const store = new LoRAStore()
  store.record(done('a', handle('one')))
  store.record(done('b', handle('two')))
  store.record(done('a', null))
  store.record(done(undefined, handle('three')))
  expect(store.getLast('a')!.identifier).toBe('one')
  expect(store.getLast('b')!.identifier).toBe('two')
  expect(store.getLast('c')).toBeUndefined()
  expect(store.getLast(undefined)).toBeUndefined()
  expect(store.records.map(r => r.lora?.identifier)).toEqual(['one', 'two', undefined, 'three'])
})

test('records are copies of what was given', () => {
  const store = new LoRAStore()
  const given = { ...done('a', handle('x', [1, 2]), 'text') }
  store.record(given)
  const { records } = store
  given.metrics.f1 = 0
  store.record(given)
  expect(records).toEqual([
    {
      dataset: 'toy',
      testIdx: 0,
      chatId: 'a',
      lora: given.handle,
      metrics: { f1: 1 },
      response: 'text',
      embedding: [1, 2],
    },
  ])
})

test('searchByEmbedding: by cosine, stable, same length only, zero vectors count 0', () => {
  const store = new LoRAStore()
  for (const [name, embedding] of [
    ['opposite', [-1, 0]],
    ['zero', [0, 0]],
    ['twice', [2, 0]],
    ['longer', [1, 0, 0]],
    ['none', undefined],
    ['once', [1, 0]],
    ['slanted', [1, 1]],
  ] as [string, number[] | undefined][])
    store.record(done('a', handle(name, embedding)))
  const names = (query: number[], topK?: number) => store.searchByEmbedding(query, topK).map(r => r.lora!.identifier)
  expect(names([3, 0])).toEqual(['twice'])
  expect(names([3, 0], 9)).toEqual(['twice', 'once', 'slanted', 'zero', 'opposite'])
  expect(names([0, 0], 9)).toEqual(['opposite', 'zero', 'twice', 'once', 'slanted'])
  expect(names([1], 9)).toEqual([])
  expect(names([1, 0], 0)).toEqual([])
})

test('searchByEmbedding: the first has the greatest cosine of all', () => {
  const vector = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 })
  const cosine = (a: number[], b: number[]) => {
    const norm = Math.hypot(...a) * Math.hypot(...b)
    return norm === 0 ? 0 : a.reduce((s, x, i) => s + x * b[i]!, 0) / norm
  }
  fc.assert(
    fc.property(fc.array(vector, { minLength: 1 }), vector, (embeddings, query) => {
      const store = new LoRAStore()
      for (const [i, embedding] of embeddings.entries()) store.record(done('a', handle(String(i), embedding)))
      const [first] = store.searchByEmbedding(query)
      const best = Math.max(...embeddings.map(e => cosine(query, e)))
      // 1e-12: hypot and the square root of a sum of squares may differ in the last bits.
      expect(cosine(query, [...first!.embedding!])).toBeGreaterThanOrEqual(best - 1e-12)
    }),
  )
})

test('rehearse: earlier examples of the chat that have a target, each once, the same for the same seed', async () => {
  const { target: _, ...without } = ask(9, 'no target', '', 'a')
  const examples = [...Array(8).keys()].map(i => ask(i, `q${i}`, `a${i}`, i % 2 ? 'a' : 'b'))
  const harness = new LoRAHarness({ exampleSource: [...examples, without], ...toy })
  await collect(harness.run())
  const pick = (count: number, seed: number, chatId?: string) =>
    rehearse(harness.results, { chatId, count, seed }).map(item => `${item.messages[0]!.content} ${item.target}`)
  expect(pick(9, 1, 'a').sort()).toEqual(['q1 a1', 'q3 a3', 'q5 a5', 'q7 a7'])
  expect(pick(2, 1, 'a')).toHaveLength(2)
  expect(pick(2, 1, 'a')).toEqual(pick(2, 1, 'a'))
  expect(new Set([...Array(20).keys()].map(seed => pick(4, seed, 'a').join())).size).toBeGreaterThan(5)
  expect(pick(99, 0)).toHaveLength(8)
  expect(pick(3, 0, 'nobody')).toEqual([])
})
