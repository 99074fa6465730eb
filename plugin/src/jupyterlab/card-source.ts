import type { Card, Step } from 'lora-harness/protocol'
import type { RunSource } from '../model/source.js'
import { RunStore } from '../model/store.js'

const KINDS = { u: 'updated', h: 'unchanged', s: 'skipped', f: 'failed' } as const

export function cardSource(card: Card & { kind: 'run' | 'timeline' }): RunSource {
  const store = new RunStore(card.id)
  const { columns, summary } = card
  const metric = summary.metric ?? 'score'
  store.apply({
    type: 'state',
    state: {
      id: card.id,
      runId: card.runId,
      folder: card.folder,
      branch: card.branch,
      status: 'finished',
      index: summary.examples,
      total: card.total,
      stage: null,
      error: card.error,
      callables: { retrieveLoraFn: '', inferenceFn: '', finetuneFn: '' },
    },
  })
  store.apply({
    type: 'branches',
    branches: [{ name: card.branch, parent: null, at: 0, skipUpdates: [] }],
    current: card.branch,
  })
  store.apply({
    type: 'points',
    branch: card.branch,
    from: 0,
    points: columns.scores.map((score, i) => ({
      index: columns.from + i,
      key: String(i),
      chatId: columns.chats[columns.chat[i]!] ?? null,
      metrics: score === null ? {} : { [metric]: score },
      losses: [],
      targetLoss: null,
      outcome: KINDS[columns.outcomes[i] as 'u'],
      finetuneFn: '',
      lora: null,
      baselines: Object.fromEntries(
        columns.baselines.map(b => [b.name, b.scores[i] == null ? {} : { [metric]: b.scores[i]! }]),
      ),
    })),
  })
  store.set({ connection: { kind: 'stored', what: 'this notebook' } })
  return {
    store,
    cannot: () => 'This is a stored card',
    reconnect() {},
    dispose() {},
    async ask(request) {
      const found = request.type === 'example' && card.examples.find(e => e.index === request.index)
      if (!found) throw new Error('not stored in this notebook')
      const p = store.line(card.branch)[found.index]!
      return {
        v: 1,
        runId: card.runId,
        branch: card.branch,
        index: found.index,
        key: p.key,
        datasetName: '',
        split: null,
        testIdx: 0,
        chatId: p.chatId,
        lang: '',
        messages: [{ role: 'user', content: found.question }],
        response: found.response,
        metrics: p.metrics,
        details: {},
        baselines: {},
        retrievedLora: null,
        updatedLora: null,
        outcome: { kind: p.outcome },
        callables: { retrieveLoraFn: '', inferenceFn: '', finetuneFn: '' },
        seed: 0,
        losses: [],
        targetLoss: null,
        tokens: { prompt: 0, new: 0 },
        ms: { retrieve: 0, infer: 0, evaluate: 0, finetune: 0, record: 0 },
        startedAt: '',
      } satisfies Step as never
    },
  }
}
