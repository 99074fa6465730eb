import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { FIRST_VIEW } from '../src/model/view.js'
import { append, branchOf, drawn, load, look, type PanelOnPage, pictureOf, pointOf, viewOf } from './page/drawn.js'
import { site } from './page/open.js'

const PLOT = { left: 40, right: 1268, top: 28, bottom: 192 }
/** Room that a run of 36 examples has. */
const STEP = (PLOT.right - PLOT.left) / 40
const x = (index: number) => PLOT.left + (index + 0.5) * STEP
const y = (score: number) => PLOT.bottom - score * (PLOT.bottom - PLOT.top)
const points = Array.from({ length: 36 }, (_, i) =>
  pointOf(i, {
    metrics: { f1: (i % 4) / 4 },
    baselines: { base: { f1: 0.25 } },
    ...(i === 9 ? { outcome: 'failed' } : {}),
  }),
)
const branches = [branchOf('main', null, 0), branchOf('main-2', 'main', 20)]
const events = [
  { type: 'swap', branch: 'main', index: 5, time: '' },
  { type: 'annotation', branch: 'main', index: 5, time: '' },
  { type: 'swap', branch: 'main', index: 12, time: '' },
]

describe.skipIf(!CHROMIUM && !process.env.CI)('the mouse on the timeline', () => {
  let panel: Awaited<ReturnType<typeof site>>
  let page: Page & { trouble: string[] }
  beforeAll(async () => {
    panel = await site()
    page = await panel.open('only=timeline&examples=4')
    await page.waitForSelector('[data-lh="timeline-history"]')
  })
  afterAll(async () => {
    expect(page.trouble).toEqual([])
    await panel.close()
  })
  beforeEach(async () => {
    await load(page, { main: points, 'main-2': points.slice(20) }, { branches, events })
    await look(page, FIRST_VIEW)
  })

  test('a click picks the example under it, with Ctrl one to compare it with', async () => {
    await page.mouse.click(x(9), y(0.25))
    await drawn(page)
    expect(await viewOf(page)).toMatchObject({ index: 9, follow: false, other: null })
    // Its ring is drawn, in the colour of the text.
    const live = await pictureOf(page, 'timeline-live')
    const inked = (px: number, py: number) => live.data[(Math.round(py) * live.width + Math.round(px)) * 4 + 3]! > 100
    expect([inked(x(9) + 8, y(0.25)), inked(x(9) - 8, y(0.25)), inked(x(20) + 8, y(0.25))]).toEqual([true, true, false])
    await page.keyboard.down('Control')
    await page.mouse.click(x(20), y(0.6))
    await page.keyboard.up('Control')
    expect(await viewOf(page)).toMatchObject({ index: 9, other: 20, comparing: true })
  })

  test('resting shows one line on the example, with the begin of its text', async () => {
    await page.evaluate(() => {
      const { source } = (globalThis as unknown as { panel: { source: { answers: Record<string, unknown> } } }).panel
      const text = `<b>How</b> do I ${'so '.repeat(40)}`
      source.answers.example = () => ({
        ...{ messages: [{ role: 'user', content: text }], response: 'so', details: {}, baselines: {} },
        outcome: { kind: 'failed', reason: 'out of memory' },
      })
    })
    await page.mouse.move(x(9), y(0.5))
    const tip = page.locator('[data-lh="timeline-tip"]')
    await tip.getByText('How').waitFor()
    expect((await tip.textContent())!.replace(/\s+/g, ' ')).toBe(
      '#9 failed · f1 0.25 · 0.00 against base · “<b>How</b> do I so so so so so so so so so so so so so so so…”',
    )
    expect((await tip.boundingBox())!.height).toBeLessThan(30)
    await page.mouse.move(x(9), 500)
    await tip.waitFor({ state: 'detached' })
  })

  test('dragging zooms, a double click goes one step back, and the wheel zooms only with Ctrl', async () => {
    const drag = async (from: number, to: number, height: number) => {
      await page.mouse.move(from, height)
      await page.mouse.down()
      await page.mouse.move((from + to) / 2, height)
      await page.mouse.move(to, height)
      await page.mouse.up()
      await drawn(page)
    }
    await drag(x(10), x(29), 100)
    expect(await viewOf(page)).toMatchObject({ zoom: [[10, 29]], follow: false })
    // 10 … 29 over the whole width: its half is 15 … 24.
    await drag(PLOT.left + 0.3 * 1228, PLOT.left + 0.7 * 1228, 100)
    const { zoom } = await viewOf(page)
    expect(zoom).toHaveLength(2)
    await page.mouse.dblclick(700, 100)
    expect((await viewOf(page)).zoom).toEqual([[10, 29]])
    await page.mouse.wheel(0, -300)
    expect((await viewOf(page)).zoom).toEqual([[10, 29]])
    await page.keyboard.down('Control')
    for (let i = 0; i < 50; i++) await page.mouse.wheel(0, -6)
    await page.keyboard.up('Control')
    await page.waitForFunction(() => (globalThis as unknown as PanelOnPage).panel.view.state.zoom.length > 1)
    await drawn(page)
    const [first, last] = (await viewOf(page)).zoom.at(-1)!
    // Many small turns count too: 1.0025^−300 of 19, or the least.
    expect(last - first).toBeLessThan(11)
    expect(first).toBeGreaterThan(10)
    // Turns in a row are one step.
    await page.mouse.dblclick(700, 100)
    expect((await viewOf(page)).zoom).toEqual([[10, 29]])
  })

  test('the overview shows the whole run: its window moves what is shown', async () => {
    await look(page, { zoom: [[0, 19]], follow: false, index: 3 })
    const box = (await page.locator('[data-lh="timeline-overview"]').boundingBox())!
    const height = box.y + box.height / 2
    await page.mouse.move(x(10), height)
    await page.mouse.down()
    await page.mouse.move(x(15), height)
    await page.mouse.move(x(20), height)
    await page.mouse.up()
    expect(await viewOf(page)).toMatchObject({ zoom: [[10, 29]], index: 3 })
    // An edge of it: 10 stays.
    await page.mouse.move(x(29.5), height)
    await page.mouse.down()
    await page.mouse.move(x(22), height)
    await page.mouse.move(x(21), height)
    await page.mouse.up()
    const [from, to] = (await viewOf(page)).zoom.at(-1)!
    expect([from, to]).toEqual([10, 21])
    await page.mouse.dblclick(x(35), height)
    expect((await viewOf(page)).zoom).toEqual([])
  })

  test('new examples do not move what is looked at: a pill counts them, and goes to them', async () => {
    await look(page, { zoom: [[4, 15]], index: 9, follow: false })
    const more = Array.from({ length: 12 }, (_, i) => pointOf(36 + i))
    await append(page, 'main-2', more)
    expect(await viewOf(page)).toMatchObject({ zoom: [[4, 15]], index: 9, follow: false })
    const pill = page.locator('[data-lh="timeline-new"]')
    expect(await pill.textContent()).toBe('▸ 12 new')
    await pill.click()
    await drawn(page)
    const { follow, zoom } = await viewOf(page)
    expect(follow).toBe(true)
    // As wide as before, and the newest is within it.
    expect(zoom[0]![1] - zoom[0]![0]).toBe(11)
    expect(zoom[0]![1]).toBeGreaterThanOrEqual(47)
    expect(await pill.count()).toBe(0)
  })

  test('an example that is picked elsewhere comes into sight', async () => {
    await look(page, { zoom: [[20, 29]], index: 25, follow: false })
    await page.evaluate(() => (globalThis as unknown as PanelOnPage).panel.view.select(3))
    await drawn(page)
    const [from, to] = (await viewOf(page)).zoom.at(-1)!
    expect(from).toBeLessThanOrEqual(3)
    expect(to).toBeGreaterThanOrEqual(3)
    expect(to - from).toBe(9)
  })

  test('flags open an edit, pick the place of a fork; labels change the branch', async () => {
    await page.locator('[data-lh="timeline-edit"]').nth(1).click()
    // The second edit of the run, whatever else happened in it.
    expect(await viewOf(page)).toMatchObject({ dialog: 'edit', edit: 2 })
    await page.getByRole('button', { name: 'Branch main-2 leaves before example 20' }).click()
    expect(await viewOf(page)).toMatchObject({ index: 20, follow: false })
    const label = page.locator('button[data-lh="timeline-label"]')
    expect(await label.textContent()).toMatch(/^main 0\.3/)
    await label.click({ modifiers: ['Control'] })
    expect(await viewOf(page)).toMatchObject({ branch: null, against: ['main'], comparing: true })
    await label.click()
    expect((await viewOf(page)).branch).toBe('main')
  })

  test('pickers choose the metric, the mean and the lanes', async () => {
    const scored = points.map(point => ({ ...point, metrics: { ...point.metrics, tokens: point.index } }))
    await load(page, { main: scored, 'main-2': scored.slice(20) }, { branches })
    await page.selectOption('[data-lh="timeline-metric"]', 'tokens')
    await page.selectOption('[data-lh="timeline-mean"]', '5')
    await page.check('[data-lh="timeline-lanes"]')
    expect(await viewOf(page)).toMatchObject({ metric: 'tokens', window: 5, lanes: true })
    expect(await page.locator('.lh-Timeline-lane').allTextContents()).toEqual(['chat-0', 'chat-1', 'chat-2'])
    expect(await page.locator('[data-lh="timeline-label"][data-kind="own"]').textContent()).toBe('main-2 33.00')
  })
})
