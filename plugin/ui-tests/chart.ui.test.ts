import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import type { View } from '../src/model/view.js'
import { site } from './page/open.js'
import type { FakeSource } from './page/sample.js'

declare const panel: { source: FakeSource; view: View }
declare const contexts: string[]

describe.skipIf(!CHROMIUM && !process.env.CI)('charts in Chromium', () => {
  let here: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    here = await site()
  })
  afterAll(() => here.close())

  test('no button uploads anything, no WebGL, no request but to the page’s own server; plotly comes with the first chart', async () => {
    const context = await here.browser.newContext({ viewport: { width: 900, height: 1600 } })
    await context.addInitScript(() => {
      const { getContext } = HTMLCanvasElement.prototype
      const contexts: string[] = []
      Object.assign(globalThis, { contexts })
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...about: never[]) {
        contexts.push(about[0]!)
        return Reflect.apply(getContext, this, about)
      } as never
    })
    const page = await context.newPage()
    const requests: string[] = []
    page.on('request', request => requests.push(request.url()))
    await page.goto(`${here.origin}/?examples=40`)
    await page.waitForSelector('.lh-Panel')
    await page.evaluate(() => panel.view.select(39))
    await page.waitForTimeout(300) // Time in which a chart could have been drawn.
    const before = requests.length
    await page.evaluate(() => panel.view.set({ tab: 'adapter', module: 'model.layers.12.mlp.up_proj' }))
    for (const name of ['where-change', 'directions', 'spectrum', 'way'])
      await page.waitForSelector(`[data-lh="chart-${name}"][data-drawn]`)
    const chunks = requests.slice(before).filter(url => url.endsWith('.js'))
    const sizes = await page.evaluate(
      urls => Promise.all(urls.map(async url => (await (await fetch(url)).text()).length)),
      chunks,
    )
    expect(Math.max(...sizes)).toBeGreaterThan(1_000_000) // Plotly.
    expect(requests.filter(url => !url.startsWith(here.origin) && !/^(data|blob):/.test(url))).toEqual([])
    expect(await page.evaluate(() => contexts.filter(kind => kind !== '2d'))).toEqual([])
    for (const chart of await page.$$('.lh-Chart')) await chart.hover()
    expect(await page.locator('.modebar-btn, .lh-Chart a, [data-title*="hare"]').count()).toBe(0)
    expect(await page.textContent('body')).not.toMatch(/plotly|share chart|cloud/i)
    expect(await page.$$eval('.lh-Chart', charts => charts.every(chart => chart.getAttribute('role') === 'img'))).toBe(
      true,
    )
    await context.close()
  })

  test('drawn again when the theme, the size or what is hidden changes; nothing is left behind', async () => {
    const page = await here.open('examples=40', { width: 1400, height: 2600 })
    await page.evaluate(() => panel.view.select(39))
    await page.waitForSelector('[data-lh="chart-directions"][data-drawn]')
    const dot = () => page.$eval('[data-lh="chart-directions"] .points path', path => getComputedStyle(path).fill)
    const times = () =>
      page.$eval('[data-lh="chart-directions"]', chart => Number((chart as HTMLElement).dataset.drawn))
    const more = (than: number) =>
      page.waitForFunction(
        n => Number(document.querySelector<HTMLElement>('[data-lh="chart-directions"]')?.dataset.drawn) > n,
        than,
      )
    expect(await dot()).toBe('rgb(0, 114, 178)')
    let before = await times()
    await page.evaluate(() => {
      document.body.dataset.jpThemeLight = 'false'
    })
    await more(before)
    expect(await dot()).toBe('rgb(86, 180, 233)')

    before = await times()
    await page.setViewportSize({ width: 1250, height: 2600 })
    await more(before)
    const widths = await page.$eval('[data-lh="chart-directions"]', chart => [
      chart.clientWidth,
      Number(chart.querySelector('svg')!.getAttribute('width')),
    ])
    expect(widths[1]).toBe(widths[0])

    await page.evaluate(() => {
      document.querySelector<HTMLElement>('.lh-Columns')!.style.display = 'none'
    })
    before = await times()
    await page.evaluate(() => panel.view.set({ module: 'model.layers.3.mlp.up_proj' }))
    await page.waitForTimeout(200) // Time in which it could have been drawn.
    expect(await times()).toBe(before)
    await page.evaluate(() => {
      document.querySelector<HTMLElement>('.lh-Columns')!.style.display = ''
    })
    await more(before)

    await page.evaluate(() => panel.view.set({ comparing: true }))
    await page.waitForFunction(() => document.querySelector('.lh-Chart') === null)
    expect(await page.locator('.js-plotly-plot').count()).toBe(0)
    expect(page.trouble).toEqual([])
    await page.close()
  })
})
