import { useEffect, useRef, useState } from 'react'
import { usePanel, useRun } from '../context.js'
import { summaryOf } from '../model/notices.js'
import { doingOf } from '../model/status.js'

/** Shortest time between two summaries [ms]. */
const PACE = 10_000

/** Says how the run is doing to those who hear the panel: one sentence in ten seconds at most. */
export function Spoken() {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const [said, say] = useState('')
  const last = useRef(Number.NEGATIVE_INFINITY)
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(waiting.current), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version is what calls for a new summary.
  useEffect(() => {
    if (waiting.current !== undefined) return
    const wait = Math.max(0, last.current + PACE - performance.now())
    waiting.current = setTimeout(() => {
      waiting.current = undefined
      last.current = performance.now()
      say(summaryOf(run, view.state, doingOf(run, t)[1], t))
    }, wait)
  }, [run.version])
  return (
    <p className="lh-hidden" role="status" data-lh="spoken">
      {said}
    </p>
  )
}
