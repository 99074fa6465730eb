import type { OutcomeKind } from '../model/view.js'
import type { Words } from '../model/words.js'

/** The shape says the outcome, the colour only how loud it is. */
const SHAPES: Record<OutcomeKind, React.ReactElement> = {
  updated: <circle cx="6" cy="6" r="4" fill="currentColor" />,
  unchanged: <circle cx="6" cy="6" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  skipped: <path d="M2 6h8" stroke="currentColor" strokeWidth="3" />,
  failed: <path d="M2.5 2.5l7 7m0-7l-7 7" stroke="currentColor" strokeWidth="2" />,
}

export const OutcomeIcon = ({ kind }: { kind: OutcomeKind }) => (
  <svg className={`lh-Outcome lh-Outcome-${kind}`} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
    {SHAPES[kind]}
  </svg>
)

/** What an outcome is called, and what it means. */
const outcomeWords = (trans: Words): Record<OutcomeKind, readonly [word: string, meaning: string]> => ({
  updated: [trans.__('updated'), trans.__('Fine-tuning returned a new adapter; the next example is answered with it.')],
  unchanged: [trans.__('unchanged'), trans.__('Fine-tuning was tried and kept the adapter.')],
  skipped: [trans.__('skipped'), trans.__('This example was not trained on, on purpose.')],
  failed: [trans.__('failed'), trans.__('Fine-tuning failed; the adapter and the score are kept.')],
})

export const outcomeWord = (kind: OutcomeKind, trans: Words): string => outcomeWords(trans)[kind][0]

/** What an outcome means. */
export const outcomeMeaning = (kind: OutcomeKind, trans: Words): string => outcomeWords(trans)[kind][1]
