import { type RefObject, useEffect, useState } from 'react'

/** Is an element on the screen? */
export function useSeen(at: RefObject<Element>): boolean {
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    const observer = new IntersectionObserver(entries => setSeen(entries.at(-1)!.isIntersecting))
    observer.observe(at.current!)
    return () => observer.disconnect()
  }, [at])
  return isSeen
}
