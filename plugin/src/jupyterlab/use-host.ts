import { useEffect, useReducer } from 'react'
import { type Host, place } from './host.js'

/** The host, if it has a kernel with this run now. */
export function useHost(id: string, runId: string): Host | null {
  const [, again] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    const { host } = place
    host?.changed.connect(again)
    return () => void host?.changed.disconnect(again)
  }, [])
  return place.host?.has(id, runId) ? place.host : null
}
