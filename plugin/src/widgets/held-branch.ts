import { useLayoutEffect, useRef } from 'react'
import { usePanel, useRun } from '../context.js'

/**
 * Keeps the branch of an example that is looked at when the run goes on with another branch, as after a rewind by a
 * cell: only who follows the run is taken along.
 */
export function useHeldBranch(): void {
  const { view } = usePanel()
  const { current, branches, state } = useRun()
  const before = useRef<{ current: string; runId: string | undefined } | null>(null)
  useLayoutEffect(() => {
    const was = before.current
    // Before anything was told the run has no branch to hold.
    before.current = branches.length === 0 ? null : { current, runId: state?.runId }
    const { follow, index, branch } = view.state
    if (was === null || was.current === current || was.runId !== state?.runId) return
    if (!follow && index !== null && branch === null) view.set({ branch: was.current })
  })
}
