/** Share of the page's time that showing what comes may take: 1 part in so many. */
const PARTS = 4

/**
 * When to tell of changes: at a frame, and not so soon after the last time that showing them takes more than a quarter of
 * the page's time. A run of a few hundred examples is shown at every other frame; of 20,000, some times a second, and
 * whoever scrolls or picks an example meanwhile is not held up. A page that is not seen is told nothing.
 *
 * @returns what is given to a RunStore
 */
export function atFrames(): (tell: () => void) => void {
  let free = 0
  let showing = false
  const later: (() => void)[] = []
  const show = (tell: () => void) =>
    requestAnimationFrame(() => {
      const from = performance.now()
      showing = true
      tell()
      // The first task after a frame comes when it is laid out and painted.
      setTimeout(() => {
        const now = performance.now()
        free = now + (PARTS - 1) * (now - from)
        showing = false
        for (const next of later.splice(0)) schedule(next)
      })
    })
  function schedule(tell: () => void): void {
    const wait = free - performance.now()
    if (showing) later.push(tell)
    else if (wait > 0) setTimeout(show, wait, tell)
    else show(tell)
  }
  return schedule
}
