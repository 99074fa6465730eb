import { afterEach, expect, test, vi } from 'vitest'
import { atFrames } from '../src/model/frames.js'

afterEach(() => vi.unstubAllGlobals())

/** A page's clock, without a page. */
function clock() {
  let now = 0
  const tasks: { at: number; run: () => void }[] = []
  const after = (wait: number, run: () => void) => void tasks.push({ at: now + wait, run })
  vi.stubGlobal('performance', { now: () => now })
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => after(16 - (now % 16), run))
  vi.stubGlobal('setTimeout', (run: (arg: unknown) => void, wait = 0, arg?: unknown) => after(wait, () => run(arg)))
  return {
    spend: (time: number) => {
      now += time
    },
    until(end: number) {
      for (;;) {
        tasks.sort((a, b) => a.at - b.at)
        if (!tasks[0] || tasks[0].at > end) return
        const { at, run } = tasks.shift()!
        now = Math.max(now, at)
        run()
      }
    },
  }
}

test.each([4, 100])('showing what takes %i ms, without end, takes at most a quarter of the time', cost => {
  const time = clock()
  const schedule = atFrames()
  let shown = 0
  const tell = () => {
    shown++
    time.spend(cost)
    schedule(tell)
  }
  schedule(tell)
  time.until(10_000)
  expect(shown * cost).toBeLessThanOrEqual(10_000 / 4 + cost)
  // A round is four times the cost, and the wait for two frames at most.
  expect(shown * (4 * cost + 2 * 16)).toBeGreaterThan(10_000 * 0.9)
})
