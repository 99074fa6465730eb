import type { Branch, Card, CardColumns, CardExample, RunEvent, RunState, TimelinePoint } from 'lora-harness/protocol'
import { headline, type Markup, ownValue } from 'lora-harness/report'
import { type CardView, fitted, view } from './card.js'
import { summaryOf, summaryText } from './summary.js'
import { line } from './text.js'

/** What a card of a run is made of. */
export interface RunAtOnce {
  state: RunState
  seed: number
  /** Of the current branch, with those of its parents. */
  points: readonly TimelinePoint[]
  branches: readonly Branch[]
  events: readonly RunEvent[]
  /** Texts of one example. */
  example: (index: number) => CardExample
}

/** Texts of so many examples are on a card: the last ones. */
const TEXTS = 200
/** Characters of a text. */
const TEXT = 300

/**
 * A run's numbers and its timeline.
 *
 * @param live leave out what takes long: texts, intervals, sharpness of the picture
 */
export function runCard(kind: 'run' | 'timeline', run: RunAtOnce, picture?: () => Markup, live = false): CardView {
  const { state, seed, points, branches, events, example } = run
  const summary = summaryOf(points, { intervals: !live, seed })
  const base = {
    v: 1 as const,
    kind,
    ...{ id: state.id, runId: state.runId, folder: state.folder, branch: state.branch, status: state.status },
    ...{ error: state.error, seed, total: state.total, summary },
    branches: [...branches],
    events: events.map(({ type, branch, index }) => ({ type, branch, index })),
  }
  function* forms(): Iterable<Card> {
    const texts = live ? 0 : Math.min(TEXTS, points.length)
    for (const n of texts > 0 ? [texts, Math.ceil(texts / 10), 0] : [0]) {
      const examples = points.slice(points.length - n).map(({ index }) => example(index))
      const left =
        n < points.length && !live ? `texts of ${n} of ${points.length} examples are stored in this notebook` : null
      yield { ...base, left, columns: columnsOf(points, 0), examples }
    }
    for (let n = points.length; n > 0; n = Math.floor(n / 2)) {
      const left = `texts of no example and scores of the last ${n} of ${points.length} examples are stored in this notebook`
      yield { ...base, left, columns: columnsOf(points, points.length - n), examples: [], events: [] }
    }
  }
  return view(fitted(forms()), {
    text: runText(state, seed, summaryText(summary)),
    ...(picture && { svg: picture, zoom: live ? 1 : 2 }),
  })
}

/** The texts of an example as a card has them. */
export const exampleTexts = (index: number, question: string, response: string): CardExample => ({
  index,
  question: line(question, TEXT),
  response: line(response, TEXT),
})

const rounded = (value: number | undefined): number | null => (value === undefined ? null : +value.toFixed(4))
const LETTERS = { updated: 'u', unchanged: 'h', skipped: 's', failed: 'f' } as const

/** @param from the first example that is kept */
export function columnsOf(all: readonly TimelinePoint[], from: number): CardColumns {
  const points = all.slice(from)
  const metric = headline(all)
  const of = (metrics: TimelinePoint['metrics'] | undefined) =>
    metric === null ? null : rounded(ownValue(metrics, metric))
  const chats = new Map<string, number>()
  const chat = points.map(({ chatId }) => {
    if (chatId === null) return -1
    if (!chats.has(chatId)) chats.set(chatId, chats.size)
    return chats.get(chatId)!
  })
  const names = [...new Set(all.flatMap(point => Object.keys(point.baselines)))]
  return {
    from,
    scores: points.map(({ metrics }) => of(metrics)),
    baselines: names.map(name => ({ name, scores: points.map(({ baselines }) => of(ownValue(baselines, name))) })),
    outcomes: points.map(({ outcome }) => LETTERS[outcome]).join(''),
    chat,
    chats: [...chats.keys()],
  }
}

/** `LoRA run r7: …`, and where it stands. */
function runText({ id, branch, status, index, total, stage, error, folder }: RunState, seed: number, numbers: string) {
  const at = `${status}${where(status, index, total, stage)}`
  const what = [at, `branch ${line(branch)}`, `seed ${seed}`, folder === null ? 'kept in memory only' : folder]
  return [`LoRA run ${id}: ${numbers}`, what.join(' · '), ...(error === null ? [] : [error])].join('\n')
}

function where(status: RunState['status'], index: number, total: number | null, stage: string | null): string {
  if (status === 'finished') return ''
  const of = total === null ? '' : ` of ${total}`
  if (status === 'running' || status === 'pausing') return `: example ${index}${of}${stage ? `, ${stage}` : ''}`
  return index > 0 ? ` after example ${index - 1}${of}` : ', no example run yet'
}
