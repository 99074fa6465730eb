import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { FIRST_VIEW } from '../src/model/view.js'
import { append, colour, drawn, has, load, look, type PanelOnPage, pictureOf, pointOf } from './page/drawn.js'
import { openTimeline, site } from './page/open.js'
import { FOUR, fourMarks, PLOT, x, y } from './page/plot.js'

describe.skipIf(!CHROMIUM && !process.env.CI)('whoever looks at the timeline', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())
  /** For what leaves nothing behind. */
  let page: Page
  beforeAll(async () => {
    page = await open()
  })
  const open = (query = '') => openTimeline(panel, query)

  test('is drawn anew in the colours of another theme, and after it was out of sight', async () => {
    const page = await open()
    await load(page, { main: fourMarks })
    await page.evaluate(() => {
      document.querySelector<HTMLLinkElement>('link[href^="/theme-"]')!.href = '/theme-dark.css'
      Object.assign(document.body.dataset, { jpThemeLight: 'false', jpThemeName: 'dark' })
    })
    await drawn(page)
    const at = [Math.floor(x(2)), Math.floor(y(0.9))] as const
    expect(has(await pictureOf(page), ...at, colour('#56B4E9'))).toBe(true)
    await page.evaluate(async () => {
      const host = document.querySelector<HTMLElement>('.lh-Timeline')!
      host.style.display = 'none'
      await new Promise(resolve => setTimeout(resolve, 100))
      // What a browser may do to a canvas that nobody sees.
      host.querySelector<HTMLCanvasElement>('[data-lh="timeline-history"]')?.setAttribute('width', '10')
      host.style.display = ''
    })
    await page.waitForFunction(
      () => document.querySelector<HTMLCanvasElement>('[data-lh="timeline-history"]')?.width === 1400,
    )
    await drawn(page)
    expect(has(await pictureOf(page), ...at, colour('#56B4E9'))).toBe(true)
    await page.close()
  })

  test('tells outcomes apart without colour, and with a red-green deficiency', async () => {
    await look(page, FIRST_VIEW)
    await load(page, { main: fourMarks })
    await look(page, { follow: false })
    const devtools = await page.context().newCDPSession(page)
    for (const type of ['achromatopsia', 'deuteranopia'] as const) {
      await devtools.send('Emulation.setEmulatedVisionDeficiency', { type })
      const shot = await page.screenshot()
      const crops = await page.evaluate(
        async ({ png, places }) => {
          const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
          const ctx = new OffscreenCanvas(image.width, image.height).getContext('2d')!
          ctx.drawImage(image, 0, 0)
          return places.map(([x, y]) => [...ctx.getImageData(x - 6, y - 6, 13, 13).data])
        },
        {
          png: shot.toString('base64'),
          places: FOUR.map(({ index, score }) => [Math.floor(x(index)), Math.floor(y(score))] as const),
        },
      )
      // Where a mark is darker than half way to the ground: its shape alone.
      const shapes = crops.map(crop =>
        Array.from({ length: 169 }, (_, i) => (crop[4 * i]! + crop[4 * i + 1]! + crop[4 * i + 2]!) / 3 < 190),
      )
      for (const [i, a] of shapes.entries())
        for (const b of shapes.slice(i + 1)) {
          const either = a.filter((v, k) => v || b[k]).length
          const both = a.filter((v, k) => v && b[k]).length
          // Two of them share less than two thirds of what either covers.
          expect(both / either, type).toBeLessThan(0.67)
        }
    }
  })

  test('draws nothing while the page is hidden, and what came when it is seen again', async () => {
    const page = await open()
    await load(page, { main: fourMarks })
    const hide = (hidden: boolean) =>
      page.evaluate(hidden => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    await hide(true)
    await append(page, 'main', [pointOf(20, { metrics: { f1: 0.8 } })])
    const at = [Math.floor(x(20)), Math.floor(y(0.8))] as const
    expect(has(await pictureOf(page), ...at, colour('#0072B2'))).toBe(false)
    await hide(false)
    await drawn(page)
    expect(has(await pictureOf(page), ...at, colour('#0072B2'))).toBe(true)
    await page.close()
  })

  test('shows the running example, without a pulse for who wants no motion', async () => {
    const page = await open()
    await load(page, { main: fourMarks })
    await page.evaluate(() => {
      const { store } = (globalThis as unknown as PanelOnPage).panel.source
      store.apply({ type: 'state', state: { ...store.state!, status: 'running', index: 20 } })
    })
    const ring = page.locator('[data-lh="timeline-running"]')
    await ring.waitFor()
    const box = (await ring.boundingBox())!
    expect(Math.abs(box.x + box.width / 2 - x(20))).toBeLessThan(4)
    const animation = () => ring.evaluate(element => getComputedStyle(element).animationName)
    expect(await animation()).toBe('lh-pulse')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    expect(await animation()).toBe('none')
    // Never out of sight, wherever the timeline looks.
    await look(page, { zoom: [[0, 9]], follow: false })
    expect((await ring.boundingBox())!.x).toBeLessThan(PLOT.right)
    await page.close()
  })

  test('says in words what it shows, to those who do not see it', async () => {
    await look(page, FIRST_VIEW)
    await load(page, { main: fourMarks })
    expect(await page.locator('[data-lh="timeline"] p').textContent()).toBe(
      'Timeline of main: 20 examples, 17 updated, 1 unchanged, 1 skipped, 1 failed. Mean f1 of the last examples: 0.13. Examples 0 to 19 are shown.',
    )
    expect(await page.locator('[data-lh="timeline-area"]').getAttribute('aria-hidden')).toBe('true')
  })

  test('a card of the last 40 of 340 examples, 510 px wide: numbers, edits and names are in their places', async () => {
    const page = await panel.open('only=card&width=510', { width: 700, height: 500 })
    await page.waitForSelector('[data-lh="timeline-history"]')
    await drawn(page)
    // The edit before #20 is not among them.
    expect(
      await page.locator('[data-lh="timeline-edit"]').evaluateAll(all => all.map(each => each.getAttribute('title'))),
    ).toEqual(['Edit 2, before example 310'])
    const ends = await page.evaluate(() => {
      const { right } = document.querySelector('.lh-Timeline')!.getBoundingClientRect()
      return [...document.querySelectorAll<HTMLElement>('[data-lh="timeline-label"]')].map(each => ({
        text: each.innerText.replace(/\s+/g, ' '),
        isInside: each.getBoundingClientRect().right <= right + 0.5 && each.scrollWidth <= each.clientWidth + 1,
      }))
    })
    expect(ends).toEqual([
      { text: expect.stringMatching(/^main \d/), isInside: true },
      { text: expect.stringMatching(/^base \d/), isInside: true },
    ])
    expect(await page.locator('.lh-Timeline > .lh-hidden').textContent()).toContain('Examples 300 to 339 are shown.')
    const box = (await page.locator('[data-lh="timeline-area"]').boundingBox())!
    await page.mouse.click(box.x + 40 + ((box.width - 40 - 104) * 4.5) / 40, box.y + 100)
    expect(await page.innerText('[data-lh="card-drawer"] [data-lh="index"]')).toBe('#304')
    await page.waitForSelector('[data-lh="card-drawer"] >> text=who?')
    await page.close()
  })

  test('text of 200 %: the axis and the names grow with it, and nothing is cut', async () => {
    const page = await panel.open('only=timeline&examples=40&fork=20&text=200', { width: 1400, height: 600 })
    await page.waitForSelector('[data-lh="timeline-history"]')
    await drawn(page)
    const labels = await page.evaluate(() => {
      const { right } = document.querySelector('.lh-Timeline')!.getBoundingClientRect()
      return [...document.querySelectorAll<HTMLElement>('[data-lh="timeline-label"]')].map(each => {
        const name = each.querySelector<HTMLElement>('.lh-Timeline-name')!
        const box = each.getBoundingClientRect()
        return box.right <= right + 0.5 && name.scrollWidth <= name.clientWidth && box.height >= name.offsetHeight
      })
    })
    expect(labels).toEqual([true, true, true])
    // The axis' numbers are about 16 px high, twice what they are at the usual size: their upper and lower part.
    const { data, width } = await pictureOf(page)
    const ink = (from: number, to: number) =>
      Array.from(
        { length: (to - from) * 600 },
        (_, i) => (220 + from + Math.floor(i / 600)) * width + 90 + (i % 600),
      ).filter(at => data[4 * at + 3]! > 100).length
    const rows = [ink(15, 22), ink(24, 32)]
    expect(Math.min(...rows)).toBeGreaterThan(20)
    await page.close()
  })
})
