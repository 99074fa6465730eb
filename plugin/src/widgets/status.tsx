import { useRef } from 'react'
import { usePanel, useRun } from '../context.js'
import { Rate } from '../model/rate.js'
import { type Doing, doingOf, stageOf } from '../model/status.js'
import { durationOf, secondsOf } from '../model/words.js'
import { useNow } from './clock.js'
import { CommandButton } from './command.js'
import { Icon, type IconName } from './icons.js'

const SIGNS: Record<Doing, IconName> = {
  ...{ running: 'dot', pausing: 'pause', paused: 'pause', idle: 'ring', finished: 'check', failed: 'close' },
  ...{ stored: 'saved', lost: 'broken', loading: 'ring' },
}

/** Which run this is, what it is doing, how far it is and how long it will take. */
export function StatusLine() {
  const { trans: t, openInMain } = usePanel()
  const run = useRun()
  const { state, connection } = run
  const [doing, words] = doingOf(run, t)
  const rate = useRef(new Rate())
  const isLive = connection.kind === 'live' && doing === 'running'
  const now = useNow(isLive)
  rate.current.note(run.line(run.current).length, now, isLive)
  const each = rate.current.each
  const left = state?.total == null ? null : state.total - state.index
  const stage = stageOf(run, t)
  return (
    <header className="lh-Status" data-lh="status">
      <h2 className="lh-Status-run" title={state?.folder ?? undefined}>
        {run.id}
      </h2>
      {state && run.id !== state.runId && (
        <span className="lh-Status-id" title={state.runId}>
          {state.runId.slice(0, 8)}
        </span>
      )}
      <span className="lh-Status-doing" data-lh="doing" data-doing={doing}>
        <Icon name={SIGNS[doing]} />
        {words}
      </span>
      {state && (
        <span className="lh-Status-far" data-lh="progress">
          {state.total === null ? t.__('%1 examples', state.index) : `${state.index} / ${state.total}`}
        </span>
      )}
      {state?.total != null && state.total > 0 && (
        <progress
          className="lh-Status-bar"
          aria-label={t.__('Examples done')}
          max={state.total}
          value={Math.min(state.index, state.total)}
        />
      )}
      {isLive && each !== null && (
        <span className="lh-Status-rate" data-lh="rate">
          {t.__('%1 s/ex', secondsOf(each))}
          {left !== null && ` · ${t.__('ETA %1', durationOf(left * each))}`}
        </span>
      )}
      {stage !== null && (
        <span className="lh-Status-stage" data-lh="stage">
          {stage}
        </span>
      )}
      {connection.kind === 'stored' && connection.what !== run.id && (
        <span className="lh-Status-id" data-lh="stored" title={connection.what}>
          {connection.what}
        </span>
      )}
      {connection.kind === 'lost' && (
        <span className="lh-Status-frozen" data-lh="frozen">
          {t.__('as of %1', new Date(connection.since).toLocaleTimeString())}
        </span>
      )}
      <span className="lh-Status-tools">
        {openInMain && (
          <button type="button" className="lh-Button" data-lh="open-in-main" onClick={openInMain}>
            <Icon name="open" />
            <span className="lh-Button-words">{t.__('Open in main area')}</span>
          </button>
        )}
        <CommandButton id="keys" icon="keys" />
        <CommandButton id="link" icon="link" />
        <CommandButton id="report" icon="report" />
      </span>
    </header>
  )
}
