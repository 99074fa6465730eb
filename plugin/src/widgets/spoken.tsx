import { useEffect, useRef, useState } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { summaryOf } from '../model/notices.js'
import { doingOf } from '../model/status.js'

/** Shortest time between two summaries [ms]. */
const PACE = 10_000

/** Says how the run is doing to those who hear the panel: one sentence in ten seconds at most. */
export function Spoken() {
  const { trans: t } = usePanel()
  const run = useRun()
  const view = useView()
  const summary = summaryOf(run, view, doingOf(run, t)[1], t)
  const [said, say] = useState(summary)
  const last = useRef(Number.NEGATIVE_INFINITY)
  useEffect(() => {
    const timer = setTimeout(
      () => {
        last.current = performance.now()
        say(summary)
      },
      Math.max(0, last.current + PACE - performance.now()),
    )
    return () => clearTimeout(timer)
  }, [summary])
  return (
    <p className="lh-hidden" role="status" data-lh="spoken">
      {said}
    </p>
  )
}
