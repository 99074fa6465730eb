import type { Card } from 'lora-harness/protocol'
import { expect, test } from 'vitest'
import { cardSource } from '../src/sources/card.js'

const card: Card & { kind: 'run' | 'timeline' } = {
  ...{
    v: 1,
    left: null,
    kind: 'run',
    id: 'people',
    runId: 'r7',
    folder: 'runs/r7',
    branch: 'again',
    status: 'stopped',
  },
  ...{ error: null, seed: 3, total: 10 },
  summary: {
    ...{ examples: 4, metric: 'f1', score: 0.5, baselines: [] },
    outcomes: { updated: 1, unchanged: 1, skipped: 1, failed: 1 },
  },
  columns: {
    ...{ from: 5, scores: [0.25, null, 1, 0], outcomes: 'uhsf', chat: [0, 0, -1, 1], chats: ['a', 'b'] },
    baselines: [{ name: 'base', scores: [0.5, 0.5, null, 1] }],
  },
  branches: [
    { name: 'main', parent: null, at: 0, skipUpdates: [] },
    { name: 'again', parent: 'main', at: 6, skipUpdates: [7] },
  ],
  events: [{ type: 'swap', branch: 'again', index: 7 }],
  examples: [{ index: 6, question: 'who?', response: 'me' }],
}

test('a card’s examples, in their places', async () => {
  const source = cardSource(card)
  const { store } = source
  expect(store.connection).toMatchObject({ kind: 'stored' })
  expect(store.state).toMatchObject({ runId: 'r7', status: 'idle', index: 9, total: 10 })
  expect(store.line('again').map(({ index, outcome, metrics, chatId }) => [index, outcome, metrics, chatId])).toEqual([
    [5, 'updated', { f1: 0.25 }, 'a'],
    [6, 'unchanged', {}, 'a'],
    [7, 'skipped', { f1: 1 }, null],
    [8, 'failed', { f1: 0 }, 'b'],
  ])
  expect(store.line('again')[2]!.baselines).toEqual({ base: {} })
  expect(store.events).toMatchObject([{ type: 'swap', index: 7 }])
  expect(await source.ask({ type: 'example', branch: 'again', index: 6 })).toMatchObject({
    ...{ index: 6, response: 'me', messages: [{ role: 'user', content: 'who?' }], chatId: 'a' },
  })
  await expect(source.ask({ type: 'example', branch: 'again', index: 7 })).rejects.toThrow(
    'The texts of 1 of 4 examples are stored in this notebook; #7 is not among them',
  )
  for (const type of ['pause', 'adapters', 'path', 'annotate'] as const)
    expect(source.cannot(type)).toContain('what the notebook holds')
})
