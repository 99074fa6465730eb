import type { Card } from 'lora-harness/protocol'

const scores = Array.from({ length: 40 }, (_, i) => (i % 5) / 4)

/** A card of a run of 340 examples, of which it holds the last 40. */
export const card: Card & { kind: 'run' | 'timeline' } = {
  ...{ v: 1, left: '300 examples are left out', kind: 'run', id: 'people', runId: 'r7', folder: null, branch: 'main' },
  ...{ status: 'finished', error: null, seed: 3, total: 340 },
  summary: {
    ...{ examples: 340, metric: 'f1', score: 0.5, baselines: [{ name: 'base', score: 0.4, difference: null }] },
    outcomes: { updated: 340, unchanged: 0, skipped: 0, failed: 0 },
  },
  columns: {
    ...{ from: 300, scores, outcomes: 'u'.repeat(40), chat: scores.map(() => -1), chats: [] },
    baselines: [{ name: 'base', scores: scores.map(() => 0.4) }],
  },
  branches: [{ name: 'main', parent: null, at: 0, skipUpdates: [] }],
  events: [
    { type: 'swap', branch: 'main', index: 20 },
    { type: 'swap', branch: 'main', index: 310 },
  ],
  examples: [{ index: 304, question: 'who?', response: 'me' }],
}
