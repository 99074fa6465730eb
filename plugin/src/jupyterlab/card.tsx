import type { TranslationBundle } from '@jupyterlab/translation'
import type { Card } from 'lora-harness/protocol'
import { readCard, type Unreadable } from '../model/read-card.js'
import { Boundary } from './boundary.js'
import { Callables } from './card-callables.js'
import { ExampleCard } from './card-example.js'
import { RunCardView } from './card-run.js'
import { Comparison, Diff, Lineage, Progress } from './card-tables.js'
import { Text } from './text.js'

export interface CardProps<K extends Card['kind'] = Card['kind']> {
  card: Card & { kind: K }
  trans: TranslationBundle
}

/**
 * An output of a notebook, drawn from its data alone: no kernel, no trust.
 *
 * @param data untrusted
 * @param text the same output in words, for where the data cannot be drawn
 */
export function StoredCard({ data, text, trans }: { data: unknown; text: string; trans: TranslationBundle }) {
  const card = readCard(data)
  if (!('kind' in card)) return <Words why={whyNot(card, trans)} {...{ text, trans }} />
  return (
    <Boundary
      instead={({ message }) => (
        <Words why={trans.__('This card could not be drawn: %1', message)} {...{ text, trans }} />
      )}
    >
      <div className="lh-Card" data-lh="card" data-kind={card.kind}>
        {drawn(card, trans)}
        {card.left !== null && <p className="lh-Card-left">{card.left}</p>}
      </div>
    </Boundary>
  )
}

function drawn(card: Card, trans: TranslationBundle) {
  switch (card.kind) {
    case 'run':
    case 'timeline':
      return <RunCardView {...{ card, trans }} />
    case 'example':
      return <ExampleCard {...{ card, trans }} />
    case 'diff':
      return <Diff {...{ card, trans }} />
    case 'lineage':
      return <Lineage {...{ card, trans }} />
    case 'comparison':
      return <Comparison {...{ card, trans }} />
    case 'callables':
      return <Callables {...{ card, trans }} />
    case 'progress':
      return <Progress {...{ card, trans }} />
  }
}

const whyNot = ({ version, why }: Unreadable, trans: TranslationBundle): string =>
  version === null
    ? trans.__('This output is no card that can be read (%1). Its words:', why)
    : trans.__('This card was written by another version of LoRA Harness (cards of version %1). Its words:', version)

function Words({ why, text, trans }: { why: string; text: string; trans: TranslationBundle }) {
  return (
    <div className="lh-Card" data-lh="card-words">
      <p>{why}</p>
      <Text of={text} trans={trans} />
    </div>
  )
}
