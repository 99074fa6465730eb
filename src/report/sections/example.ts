import { gzipSync } from 'node:zlib'
import type { Json, Step } from '../../protocol/index.js'
import { ownValue } from '../../record/curve.js'
import { loraAfter } from '../adapters.js'
import type { ReportData } from '../data.js'
import { constant, type Markup, markup } from '../markup.js'
import type { PageData, PageExample } from '../page/data.js'
import { clean } from '../pictures/look.js'
import { OUTCOMES, outcomeIcon } from '../pictures/marks.js'
import { score, signed } from '../words.js'
import { pageModules } from './adapter.js'

/** Evaluators call the right answer by several names. */
const REFERENCES = ['golden_answer', 'golden', 'target', 'reference', 'answer']

/** Characters of one text that are in the page; the whole is in the record. */
const MOST_TEXT = 200_000
/** Examples that are in the page. */
const MOST_EXAMPLES = 20_000
/** Examples in the table for readers without script. */
const STATIC = 50

/** What was asked, for a line: the last message of the user. */
export const lastUserText = ({ messages }: Pick<Step, 'messages'>): string =>
  (messages.findLast(message => message.role === 'user')?.content ?? messages.at(-1)?.content ?? '').trim().slice(-300)

/** Every example, with a filter where scripts run; without, the first ones as a table. */
export function examples(data: ReportData): Markup {
  const { steps, summary, redacted } = data
  if (steps.length === 0) return markup``
  const [own, base] = summary.arms
  const rows = steps.slice(0, STATIC).map((step, i) => {
    const [a, b] = [own?.scores[i] ?? null, base?.scores[i] ?? null]
    const texts = redacted
      ? ''
      : markup`<td><bdi>${clean(lastUserText(step), 160)}</bdi></td><td><bdi>${clean(step.response.trim(), 160)}</bdi></td>${base ? markup`<td><bdi>${clean((ownValue(step.baselines, base.name)?.response ?? '').trim(), 160)}</bdi></td>` : ''}`
    return markup`<tr><td>${step.index}</td><td>${outcomeIcon(step.outcome.kind)} ${step.outcome.kind}</td><td>${score(a)}</td>${base ? markup`<td>${a === null || b === null ? '–' : signed(a - b)}</td>` : ''}${texts}</tr>`
  })
  const more = steps.length > STATIC ? `The first ${STATIC} of ${steps.length} examples` : 'All examples'
  return markup`<h2 id="examples">Examples</h2>
<div id="browser" hidden></div>
<div id="static"><p class="quiet">${more}, in short: filter, whole texts and differences need JavaScript, which is off or not supported here (it must know <code>DecompressionStream</code>).</p>
<div class="scroll"><table class="texts"><thead><tr><th scope="col">#</th><th scope="col">outcome</th><th scope="col">${clean(summary.metric ?? 'score', 20)}</th>${base ? markup`<th scope="col">− <bdi>${base.name}</bdi></th>` : ''}${redacted ? '' : markup`<th scope="col">asked</th><th scope="col">adapter</th>${base ? markup`<th scope="col"><bdi>${base.name}</bdi></th>` : ''}`}</tr></thead>
<tbody>${rows}</tbody></table></div></div>
<template id="icons">${OUTCOMES.map(kind => markup`<span data-kind="${kind}">${outcomeIcon(kind)}</span>`)}</template>
<script type="application/octet-stream" id="data">${packed(pageData(data))}</script>`
}

/** Data as gzip in base64. */
const packed = (data: PageData): Markup => constant(gzipSync(JSON.stringify(data), { level: 9 }).toString('base64'))

const pageData = ({ info, branch, steps, summary, norms, pictures }: ReportData): PageData => ({
  runId: info.runId,
  branch,
  metric: summary.metric,
  baselines: summary.arms.slice(1).map(({ name }) => name),
  norms,
  left: Math.max(0, steps.length - MOST_EXAMPLES),
  examples: steps.slice(0, MOST_EXAMPLES).map((step, i) => exampleOf(step, summary.arms[0]?.scores[i] ?? null)),
  modules: pictures ? pageModules(pictures) : [],
})

function exampleOf(step: Step, own: number | null): PageExample {
  const details = Object.entries(step.details).map(([name, value]) => [name, cut(jsonText(value))] as [string, string])
  return {
    index: step.index,
    key: step.key,
    chat: step.chatId,
    outcome: step.outcome,
    score: own,
    metrics: step.metrics,
    messages: step.messages.map(({ role, content }) => ({ role, content: cut(content) })),
    response: cut(step.response),
    baselines: Object.fromEntries(
      Object.entries(step.baselines).map(([name, { response, metrics }]) => [
        name,
        { response: cut(response), metrics },
      ]),
    ),
    reference: details.find(([name]) => REFERENCES.includes(name))?.[1] ?? null,
    details: details.filter(([name]) => !REFERENCES.includes(name)),
    losses: step.losses,
    targetLoss: step.targetLoss,
    tokens: step.tokens,
    ms: step.ms,
    before: step.retrievedLora?.identifier ?? null,
    after: loraAfter(step),
  }
}

const cut = (text: string): string =>
  text.length > MOST_TEXT
    ? `${text.slice(0, MOST_TEXT)}\n… the first ${MOST_TEXT} of ${text.length} characters; the record has the whole.`
    : text

const jsonText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))
