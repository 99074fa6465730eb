import type { Annotation, TimelinePoint } from 'lora-harness/protocol'
import { score, signed } from 'lora-harness/report'
import { memo } from 'react'
import { usePanel } from '../../context.js'
import type { Texts } from '../../model/details.js'
import { differenceOf, scoreOf } from '../../model/shown.js'
import { beginOf } from '../../model/worddiff.js'
import { OutcomeIcon, outcomeWord } from '../outcome.js'
import { CELL } from './roles.js'

/** Characters of a text in a row. */
const SHORT = 60

/** A difference with the direction as a shape too. */
export const Delta = ({ value }: { value: number | null }) => (
  <span className={value === null || Math.abs(value) < 0.005 ? 'lh-muted' : value < 0 ? 'lh-Worse' : 'lh-Better'}>
    {value === null ? '–' : signed(value)}
  </span>
)

interface Props {
  id: string
  point: TimelinePoint
  /** From 1, among all rows; the head is the first. */
  place: number
  /** Distance from the top of the list [px]. */
  top: number
  height: number
  selected: boolean
  other: boolean
  hasChats: boolean
  metric: string | null
  baseline: string | null
  texts: Texts | undefined
  error: string | null
  annotation: Annotation | undefined
}

/** One example in the list. */
export const Row = memo(function Row(props: Props) {
  const { point, metric, baseline, texts, error, annotation } = props
  const { trans } = usePanel()
  return (
    <div
      {...{ id: props.id, role: 'row', 'aria-rowindex': props.place, 'aria-selected': props.selected }}
      className={`lh-Row${props.selected ? ' lh-mod-selected' : ''}${props.other ? ' lh-mod-other' : ''}`}
      style={{ transform: `translateY(${props.top}px)`, height: props.height }}
      data-lh="row"
      data-index={point.index}
      tabIndex={-1}
    >
      <span {...CELL} className="lh-Digits">
        {point.index}
      </span>
      <span {...CELL} title={outcomeWord(point.outcome, trans)}>
        <OutcomeIcon kind={point.outcome} />
        <span className="lh-hidden">{outcomeWord(point.outcome, trans)}</span>
      </span>
      <span {...CELL} className="lh-Digits">
        {score(scoreOf(point, metric))}
      </span>
      {baseline !== null && (
        <span {...CELL} className="lh-Digits">
          <Delta value={differenceOf(point, baseline, metric)} />
        </span>
      )}
      {props.hasChats && (
        <span {...CELL} className="lh-Row-chat">
          <bdi title={beginOf(point.chatId ?? '', 500)}>{beginOf(point.chatId ?? '–', SHORT)}</bdi>
        </span>
      )}
      <span {...CELL} className="lh-Row-text">
        {annotation?.tags.slice(0, 3).map(tag => (
          <bdi key={tag} className="lh-Tag">
            {beginOf(tag, 20)}
          </bdi>
        ))}
        {annotation && annotation.note !== '' && (
          <span className="lh-Tag lh-Tag-note" title={beginOf(annotation.note, 500)}>
            {trans.__('note')}
          </span>
        )}
        {texts ? (
          <bdi>{beginOf(texts.question.replace(/\s+/g, ' '), SHORT)}</bdi>
        ) : (
          <span className="lh-muted" title={error ?? undefined}>
            {error === null ? '…' : trans.__('(text not available)')}
          </span>
        )}
      </span>
    </div>
  )
})
