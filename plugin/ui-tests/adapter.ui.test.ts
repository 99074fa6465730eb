import type { AdapterPair } from 'lora-harness/protocol'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import type { View } from '../src/model/view.js'
import { axe } from './page/axe.js'
import { site } from './page/open.js'
import type { FakeSource } from './page/sample.js'
import { pairOf } from './page/weights.js'

declare const panel: { source: FakeSource; view: View }

/** Centres of a heat map's cells as drawn: `rgb` of each row, null where nothing is drawn. */
const cellsOf = (page: Page, chart: string, rows: number, columns: number) =>
  page.$eval(
    `[data-lh="${chart}"] .hm image`,
    async (image, [rows, columns]) => {
      const drawn = new Image()
      drawn.src = image.getAttribute('href') ?? image.getAttributeNS('http://www.w3.org/1999/xlink', 'href')!
      await drawn.decode()
      const canvas = document.createElement('canvas')
      ;[canvas.width, canvas.height] = [drawn.width, drawn.height]
      const context = canvas.getContext('2d')!
      context.drawImage(drawn, 0, 0)
      return Array.from({ length: rows! }, (_, row) =>
        Array.from({ length: columns! }, (_, column) => {
          const at = [((column + 0.5) * drawn.width) / columns!, ((row + 0.5) * drawn.height) / rows!] as const
          const [r, g, b, a] = context.getImageData(Math.floor(at[0]), Math.floor(at[1]), 1, 1).data
          return a === 0 ? null : ([r!, g!, b!] as const)
        }),
      )
    },
    [rows, columns],
  )
/** Cividis is made to grow evenly in lightness. */
const light = ([r, g, b]: readonly [number, number, number]) => 0.2126 * r + 0.7152 * g + 0.0722 * b

const text = (page: Page, of: string) => page.textContent(`[data-lh="${of}"]`)
const asked = (page: Page, type: string) =>
  page.evaluate(type => panel.source.asked.filter(ask => ask.type === type), type)
const drawn = (page: Page, chart: string) => page.waitForSelector(`[data-lh="chart-${chart}"][data-drawn]`)
describe.skipIf(!CHROMIUM && !process.env.CI)('the adapter in Chromium', () => {
  let here: Awaited<ReturnType<typeof site>>
  let page: Awaited<ReturnType<typeof here.open>>
  beforeAll(async () => {
    here = await site()
  })
  afterAll(() => here.close())
  afterEach(async () => {
    expect(page.trouble).toEqual([])
    await page.close()
  })
  const open = async (query = 'examples=40&fork=20', act: () => void = () => panel.view.select(39), size = {}) => {
    page = await here.open(query, { width: 1400, height: 2600, ...size })
    await page.evaluate(act)
  }
  /** What was answered last. */
  const pair = async (): Promise<AdapterPair> => {
    const last = (await asked(page, 'adapters')).at(-1) as unknown as { a: string | null; b: string | null }
    return pairOf(last.a, last.b)
  }

  test('where: a cell for each module, darker the more it moved; hatched without an adapter, empty at zero', async () => {
    await open()
    await drawn(page, 'where-change')
    const { modules } = await pair()
    const cells = await cellsOf(page, 'chart-where-change', 30, 7)
    expect(cells[29]).toEqual(Array(7).fill(null))
    expect(cells[0]![2]).toBeNull() // v of layer 0 is zero.
    const colours = cells.slice(0, 29).flat()
    const sizes = modules.change.map(({ norm, baseNorm }) => norm / baseNorm!)
    expect(colours.filter(colour => colour === null)).toHaveLength(1)
    const order = sizes.map((size, i) => ({ size, colour: colours[i]! })).filter(({ size }) => size > 0)
    order.sort((a, b) => a.size - b.size)
    // Neighbours may round to one colour, or by a step of 8 bits to the other side.
    for (const [i, { colour }] of order.entries())
      if (i > 0) expect(light(colour)).toBeLessThanOrEqual(light(order[i - 1]!.colour) + 1)
    expect(order.at(-1)!.colour).toEqual([0, 32, 81]) // Cividis from its end, #002051.
    const hatched = '[data-lh="chart-where-change"] .trace.bars path[style*="url("]'
    expect(await page.locator(hatched).count()).toBe(7)
    expect(await page.textContent('[data-lh="heat-legend"]')).toMatch(/^0 %.* %.* %‖ΔW‖\/‖W₀‖no adapter$/)
    expect(await page.getAttribute('[data-lh="chart-where-change"]', 'aria-label')).toMatch(
      /^Size of 203 modules by layer and kind, at most [\d.]+ % in layer \d+, [qkvo]/,
    )
  })

  test('how many directions: a dot for each module at its effective rank and its strongest part', async () => {
    await open()
    await drawn(page, 'directions')
    const { modules } = await pair()
    const spots = await page.$$eval('[data-lh="chart-directions"] .scatterlayer .points', groups =>
      groups.map(group =>
        [...group.querySelectorAll('path')].map(path => {
          const { left, width } = path.getBoundingClientRect()
          return left + width / 2
        }),
      ),
    )
    const tickAt = (axis: string, of: string) =>
      page.$$eval(
        `[data-lh="chart-directions"] .${axis}tick text`,
        (ticks, of) => {
          const { left, width } = ticks.find(tick => tick.textContent === of)!.getBoundingClientRect()
          return left + width / 2
        },
        of,
      )
    const [one, most, none, all] = [
      ...[await tickAt('x', '1'), await tickAt('x', '16')],
      ...[await tickAt('x2', '0 %'), await tickAt('x2', '100 %')],
    ]
    const known = modules.change.filter(m => m.effectiveRank !== null)
    expect(spots.map(({ length }) => length)).toEqual([202, 202])
    for (const [i, { effectiveRank, strongest }] of known.entries()) {
      // Within a pixel: tick labels are centred by whole pixels.
      expect(Math.abs(spots[0]![i]! - (one! + ((effectiveRank! - 1) / 15) * (most! - one!)))).toBeLessThan(1)
      expect(Math.abs(spots[1]![i]! - (none! + strongest! * (all! - none!)))).toBeLessThan(1)
    }
    expect(await text(page, 'adapter-sums')).toMatch(
      /^size [\d.]+rank use \d\.\d of at most 16top \d+ %step vs path [+−]\d\.\d\d$/,
    )
  })

  test('which way: ticks up go on, ticks down undo; edits and forks are marked; a click picks the example', async () => {
    await open()
    await drawn(page, 'way')
    const bars = await page.$$eval('[data-lh="chart-way"] .trace.bars', traces =>
      traces.map(trace =>
        [...trace.querySelectorAll('path')].map(path => {
          const { top, bottom } = path.getBoundingClientRect()
          return { top, bottom, fill: getComputedStyle(path).fill }
        }),
      ),
    )
    const moves = await page.evaluate(async () => {
      const path = await panel.source.ask({ type: 'path', branch: 'main-2' })
      return path.moves
    })
    const [whole, along] = bars
    const zero = Math.max(...whole!.map(({ bottom }, i) => ((moves[i]!.onward ?? 0) < 0 ? 0 : bottom)))
    const most = Math.max(...moves.map(({ step }) => step))
    const scale = Math.max(...whole!.map(({ top, bottom }) => bottom - top)) / most
    for (const [i, { step, onward }] of moves.entries()) {
      const up = (onward ?? 0) >= 0
      expect(Math.abs((up ? whole![i]!.bottom : whole![i]!.top) - zero)).toBeLessThan(1)
      // Plotly draws the ends of bars on whole pixels.
      expect(Math.abs(whole![i]!.bottom - whole![i]!.top - step * scale)).toBeLessThan(2)
      if (onward === null) continue
      expect(Math.abs(along![i]!.bottom - along![i]!.top - step * Math.abs(onward) * scale)).toBeLessThan(2)
      expect(along![i]!.fill).toBe(up ? 'rgb(0, 114, 178)' : 'rgb(213, 94, 0)')
    }
    // The fork at 20, and after an edit at 10 a pencil with its number.
    const signs = (path: string) => page.locator(`[data-lh="chart-way"] .shapelayer path[d*="${path}"]`).count()
    expect([await signs('C'), await signs('Z')]).toEqual([1, 0])
    await page.evaluate(() => {
      const event = { type: 'swap', branch: 'main', index: 10, time: '', changed: ['finetuneFn'], diff: '' }
      panel.source.store.apply({ type: 'event', n: 0, event })
    })
    await page.waitForSelector('[data-lh="chart-way"] .shapelayer path[d*="Z"]', { state: 'attached' })
    expect(await page.locator('[data-lh="chart-way"] .annotation-text:text-is("1")').count()).toBe(1)
    expect(await page.locator('[data-lh="part-cosines"] td[data-sign]').allTextContents()).toEqual([
      ...['1.00', '0.62', '0.62', '1.00'],
    ])
    const first = await page.locator('[data-lh="chart-way"] .trace.bars path').nth(3).boundingBox()
    await page.mouse.click(first!.x + first!.width / 2, first!.y + first!.height / 2)
    expect(await page.evaluate(() => panel.view.state.index)).toBe(moves[3]!.at)
  })

  test('in total, and against another branch: on one scale, with the same rows', async () => {
    await open()
    await page.click('[data-lh="what-total"]')
    await drawn(page, 'where-b')
    expect(await text(page, 'adapter-title')).toBe('main-2 after #39')
    expect((await asked(page, 'adapters')).at(-1)).toMatchObject({ a: null })
    await page.click('[data-lh="what-against"]')
    await page.waitForFunction(() => document.querySelectorAll('[data-lh^="chart-where"][data-drawn]').length === 3)
    expect(await text(page, 'adapter-title')).toBe('main-2 after #39, against main after #39')
    expect(await page.locator('.lh-Panes figcaption').allTextContents()).toEqual(['main-2', 'main', 'difference'])
    const { modules } = await pair()
    const of = { a: modules.a, b: modules.b, change: modules.change }
    const most = Math.max(...Object.values(of).flatMap(ms => ms.map(m => m.norm / m.baseNorm!)))
    for (const [kind, ms] of Object.entries(of)) {
      const colours = (await cellsOf(page, `chart-where-${kind}`, 30, 7)).flat()
      for (const [i, { norm, baseNorm }] of ms.entries()) {
        if (norm === 0) continue
        // Lightness along the scale, from 0 to its top, falls evenly (cividis: about 8 of 255 off a line).
        const part = Math.sqrt(norm / baseNorm! / most)
        expect(Math.abs(light(colours[i]!) - (225 + part * (29 - 225)))).toBeLessThan(20)
      }
    }
    expect(await text(page, 'adapter-sums')).toMatch(/cos [+−]\d\.\d\d$/)
  })

  test('a cell, a dot or the list picks a module: its singular values before and after', async () => {
    await open()
    const chart = await drawn(page, 'where-change')
    const heat = await (await chart.$('.hm image'))!.boundingBox()
    // Layer 12, o.
    await page.mouse.click(heat!.x + (3.5 / 7) * heat!.width, heat!.y + (12.5 / 30) * heat!.height)
    await drawn(page, 'spectrum')
    expect(await page.evaluate(() => panel.view.state.module)).toBe('model.layers.12.self_attn.o_proj')
    expect(await text(page, 'spectrum')).toContain('Singular values of layer 12, o')
    const { modules } = await pair()
    const values = modules.b.find(m => m.module === 'model.layers.12.self_attn.o_proj')!.values
    expect(await page.getAttribute('[data-lh="chart-spectrum"]', 'aria-label')).toContain(
      `after: ${values.map(v => +v.toPrecision(3)).join(', ')}`,
    )
    const heights = await page.$$eval('[data-lh="chart-spectrum"] .points', groups =>
      groups.map(group => [...group.querySelectorAll('path')].map(path => path.getBoundingClientRect().top)),
    )
    expect(heights.map(({ length }) => length)).toEqual([8, 8])
    // On a logarithmic axis equal ratios are equal ways.
    const way = (i: number, j: number) => (heights[1]![j]! - heights[1]![i]!) / Math.log(values[i]! / values[j]!)
    expect(way(0, 7) / way(1, 6)).toBeCloseTo(1, 1)
    await page.click('[data-lh="what-against"]')
    await page.waitForSelector('[data-lh="chart-spectrum"] .js-line[style*="stroke-dasharray"]')
    await page.selectOption('[data-lh="module"]', '')
    expect(await page.evaluate(() => panel.view.state.module)).toBeNull()
    expect(await page.locator('[data-lh="spectrum"]').count()).toBe(0)
  })

  test('new directions of a module are looked for when they are asked for, and marked', async () => {
    await open()
    const pick = (module: string) => page.selectOption('[data-lh="module"]', module)
    const module = 'model.layers.12.self_attn.o_proj'
    await pick(module)
    const find = page.locator('[data-lh="find-new-directions"]')
    await expect.poll(() => find.textContent()).toBe('Find new directions in layer 12, o')
    expect(await asked(page, 'directions')).toEqual([])
    // The kernel takes its time: meanwhile the button says so, and there is nothing to press twice.
    await page.evaluate(() => {
      const { answers } = panel.source
      const { directions } = answers
      answers.directions = async ask => {
        await new Promise(done => document.addEventListener('answer', done, { once: true }))
        return directions!(ask)
      }
    })
    await find.click()
    await expect.poll(() => find.textContent()).toBe('Decomposing layer 12, o: up to half a minute…')
    expect(await find.isDisabled()).toBe(true)
    await page.evaluate(() => document.dispatchEvent(new Event('answer')))
    const found = page.locator('[data-lh="new-directions"]')
    await expect
      .poll(() => found.textContent())
      .toContain('◇ New to the base model: 1 of the 10 strongest directions of W₀ + ΔW.')
    const marks = found.locator('li')
    expect(await marks.allTextContents()).toEqual(
      [1, 0.9987, 0.98, 0.41, 0.97, 0.9, 0.5, 0.88, 0.93, 0.86].map(c => `${c < 0.5 ? '◇' : '●'} ${c.toFixed(2)}`),
    )
    const last = (await asked(page, 'adapters')).at(-1) as unknown as { b: string }
    expect(await asked(page, 'directions')).toEqual([{ type: 'directions', adapter: last.b, module }])
    // Another module has not been asked about; this one is known from before.
    await pick('model.layers.3.mlp.up_proj')
    await expect.poll(() => find.textContent()).toBe('Find new directions in layer 3, up')
    await pick(module)
    await expect.poll(() => marks.count()).toBe(10)
    expect(await asked(page, 'directions')).toHaveLength(1)
    // What fails says why, and can be tried again; what cannot work says why before it is tried.
    await page.evaluate(() => {
      panel.source.answers.directions = () => {
        throw new Error('the base model is not here')
      }
    })
    await pick('model.layers.3.mlp.up_proj')
    await find.click()
    await expect.poll(() => found.textContent()).toBe('the base model is not hereTry again')
    expect(await find.isDisabled()).toBe(false)
    await page.evaluate(() => {
      panel.source.reasons.directions = 'The connection to the kernel is lost'
    })
    await pick('model.layers.4.mlp.up_proj')
    await expect.poll(() => find.getAttribute('title')).toBe('The connection to the kernel is lost')
    expect(await find.isDisabled()).toBe(true)
  })

  test('a module that is looked at can be left out: the cell that answers the example again without it', async () => {
    await open('examples=40&live=1', () => {
      panel.view.set({ module: 'model.layers.12.self_attn.o_proj' })
      panel.view.select(39)
    })
    await page.click('[data-lh="run-without"] >> text=Run #39 without layer 12, o')
    const cell = await text(page, 'without-cell')
    expect(cell).toContain('const modules = ["model.layers.12.self_attn.o_proj"]')
    expect(cell).toContain('at: 39,')
    await page.keyboard.press('Escape')
    await page.evaluate(() => panel.source.store.set({ connection: { kind: 'closed' } }))
    await page.waitForSelector('[data-lh="run-without"][disabled][title^="There is no kernel"]')
  })

  test('says in words what cannot be shown, and why', async () => {
    await open('examples=40', () => {
      panel.source.reasons.adapters = 'The kernel restarted and knows nothing of this run.'
      panel.view.select(37)
    })
    await page.waitForFunction(() =>
      document.querySelector('[data-lh="adapter-why"]')?.textContent?.includes('restarted'),
    )
    await page.evaluate(() => {
      panel.source.reasons = {}
      panel.source.answers.adapters = () => {
        throw new Error('adapter 12ab was given up: gc')
      }
      panel.view.select(36)
    })
    await page.waitForFunction(() => document.querySelector('[data-lh="adapter-why"]')?.textContent?.includes('gc'))
    // Example 33 was skipped.
    await page.evaluate(() => panel.view.select(33))
    expect(await text(page, 'adapter-why')).toMatch(/^#33 was not trained on: its adapter is as it was\./)
    expect(await page.isDisabled('[data-lh="what-against"]')).toBe(true)
  })

  test('sizes of their own where the base weights are not known; a hostile name is a name', async () => {
    await open('examples=40', () => {
      const { adapters } = panel.source.answers
      panel.source.answers.adapters = async ask => {
        const pair = structuredClone(await adapters!(ask))
        pair.baseWhy = 'The model is not here.'
        pair.all = null
        for (const of of Object.values(pair.modules))
          for (const m of of) {
            m.baseNorm = null
            if (m.module.endsWith('q_proj')) m.module = m.module.replace('q_proj', '<a href="//x">q</a>')
          }
        return pair
      }
      panel.view.select(36)
    })
    await page.waitForSelector('[data-lh="adapter-title"]:text("#36")')
    await drawn(page, 'where-change')
    await drawn(page, 'directions')
    expect(await text(page, 'part-where')).toContain('norms of the base weights are not known. The model is not here.')
    expect(await text(page, 'heat-legend')).not.toContain('W₀')
    expect(await page.locator('.lh-Chart a').count()).toBe(0)
    expect(await page.textContent('[data-lh="chart-where-change"]')).toContain('<a href="//x')
  })

  test('a kernel is not flooded: nothing unseen is asked, one at a time, and the last wanted wins', async () => {
    await open('examples=400', () => panel.view.set({ tab: 'answer' }), { width: 900, height: 800 })
    await page.waitForTimeout(300) // Time in which something could have been asked.
    expect(await asked(page, 'adapters')).toEqual([])
    expect(await asked(page, 'path')).toEqual([])
    const begun = performance.now()
    const most = await page.evaluate(async () => {
      const { adapters } = panel.source.answers
      let [under, most] = [0, 0]
      panel.source.answers.adapters = async ask => {
        most = Math.max(most, ++under)
        await new Promise(resolve => setTimeout(resolve, 150))
        under--
        return adapters!(ask)
      }
      panel.view.set({ tab: 'adapter', what: 'total' })
      for (let index = 100; index < 160; index++) {
        panel.view.select(index)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      return most
    })
    await page.waitForFunction(() => document.querySelector('[data-lh="adapter-title"]')?.textContent?.includes('#159'))
    expect(most).toBe(1)
    // The first, the last, and one for every 150 ms.
    expect((await asked(page, 'adapters')).length).toBeLessThan(2 + (performance.now() - begun) / 150)
  })
  test('axe finds nothing, light and dark, with all that can be shown', async () => {
    for (const theme of ['light', 'dark']) {
      if (theme === 'dark') await page.close()
      await open(`examples=40&fork=20&theme=${theme}`, () =>
        panel.view.select(39, { what: 'against', module: 'model.layers.12.mlp.up_proj' }),
      )
      await drawn(page, 'spectrum')
      await drawn(page, 'way')
      await page.click('[data-lh="find-new-directions"]')
      await page.waitForSelector('[data-lh="new-directions"] li')
      expect(await axe(page, '[data-lh="adapter"]')).toEqual([])
      expect(await axe(page, '[data-lh="lineage"]')).toEqual([])
    }
  })
})
