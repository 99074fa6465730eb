import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { drawn, look, type PanelOnPage, viewOf } from './page/drawn.js'
import { site } from './page/open.js'

/** Examples that the run has before the replay, and how many more come at 100 a second. */
const [BEFORE, LIVE] = [19_600, 200]
/** A replay that is slower is cut off [ms]. */
const MOST = 8000

const median = (of: number[]): number => of.sort((a, b) => a - b)[of.length >> 1]!

/** Tells the time of the main thread so far [ms]: all tasks, and scripts alone. */
async function clockOf(page: Page): Promise<() => Promise<{ tasks: number; scripts: number }>> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  return async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    const of = (name: string) => metrics.find(metric => metric.name === name)!.value * 1000
    return { tasks: of('TaskDuration'), scripts: of('ScriptDuration') }
  }
}

/** Tells the run of examples, 100 a second, while frames are timed. */
const replay = (page: Page) =>
  page.evaluate(
    async ([live, most]) => {
      const { source } = (globalThis as unknown as PanelOnPage).panel
      const line = source.store.line('main')
      const frames: number[] = []
      let [last, done, told, inApply] = [performance.now(), false, 0, 0]
      const frame = () => {
        const now = performance.now()
        frames.push(now - last)
        last = now
        if (!done) requestAnimationFrame(frame)
      }
      requestAnimationFrame(frame)
      const began = performance.now()
      for (; told < live && performance.now() - began < most; told++) {
        await new Promise(resolve => setTimeout(resolve, began + 10 * told - performance.now()))
        const point = { ...line[told]!, index: line.length }
        const at = performance.now()
        source.store.apply({ type: 'points', branch: 'main', from: line.length, points: [point] })
        inApply += performance.now() - at
      }
      done = true
      return { frames, told, apply: inApply / told, rate: (1000 * told) / (performance.now() - began) }
    },
    [LIVE, MOST] as const,
  )

/** Prints figures; of time nothing is asserted, for a machine may be as slow as it likes. */
describe.skipIf(!CHROMIUM && !process.env.CI)('the speed of the timeline', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())

  test.each([
    ['the timeline', 'only=timeline&'],
    ['the whole panel', ''],
  ])('%s follows 100 events a second after 19,600', async (what, only) => {
    const page = await panel.open(`${only}examples=${BEFORE}`)
    await page.waitForSelector('[data-lh="timeline-history"]')
    await drawn(page)
    const clock = await clockOf(page)
    for (const [how, part] of [
      ['all shown, followed', {}],
      ['zoomed', { zoom: [[500, 900]], follow: false, index: 600 }],
    ] as const) {
      await look(page, part)
      const before = await clock()
      const { frames, told, apply, rate } = await replay(page)
      const after = await clock()
      const each = (name: 'tasks' | 'scripts') => ((after[name] - before[name]) / told).toFixed(2)
      console.log(
        `${what}, ${how}: ${rate.toFixed(0)} events/s, median frame ${median(frames).toFixed(1)} ms; an event takes ${apply.toFixed(3)} ms to be told, ${each('tasks')} ms of tasks in all, ${each('scripts')} ms of them scripts`,
      )
    }
    // 1,000 more at once.
    await page.evaluate(() => {
      const { store } = (globalThis as unknown as PanelOnPage).panel.source
      const line = store.line('main')
      const points = line.slice(0, 1000).map((point, i) => ({ ...point, index: line.length + i }))
      store.apply({ type: 'points', branch: 'main', from: line.length, points })
    })
    await drawn(page)
    expect(await viewOf(page)).toMatchObject({ zoom: [[500, 900]], index: 600, follow: false })
    await page.close()
  })

  test('brushes over 20,000 examples', async () => {
    const page = await panel.open('only=timeline&examples=20000')
    await page.waitForSelector('[data-lh="timeline-history"]')
    await drawn(page)
    const clock = await clockOf(page)
    const box = (await page.locator('[data-lh="timeline-overview"]').boundingBox())!
    const height = box.y + box.height / 2
    await page.mouse.move(100, height)
    await page.mouse.down()
    const before = await clock()
    await page.evaluate(() => {
      const frames: number[] = []
      let last = performance.now()
      const frame = () => {
        const now = performance.now()
        frames.push(now - last)
        last = now
        requestAnimationFrame(frame)
      }
      requestAnimationFrame(frame)
      Object.assign(globalThis, { frames })
    })
    const STEPS = 120
    for (let i = 1; i <= STEPS; i++) await page.mouse.move(100 + i * 9, height)
    const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames)
    const after = await clock()
    await page.mouse.up()
    const [from, to] = (await viewOf(page)).zoom.at(-1)!
    // From a twentieth to nearly the end.
    expect(to - from).toBeGreaterThan(15_000)
    console.log(
      `brushing 20000 examples: median frame ${median(frames).toFixed(1)} ms, ${((after.tasks - before.tasks) / STEPS).toFixed(1)} ms of tasks a step`,
    )
    await page.close()
  })

  test.each(['only=timeline&', ''])('paints a stored run of 500 examples (%s)', async only => {
    const page = await panel.open(`${only}examples=500`)
    const first = await page.evaluate(async () => {
      const painted = () =>
        performance.getEntriesByName('first-contentful-paint')[0]?.startTime ??
        new Promise<number>(resolve => setTimeout(() => resolve(painted()), 20))
      const canvas = () => document.querySelector<HTMLCanvasElement>('[data-lh="timeline-history"]')
      const inked = () => {
        const found = canvas()
        return (
          found !== null &&
          found.width > 0 &&
          found
            .getContext('2d')!
            .getImageData(60, 0, 400, 200)
            .data.some(v => v > 0)
        )
      }
      while (!inked()) await new Promise(requestAnimationFrame)
      const { responseEnd } = performance
        .getEntriesByType('resource')
        .find(entry => entry.name.endsWith('/main.js')) as PerformanceResourceTiming
      return { drawn: performance.now(), painted: await painted(), loaded: responseEnd }
    })
    console.log(
      `${only || 'whole panel '}500 examples: code there after ${first.loaded.toFixed(0)} ms, first paint ${first.painted.toFixed(0)} ms, timeline seen drawn by ${first.drawn.toFixed(0)} ms`,
    )
    await page.close()
  })
})
