import type { Card, Step } from 'lora-harness/protocol'
import { type Markup, markup, short } from 'lora-harness/report'
import { BARE, type CardView, fitted, LEFT, view } from './card.js'
import { cut, line } from './text.js'

/** Characters of one text, on the first card that is small enough. */
const LENGTHS = [20_000, 2_000, 200]

/** One example: what was asked, answered, scored, learned. @param where the place in a cell that failed, if it is known */
export function exampleCard(id: string, step: Step, where?: string): CardView {
  function* forms(): Iterable<Card> {
    yield { v: 1, left: null, kind: 'example', id, step }
    for (const most of LENGTHS)
      yield { v: 1, left: `texts are cut to ${most} characters`, kind: 'example', id, step: cutTexts(step, most) }
  }
  const card = fitted(forms())
  const rows = rowsOf(step, where)
  const text = [`#${step.index} ${outcomeText(step)}`, ...rows.map(([name, value]) => `${name}: ${cut(value, 2000)}`)]
  return view(card, { text: text.join('\n'), html: html(step, rows) })
}

/** Every text of a step, cut. */
const cutTexts = (step: Step, most: number): Step =>
  JSON.parse(JSON.stringify(step), (_key, value) =>
    typeof value === 'string' && value.length > most ? cut(value, most) : value,
  ) as Step

const outcomeText = ({ outcome }: Step): string =>
  outcome.reason === undefined ? outcome.kind : `${outcome.kind}: ${cut(outcome.reason, 500)}`

const metricsText = (metrics: Step['metrics']): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${line(name)} ${+value.toFixed(4)}`)
    .join(', ')

/** What is known of an example, as names and values. */
function rowsOf(step: Step, where: string | undefined): [name: string, value: string][] {
  const { messages, response, metrics, baselines, losses, targetLoss, retrievedLora, updatedLora, chatId } = step
  const reference = step.details.golden_answer ?? step.details.golden ?? step.details.target
  return [
    ...messages.map(({ role, content }): [string, string] => [line(role, 20), content]),
    ['answer', response],
    ...Object.entries(baselines).map(([name, answer]): [string, string] => [
      line(name, 30),
      `${answer.response}${Object.keys(answer.metrics).length > 0 ? ` (${metricsText(answer.metrics)})` : ''}`,
    ]),
    ...(typeof reference === 'string' ? [['reference', reference] as [string, string]] : []),
    ['scores', metricsText(metrics) || 'none'],
    ...(where === undefined ? [] : [['failed in', where] as [string, string]]),
    ...(losses.length > 0
      ? [['loss', `${losses.map(loss => loss.toFixed(3)).join(' → ')} nats/token`] as [string, string]]
      : []),
    ...(targetLoss
      ? [['loss on the target', `${targetLoss.before.toFixed(3)} → ${targetLoss.after.toFixed(3)}`] as [string, string]]
      : []),
    ['adapter', `${name(retrievedLora)} → ${updatedLora ? name(updatedLora) : 'as before'}`],
    ['example', `${step.key}${chatId === null ? '' : ` · chat ${chatId}`}`],
  ]
}

const name = (lora: { identifier: string } | null): string => (lora ? line(short(lora.identifier), 40) : 'none')

const html = (step: Step, rows: readonly [string, string][]): Markup =>
  markup`<p><b>#${step.index}</b> <bdi>${outcomeText(step)}</bdi></p><table><tbody>${rows.map(
    ([name, value]) =>
      markup`<tr><th ${LEFT}><bdi>${name}</bdi></th><td ${LEFT}><pre dir="auto" ${BARE}>${cut(value, 20_000)}</pre></td></tr>`,
  )}</tbody></table>`
