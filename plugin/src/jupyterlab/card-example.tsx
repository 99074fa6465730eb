import { score, short } from 'lora-harness/report'
import { referenceOf } from '../model/details.js'
import type { CardProps } from './card.js'
import { Table } from './table.js'
import { Text } from './text.js'

const metricsText = (metrics: Record<string, number>): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${score(value)}`)
    .join(', ')

/** One example: what was asked, answered, scored, learned. */
export function ExampleCard({ card: { step }, trans }: CardProps<'example'>) {
  const { index, outcome, messages, response, baselines, metrics, losses, targetLoss, chatId, key } = step
  const text = (of: string) => <Text of={of} trans={trans} />
  const named = (lora: { identifier: string } | null) => (lora ? short(lora.identifier) : trans.__('none'))
  const reference = referenceOf(step)
  const loss = losses.map(value => value.toFixed(3)).join(' → ')
  const target = targetLoss ? `${targetLoss.before.toFixed(3)} → ${targetLoss.after.toFixed(3)}` : ''
  const rows = [
    ...messages.map(({ role, content }) => [role.slice(0, 40), text(content)]),
    [trans.__('answer'), text(response)],
    ...Object.entries(baselines).map(([name, answer]) => [
      name,
      text(`${answer.response}${Object.keys(answer.metrics).length > 0 ? ` (${metricsText(answer.metrics)})` : ''}`),
    ]),
    ...(reference === null ? [] : [[trans.__('reference'), text(reference)]]),
    [trans.__('scores'), metricsText(metrics) || trans.__('none')],
    ...(loss ? [[trans.__('loss'), `${loss} nats/token`]] : []),
    ...(target ? [[trans.__('loss on the target'), `${target} nats/token`]] : []),
    [trans.__('adapter'), `${named(step.retrievedLora)} → ${named(step.updatedLora ?? step.retrievedLora)}`],
    [trans.__('example'), chatId === null ? key : trans.__('%1 · chat %2', key, chatId)],
  ]
  return (
    <>
      <p className="lh-Card-title">
        #{index} <span data-outcome={outcome.kind}>{trans.__(outcome.kind)}</span>
        {outcome.reason !== undefined && <bdi>: {outcome.reason.slice(0, 500)}</bdi>}
      </p>
      <Table head={['', '']} rows={rows} />
    </>
  )
}
