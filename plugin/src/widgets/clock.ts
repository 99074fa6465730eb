import { useEffect, useState } from 'react'

/** The time [ms since 1970]; draws again each second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, set] = useState(Date.now)
  useEffect(() => {
    if (!ticking) return
    set(Date.now())
    const timer = setInterval(() => set(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [ticking])
  return now
}
