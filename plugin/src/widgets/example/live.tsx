import { usePanel, useRun, useView } from '../../context.js'
import { pick } from '../../model/moves.js'
import { lineOf } from '../../model/shown.js'
import { beginOf, SHOWN } from '../../model/worddiff.js'
import { counted } from '../list/filters.js'
import { Go } from './heading.js'

/** The example that is being worked on: its answer as it comes, or which of its stages is waited for. */
export function Live() {
  const { trans } = usePanel()
  const run = useRun()
  const view = useView()
  const { token, state } = run
  const last = lineOf(run, view).length - 1
  const index = token?.index ?? state?.index ?? 0
  const text = token?.text ?? ''
  const stages: Record<string, string> = {
    retrieve: trans.__('choosing an adapter'),
    infer: trans.__('waiting for the first token'),
    evaluate: trans.__('scoring the answer'),
    finetune: trans.__('fine-tuning'),
    record: trans.__('recording'),
  }
  const stage = state?.stage ?? null
  const isAnswering = text !== '' && (stage === null || stage === 'infer')
  return (
    <section className="lh-Detail" data-lh="live" aria-label={trans.__('Example %1', index)} aria-busy="true">
      <header className="lh-Heading">
        <h2 className="lh-Heading-name">
          #{index}:{' '}
          {isAnswering
            ? trans.__('generating, %1 characters', counted(text.length))
            : ((stage === null ? undefined : stages[stage]) ?? trans.__('waiting for the model'))}
        </h2>
        <span className={isAnswering ? 'lh-Pulse' : 'lh-Wait'} aria-hidden="true" />
        <span className="lh-Heading-buttons">
          <Go id="previous" sign="◀" to={last < 0 ? null : pick(run, view, last)} />
        </span>
      </header>
      <div className="lh-Detail-body">
        <h3>{trans.__('Answer')}</h3>
        <div className="lh-Text" dir="auto" data-lh="streamed">
          {text.length > SHOWN ? `… ${beginOf(text.slice(-SHOWN))}` : text}
          {isAnswering && <span className="lh-Caret" aria-hidden="true" />}
        </div>
      </div>
    </section>
  )
}
