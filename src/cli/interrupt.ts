/** Presses closer together than this are one: npm passes on a Ctrl-C that the terminal has sent already [ms]. */
const ONE_PRESS = 500

export interface Interruption {
  /** Aborted at the first Ctrl-C. */
  signal: AbortSignal
  /** Rejects with `signal.reason` at the first Ctrl-C: to race with work that cannot be cancelled. */
  aborted: Promise<never>
  /** Back to the default: the next Ctrl-C ends the process. */
  release(): void
}

/**
 * Turns Ctrl-C (and SIGTERM) into a signal: the first asks the work to stop, a second ends the process at once.
 *
 * @param second called at the second, before the process ends with code 130
 */
export function onInterrupt(second: () => void): Interruption {
  const controller = new AbortController()
  const { signal } = controller
  let at = Number.NEGATIVE_INFINITY
  const press = () => {
    const now = performance.now()
    if (!signal.aborted) {
      at = now
      controller.abort()
    } else if (now - at > ONE_PRESS) {
      second()
      process.exit(130)
    }
  }
  const names = ['SIGINT', 'SIGTERM'] as const
  for (const name of names) process.on(name, press)
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  aborted.catch(() => {}) // Nobody may be waiting.
  return { signal, aborted, release: () => names.forEach(name => void process.off(name, press)) }
}
