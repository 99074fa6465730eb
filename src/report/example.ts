import type { Json, Step } from '../protocol/index.js'
import { type Markup, markup } from './markup.js'
import type { Summary } from './series.js'
import { outcomeIcon } from './svg.js'
import { score, short, signed } from './words.js'

/** Evaluators call the right answer by several names. */
const REFERENCES = ['golden_answer', 'target', 'reference', 'answer']

/** Characters of one text that are shown; the whole is in steps.jsonl. */
const SHOWN = 20_000

/** One example of the report: a line that opens to everything that is known of it. */
export function exampleDetails(step: Step, i: number, { arms }: Summary): Markup {
  const own = arms[0]?.scores[i] ?? null
  const base = arms[1]?.scores[i] ?? null
  const against = own !== null && base !== null ? ` (${signed(own - base)})` : ''
  const details = Object.entries(step.details).map(([name, value]) => [name, jsonText(value)] as const)
  return markup`<details>
<summary><span class="n">#${step.index}</span><span title="${step.outcome.kind}">${outcomeIcon(step.outcome.kind)}</span><span>${score(own)}${against}</span><span class="ask"><bdi>${lastUserText(step)}</bdi></span></summary>
<div class="body" id="example-${step.index}">
<p class="quiet"><bdi>${step.key}</bdi>${step.chatId === null ? '' : markup` · chat <bdi>${step.chatId}</bdi>`} · ${outcomeText(step)}</p>
${step.messages.map(message => markup`<div><h3><bdi>${message.role}</bdi></h3>${text(message.content)}</div>`)}
<div class="texts">
<div><h3>adapter ${metricsText(step.metrics)}</h3>${text(step.response)}</div>
${Object.entries(step.baselines).map(([name, answer]) => markup`<div><h3><bdi>${name}</bdi> ${metricsText(answer.metrics)}</h3>${text(answer.response)}</div>`)}
${details.filter(([name]) => REFERENCES.includes(name)).map(([, value]) => markup`<div><h3>reference</h3>${text(value)}</div>`)}
</div>
<dl>
${details.filter(([name]) => !REFERENCES.includes(name)).map(([name, value]) => markup`<dt><bdi>${name}</bdi></dt><dd><bdi>${cut(value)}</bdi></dd>`)}
<dt>adapter used</dt><dd>${step.retrievedLora ? markup`<bdi>${short(step.retrievedLora.identifier)}</bdi>` : 'none'}</dd>
<dt>adapter after</dt><dd>${step.updatedLora ? markup`<bdi>${short(step.updatedLora.identifier)}</bdi>` : 'as before'}</dd>
${step.losses.length > 0 ? markup`<dt>losses</dt><dd>${step.losses.map(loss => loss.toFixed(3)).join(' → ')} nats/token</dd>` : ''}
${step.targetLoss ? markup`<dt>loss on the target</dt><dd>${step.targetLoss.before.toFixed(3)} → ${step.targetLoss.after.toFixed(3)} nats/token</dd>` : ''}
<dt>tokens</dt><dd>${step.tokens.prompt} in the prompt, ${step.tokens.new} new</dd>
<dt>time</dt><dd>${Object.entries(step.ms)
    .map(([stage, ms]) => `${stage} ${ms.toFixed(0)}`)
    .join(' · ')} ms</dd>
</dl>
</div>
</details>
`
}

/** `● updated`, with the reason where there is one. */
export const outcomeText = ({ outcome }: Step): Markup =>
  markup`${outcomeIcon(outcome.kind)} ${outcome.kind}${outcome.reason ? markup`: <bdi class="${outcome.kind}-text">${outcome.reason}</bdi>` : ''}`

/** What was asked, for a line: the last message of the user. */
export const lastUserText = ({ messages }: Step): string =>
  (messages.findLast(message => message.role === 'user')?.content ?? '').trim().slice(-300)

function text(value: string): Markup {
  if (value === '') return markup`<p class="quiet">(empty)</p>`
  if (value.length <= SHOWN) return markup`<pre dir="auto">${value}</pre>`
  return markup`<pre dir="auto">${value.slice(0, SHOWN)}</pre><p class="quiet">The first ${SHOWN} of ${value.length} characters; the whole is in steps.jsonl.</p>`
}

const cut = (value: string): string => (value.length > SHOWN ? `${value.slice(0, SHOWN)} …` : value)

const jsonText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

const metricsText = (metrics: Record<string, number>): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${+value.toFixed(4)}`)
    .join(', ')
