/** Streamed text on its way to a listener, up to the first stop text. */
export interface StopFilter {
  /** The next piece of text. */
  push(text: string): void
  /** No more comes: what was held back is no stop text after all. */
  end(): void
  /** Whether a stop text has come; what follows it is dropped. */
  stopped(): boolean
  /** What was handed on so far. */
  text(): string
}

/**
 * Hands text on as it comes, except what a stop text may begin with: that waits until it is seen whether one does.
 * Of several stop texts, the one that begins first ends the text.
 *
 * @param stop non-empty texts
 */
export function stopFilter(stop: readonly string[], onText: (text: string) => void): StopFilter {
  let [text, held, stopped] = ['', '', false]
  const handOn = (length: number) => {
    const piece = held.slice(0, length)
    held = held.slice(length)
    text += piece
    if (piece !== '') onText(piece)
  }
  const take = (last: boolean) => {
    const found = stop.map(s => held.indexOf(s)).filter(at => at >= 0)
    const first = Math.min(...found, held.length)
    // One that begins earlier may still be on its way.
    const waits = last ? held.length : mayBegin(held, stop)
    if (waits < first) return handOn(waits)
    stopped = found.length > 0
    handOn(first)
  }
  return {
    push(piece) {
      if (stopped) return
      held += piece
      take(false)
    },
    end() {
      if (!stopped) take(true)
    },
    stopped: () => stopped,
    text: () => text,
  }
}

/** Where the text's end begins that is the beginning of a stop text and not a whole one; the text's length if nowhere. */
function mayBegin(text: string, stop: readonly string[]): number {
  const longest = Math.max(0, ...stop.map(s => s.length - 1))
  for (let at = Math.max(0, text.length - longest); at < text.length; at++)
    if (stop.some(s => s.length > text.length - at && s.startsWith(text.slice(at)))) return at
  return text.length
}
