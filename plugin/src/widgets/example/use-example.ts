import type { TimelinePoint } from 'lora-harness/protocol'
import { useEffect, useSyncExternalStore } from 'react'
import { usePanel } from '../../context.js'
import { type Detail, type Details, detailsOf } from '../../model/details.js'

const NONE: Detail = { step: null, texts: null, error: null }

/** Steps of the run; draws again when one comes. */
export function useDetails(): Details {
  const details = detailsOf(usePanel().source)
  useSyncExternalStore(details.subscribe, () => details.version)
  return details
}

/** One example of a branch, asked for if it is not there. */
export function useExample(branch: string, point: TimelinePoint | undefined): Detail {
  const { source } = usePanel()
  const details = useDetails()
  const reason = source.cannot('example')
  const known = point ? details.get(point) : NONE
  const isMissing = known.step === null && known.error === null && reason === null
  useEffect(() => {
    if (point && isMissing) void details.load(branch, point)
  }, [details, branch, point, isMissing])
  return known.step === null && reason !== null ? { ...known, error: reason } : known
}
