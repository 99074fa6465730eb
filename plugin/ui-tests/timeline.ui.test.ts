import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { random } from '../../src/tensor.js'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { FIRST_VIEW } from '../src/model/view.js'
import { axe } from './page/axe.js'
import {
  append,
  branchOf,
  type Colour,
  colour,
  drawn,
  has,
  load,
  look,
  pictureOf,
  pieces,
  pointOf,
} from './page/drawn.js'
import { openTimeline, site } from './page/open.js'
import { around, FOUR, fourMarks, PLOT, x, y } from './page/plot.js'

const THEMES = [
  {
    theme: 'light',
    updated: '#0072B2',
    quiet: '#6B6B6B',
    failed: '#D55E00',
    edit: '#9a6700',
    green: '#00835f',
    ground: '#ffffff',
  },
  {
    theme: 'dark',
    updated: '#56B4E9',
    quiet: '#A8A8A8',
    failed: '#FF8C42',
    edit: '#e69f00',
    green: '#00c08b',
    ground: '#212121',
  },
] as const

describe.skipIf(!CHROMIUM && !process.env.CI)('the timeline in Chromium', () => {
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

  describe.each(THEMES)('in the $theme theme', ({ theme, updated, quiet, failed, edit, green, ground }) => {
    let page: Page & { trouble: string[] }
    beforeAll(async () => {
      page = await open(`theme=${theme}`)
    })
    afterAll(async () => {
      expect(page.trouble).toEqual([])
      await page.close()
    })

    test('draws each outcome as its shape, in its colour, at its score', async () => {
      await load(page, { main: fourMarks })
      const picture = await pictureOf(page)
      const colours: Record<string, Colour> = {
        ...{ updated: colour(updated), unchanged: colour(quiet), skipped: colour(quiet), failed: colour(failed) },
      }
      const marks = FOUR.map(({ index, outcome, score }) => {
        const of = colours[outcome]!
        const [piece, ...more] = pieces(picture, of, around(x(index), y(score)))
        expect(more, outcome).toEqual([])
        // A mark may be off its place by half a pixel of rounding, and its edge pixels weigh on one side.
        expect(Math.hypot(piece!.x - x(index), piece!.y - y(score)), outcome).toBeLessThan(1)
        // On most of the sides: where a pixel begins decides the others.
        const at = (dx: number, dy: number) =>
          [-1, 1]
            .flatMap(sx =>
              [-1, 1].map(sy => has(picture, Math.floor(piece!.x + sx * dx), Math.floor(piece!.y + sy * dy), of)),
            )
            .filter(Boolean).length > 2
        return [at(0, 0), at(3, 0), at(0, 3), at(4, 4)]
      })
      expect(marks).toEqual([
        [true, true, true, false], // ●
        [false, true, true, false], // ○
        [true, true, false, false], // ▬
        [true, false, false, false], // ✕
      ])
    })

    test('draws as many marks as there are examples', async () => {
      const outcomes = ['updated', 'unchanged', 'updated', 'skipped', 'failed'] as const
      const points = Array.from({ length: 35 }, (_, i) =>
        // The mean is 0.5, and between them.
        pointOf(i, { outcome: outcomes[i % 5]!, metrics: { f1: i % 2 ? 0.85 : 0.15 } }),
      )
      await load(page, { main: points })
      const picture = await pictureOf(page)
      const count = (hex: string) => {
        const box = { ...PLOT, right: PLOT.right - 1 }
        const [low, high] = [y(0.4), y(0.6)].map(Math.round) as [number, number]
        return (
          pieces(picture, colour(hex), { ...box, bottom: high }).length +
          pieces(picture, colour(hex), { ...box, top: low }).length
        )
      }
      expect([count(updated), count(quiet), count(failed)]).toEqual([14, 14, 7])
    })

    test('draws edits over the whole height, the baseline in dots, a branch from where it left, by dashes', async () => {
      const scored = (i: number, f1: number) => pointOf(i, { metrics: { f1 }, baselines: { base: { f1: 0.3 } } })
      await load(
        page,
        {
          main: Array.from({ length: 30 }, (_, i) => scored(i, 1)),
          'main-2': Array.from({ length: 10 }, (_, i) => scored(20 + i, 0)),
        },
        {
          branches: [branchOf('main', null, 0), branchOf('main-2', 'main', 20)],
          events: [{ type: 'swap', branch: 'main', index: 12, time: '' }],
        },
      )
      const picture = await pictureOf(page)
      const line = Math.round(x(11.5))
      // Between the two means that lie over it.
      for (let py = PLOT.top + 8; py < y(0.3) - 8; py++)
        expect(has(picture, line, py, colour(edit)), `${py}`).toBe(true)
      // One dot in 5 px.
      const dots = pieces(picture, colour(quiet), {
        left: 98,
        right: 197,
        top: Math.round(y(0.3)) - 2,
        bottom: Math.round(y(0.3)) + 2,
      })
      expect(dots).toHaveLength(20)
      // The other branch stays at 1, where this one falls: its mean is drawn from the last shared example on.
      const above = { top: Math.round(y(1)) - 1, bottom: Math.round(y(1)) + 1 }
      expect(pieces(picture, colour(green), { ...above, left: PLOT.left, right: Math.floor(x(19)) - 5 })).toEqual([])
      const dashes = pieces(picture, colour(green), { ...above, left: Math.ceil(x(19)), right: Math.floor(x(29)) })
      // 10 examples of about 31 px, by dashes of 7 px with 5 px between; the round end of one may be cut.
      expect(dashes.length).toBeGreaterThan(18)
      // The rail: a corner down from this branch's row.
      const corner = pieces(picture, colour(green), {
        left: Math.floor(x(19.5)) - 3,
        right: Math.ceil(x(29.5)),
        top: 221,
        bottom: 245,
      })
      expect(corner.length).toBeGreaterThan(10)
      expect(Math.min(...corner.map(piece => piece.x))).toBeLessThan(x(19.5) + 6)
    })

    test('has nothing that axe-core finds fault with', async () => {
      const branches = [branchOf('main', null, 0), branchOf('main-2', 'main', 10)]
      const events = [{ type: 'swap', branch: 'main', index: 5, time: '' }]
      await load(page, { main: fourMarks, 'main-2': fourMarks.slice(10) }, { branches, events })
      await look(page, { lanes: true, follow: false, zoom: [[0, 15]], index: 12 })
      await append(page, 'main-2', [pointOf(20)])
      expect(await page.locator('[data-lh="timeline-new"]').count()).toBe(1)
      expect(await axe(page, '.lh-Timeline')).toEqual([])
      await look(page, FIRST_VIEW)
    })

    test('has 3:1 or more between every mark and the ground, also for the thinnest cell', async () => {
      expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
        `rgb(${colour(ground).join(', ')})`,
      )
      await load(page, { main: crowd(index => (index === 1500 ? { metrics: { f1: 0.9 } } : {})) })
      const picture = await pictureOf(page)
      const lone = findAlpha(picture, colour(updated), around(x(1500, CROWD), y(0.9) + 4, 5))
      const dense = findAlpha(picture, colour(updated), around(x(700, CROWD), y(0.1) - 4, 5))
      expect(dense).toBe(255)
      expect(lone).toBeLessThan(220)
      const over = (hex: string, alpha: number) =>
        colour(hex).map((v, k) =>
          Math.round((v * alpha + colour(ground)[k]! * (255 - alpha)) / 255),
        ) as unknown as Colour
      for (const hex of [updated, quiet, failed, edit, green])
        expect(contrast(colour(hex), colour(ground)), hex).toBeGreaterThanOrEqual(3)
      for (const hex of [updated, quiet])
        expect(contrast(over(hex, lone), colour(ground)), hex).toBeGreaterThanOrEqual(3)
    })
  })

  test('draws every failed example of thousands', async () => {
    await look(page, FIRST_VIEW)
    await load(page, { main: crowd(index => (index % 100 === 50 ? { outcome: 'failed', metrics: { f1: 0.9 } } : {})) })
    const crosses = pieces(await pictureOf(page), colour('#D55E00'), { ...PLOT, bottom: Math.round(y(0.5)) })
    expect(crosses).toHaveLength(30)
    expect(crosses[10]!.x).toBeCloseTo(x(1050, CROWD), 0)
  })

  test('draws new examples as a whole drawing would have them', async () => {
    const page = await open()
    for (const before of [30, 900]) {
      const { uniform } = random(before)
      const outcomes = ['updated', 'updated', 'unchanged', 'skipped', 'failed'] as const
      const make = (i: number) =>
        pointOf(i, {
          ...{ outcome: outcomes[Math.floor(uniform() * 5)]!, metrics: { f1: uniform() } },
          baselines: { base: { f1: uniform() / 2 } },
        })
      const branches = [branchOf('main', null, 0), branchOf('main-2', 'main', 15)]
      const all = {
        main: Array.from({ length: before + 3 }, (_, i) => make(i)),
        'main-2': Array.from({ length: before - 15 }, (_, i) => make(15 + i)),
      }
      await load(page, all, { branches })
      await look(page, { lanes: true, window: 7 })
      for (let i = 0; i < 8; i++) await append(page, 'main-2', [make(before + i)])
      const piecewise = await pictureOf(page)
      // Another theme's colours, even if they are the same, mean that all is drawn anew.
      await page.evaluate(() => {
        document.body.dataset.jpThemeName = 'another'
      })
      await drawn(page)
      const whole = await pictureOf(page)
      const alpha = ({ data }: typeof whole) => data.filter((_, i) => i % 4 === 3)
      const now = alpha(piecewise)
      const differs = alpha(whole).filter((v, i) => Math.abs(v - now[i]!) > 64)
      // A longer path is smoothed a little otherwise: some pixels at edges. A piece that is missing has hundreds.
      expect(differs.length, `after ${before}`).toBeLessThan(20)
      await look(page, { lanes: false })
    }
    await page.close()
  })

  test('grows the upright axis by a tenth where a score needs it', async () => {
    const page = await open()
    await load(page, { main: [...Array(20).keys()].map(i => pointOf(i, { metrics: { f1: i === 5 ? 2 : 0 } })) })
    // 0 to 2.2 instead of 0 to 1.
    const [mark] = pieces(await pictureOf(page), colour('#0072B2'), around(x(5), y(2 / 2.2)))
    expect(mark!.y).toBeCloseTo(y(2 / 2.2), 0)
    await page.close()
  })

  test('labels each line where it leaves the picture, if it is in the picture', async () => {
    await look(page, FIRST_VIEW)
    const branches = [branchOf('main', null, 0), branchOf('late', 'main', 30)]
    const scored = (from: number, f1: (i: number) => number) =>
      Array.from({ length: 36 - from }, (_, i) => pointOf(from + i, { metrics: { f1: f1(from + i) } }))
    await load(page, { main: scored(0, i => (i < 18 ? 0.25 : 1)), late: scored(30, () => 0) }, { branches })
    await look(page, { branch: 'main', zoom: [[0, 15]], follow: false, index: 3 })
    const labels = page.locator('[data-lh="timeline-label"]')
    expect(await labels.allTextContents()).toEqual(['main 0.25'])
    const box = (await labels.first().boundingBox())!
    expect(Math.abs(box.y + box.height / 2 - y(0.25))).toBeLessThan(2)
    await look(page, { zoom: [] })
    expect(await labels.allTextContents()).toEqual(['main 0.63', 'late 0.46'])
  })
})

/** 3,000 examples with a score of 0.1, where `about` says nothing else. */
const crowd = (about: (index: number) => Parameters<typeof pointOf>[1]) =>
  Array.from({ length: 3000 }, (_, i) => pointOf(i, { metrics: { f1: 0.1 }, ...about(i) }))
/** Width of one of them: the timeline has room for as many as grow from 40 by eighths. */
const CROWD = (() => {
  let room = 40
  while (room < 3000) room += Math.max(8, Math.round(room / 8))
  return (PLOT.right - PLOT.left) / room
})()

/** The greatest opacity of a colour within a box. */
function findAlpha(picture: Awaited<ReturnType<typeof pictureOf>>, of: Colour, box: ReturnType<typeof around>): number {
  let most = 0
  for (let py = box.top; py <= box.bottom; py++)
    for (let px = box.left; px <= box.right; px++)
      if (has(picture, px, py, of)) most = Math.max(most, picture.data[(py * picture.width + px) * 4 + 3]!)
  return most
}

/** Contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: Colour, b: Colour): number {
  const light = (of: Colour) => {
    const [r, g, b] = of.map(v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as [
      number,
      number,
      number,
    ]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark, bright] = [light(a), light(b)].sort((p, q) => p - q) as [number, number]
  return (bright + 0.05) / (dark + 0.05)
}
