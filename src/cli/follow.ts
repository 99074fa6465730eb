import { toStep } from '../harness/index.js'
import type { RecordedHarness } from '../record/open.js'
import { estimateLines, measure, SAMPLE } from './cost.js'
import { freeBytes } from './folder.js'
import type { Interruption } from './interrupt.js'
import { keysOf, readKeys } from './keys.js'
import { closingLines, noteEvents } from './notes.js'
import { showProgress } from './progress.js'
import { type Watched, watchExperiment } from './watch.js'

/** Of a run with more examples to come than this, time and disk are estimated. */
const LONG = 50

export interface FollowOptions {
  /** Examples of the run in all, those before it was resumed among them; undefined: all. */
  limit: number | undefined
  interruption: Interruption
  /** How to load the experiment anew when its files are saved; undefined: they are not watched. */
  watched: Pick<Watched, 'texts' | 'load'> | undefined
}

/** How a run ended. */
export interface End {
  /** `stopped`: by the key q. */
  status: 'finished' | 'stopped' | 'interrupted' | 'failed'
  /** What ended the run before its end. */
  error?: unknown
}

/** Runs a harness to its end, to the limit, the key q or Ctrl-C, and shows how it goes. */
export async function follow(harness: RecordedHarness, name: string, options: FollowOptions): Promise<End> {
  const { limit = Infinity, watched } = options
  const { signal } = options.interruption
  /** Probes, where there are any, are asked once more at the end. */
  const reached = ({ results, probings } = harness) =>
    results.length >= limit && (probings.at(-1)?.at ?? results.length) === results.length
  let quit = false
  try {
    const total = Math.min((await harness.total()) ?? Infinity, limit)
    const progress = showProgress(name, Number.isFinite(total) ? total : undefined, harness.results.map(toStep))
    harness.onStep(progress.step)
    harness.onEvent(progress.event)
    const leaks = noteEvents(harness, progress.note)
    signal.addEventListener('abort', () => {
      progress.note('Interrupted: stopping as soon as the current stage returns. Ctrl-C again quits at once.')
      harness.stop()
    })
    const { note } = progress
    const left = total - harness.results.length - SAMPLE
    if (Number.isFinite(total) && left + SAMPLE > LONG)
      measure(harness, costs => estimateLines(costs, left, freeBytes(harness.recorder.folder)).forEach(note))
    const unwatch = watched && watchExperiment({ ...watched, harness, note })
    const release = process.stdin.isTTY
      ? readKeys(
          process.stdin,
          keysOf(harness, {
            ...progress,
            quit: () => {
              quit = true
            },
          }),
        )
      : undefined
    try {
      if (!signal.aborted) for await (const _ of harness.run({ limit })) if (quit) break
    } finally {
      release?.()
      unwatch?.()
      progress.end()
      for (const line of closingLines(harness, leaks())) console.log(line)
    }
  } catch (error) {
    return { status: 'failed', error }
  }
  if (reached()) return { status: 'finished' }
  if (signal.aborted) return { status: 'interrupted', error: signal.reason }
  return { status: quit ? 'stopped' : 'finished' }
}
