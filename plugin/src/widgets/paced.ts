import { useEffect, useRef, useState } from 'react'

/**
 * Shortest time between two calculations of the same thing [ms], and at least so many times what one takes: live runs
 * bring many examples a second, and may not take more than a twentieth of the page's time for it.
 */
const [PACE, SHARE] = [1000, 20]

/**
 * A value that is too costly for every frame: calculated after drawing, at once when `about` changes, else no oftener than
 * PACE and SHARE let it. Until then the last one stays, unless it is about something else.
 *
 * @param about what the value is about @param version changes when the value may
 */
export function usePaced<T>(about: string, version: number, calculate: () => T): T | null {
  const [known, keep] = useState<{ about: string; value: T } | null>(null)
  const last = useRef({ about: '', next: 0 })
  const latest = useRef(calculate)
  latest.current = calculate
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version is what calls for a new value.
  useEffect(() => {
    const wait = last.current.about === about ? last.current.next - performance.now() : 0
    const timer = setTimeout(
      () => {
        const begun = performance.now()
        keep({ about, value: latest.current() })
        const ended = performance.now()
        last.current = { about, next: ended + Math.max(PACE, SHARE * (ended - begun)) }
      },
      Math.max(0, wait),
    )
    return () => clearTimeout(timer)
  }, [about, version])
  return known?.about === about ? known.value : null
}
