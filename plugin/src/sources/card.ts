import type { Card, Outcome, Step, TimelinePoint } from 'lora-harness/protocol'
import { RunStore } from '../model/store.js'
import { SavedSource } from './saved.js'

const OUTCOMES: Readonly<Record<string, Outcome['kind']>> = { u: 'updated', h: 'unchanged', s: 'skipped', f: 'failed' }
const STATUSES = ['finished', 'failed'] as const
const NONE = { retrieveLoraFn: '', inferenceFn: '', finetuneFn: '' }

/** A run as a notebook's output holds it, read only: scores and outcomes of all its examples, texts of some. */
export function cardSource(
  card: Card & { kind: 'run' | 'timeline' },
  schedule?: (tell: () => void) => void,
): SavedSource {
  const { id, runId, folder, branch, branches, total, error, columns, summary, events } = card
  const store = new RunStore(id, schedule)
  const points = pointsOf(card)
  store.apply({
    type: 'state',
    state: {
      ...{ id, runId, folder, branch, total, error, index: columns.from + points.length, stage: null, callables: NONE },
      status: STATUSES.find(status => status === card.status) ?? 'idle',
    },
  })
  // The card holds the branch it shows, with what it has of its parents; where it left them is known, what they did is not.
  const own = branches.find(({ name }) => name === branch)
  const line = { name: branch, parent: null, at: columns.from, skipUpdates: own?.skipUpdates ?? [] }
  store.apply({ type: 'branches', branches: [line], current: branch })
  store.apply({ type: 'points', branch, from: columns.from, points })
  for (const [n, event] of events.entries()) store.apply({ type: 'event', n, event: { ...event, time: '' } })
  const texts = new Map(card.examples.map(example => [example.index, example]))
  return new SavedSource(store, 'this notebook', 'This is what the notebook holds: open the run to do more', {
    example: ({ index }) => {
      const text = texts.get(index)
      const point = points[index - columns.from]
      if (!text || !point)
        throw new Error(
          `The texts of ${texts.size} of ${summary.examples} examples are stored in this notebook; #${index} is not among them`,
        )
      return stepOf(point, { runId, branch, seed: card.seed, ...text })
    },
    lineage: () => ({ current: branch, branches: [{ ...line, length: columns.from + points.length }], adapters: [] }),
  })
}

function pointsOf({ columns, summary }: Card & { kind: 'run' | 'timeline' }): TimelinePoint[] {
  const { from, scores, baselines, outcomes, chat, chats } = columns
  const metrics = (score: number | null | undefined) =>
    score == null || summary.metric === null ? {} : { [summary.metric]: score }
  return scores.map((score, i) => ({
    ...{ index: from + i, key: String(from + i), chatId: chats[chat[i] ?? -1] ?? null, metrics: metrics(score) },
    ...{ losses: [], targetLoss: null, outcome: OUTCOMES[outcomes[i] ?? ''] ?? 'failed' },
    baselines: Object.fromEntries(baselines.map(({ name, scores }) => [name, metrics(scores[i])])),
    ...{ finetuneFn: '', lora: null },
  }))
}

/** An example with what is known of it: two texts and its numbers. */
function stepOf(
  { index, key, chatId, metrics, baselines, outcome }: TimelinePoint,
  about: { runId: string; branch: string; seed: number; question: string; response: string },
): Step {
  const { runId, branch, seed, question, response } = about
  return {
    ...{ v: 1, runId, branch, index, key, datasetName: '', split: null, testIdx: index, chatId, lang: '' },
    ...{ messages: [{ role: 'user', content: question }], response, metrics, details: {} },
    baselines: Object.fromEntries(Object.entries(baselines).map(([name, m]) => [name, { response: '', metrics: m }])),
    ...{ retrievedLora: null, updatedLora: null, outcome: { kind: outcome }, callables: NONE, seed },
    ...{ losses: [], targetLoss: null, tokens: { prompt: 0, new: 0 } },
    ...{ ms: { retrieve: 0, infer: 0, evaluate: 0, finetune: 0, record: 0 }, startedAt: '' },
  }
}
