import { useEffect, useRef } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { askFor } from '../model/steer.js'

/** Whether the run is to be held when an example fails; where no run goes on it says why it cannot be. */
export function PauseOnErrors() {
  const { trans: t, view, source } = usePanel()
  const { pauseOnErrors } = useView()
  const { connection } = useRun()
  const why = connection.kind === 'stored' ? source.cannot('pause') : null
  return (
    <label className="lh-Check" title={why ?? undefined}>
      <input
        type="checkbox"
        data-lh="pause-on-errors"
        disabled={why !== null}
        checked={pauseOnErrors}
        onChange={event => view.set({ pauseOnErrors: event.target.checked })}
      />
      {t.__('Pause on errors')}
    </label>
  )
}

/** Holds the run when an example fails, if a person wants that. */
export function usePauseOnErrors(): void {
  const { source, view, trans } = usePanel()
  const run = useRun()
  const { pauseOnErrors } = useView()
  const seen = useRef(run.line(run.current).length)
  const line = run.line(run.current)
  useEffect(() => {
    const isNew = line.length > seen.current && line.slice(seen.current).some(({ outcome }) => outcome === 'failed')
    seen.current = line.length
    if (isNew && pauseOnErrors && run.connection.kind === 'live' && run.state?.status === 'running')
      void askFor({ source, view, trans }, { type: 'pause' })
  })
}
