import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { drawn, viewOf } from './page/drawn.js'
import type { LiveSource } from './page/live.js'
import { site } from './page/open.js'

type OnPage = { panel: { source: LiveSource } }

const press = async (page: Page, ...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key)
  await drawn(page)
}

/** Tab until this has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 80; i++) {
    if (await page.evaluate(name => document.activeElement?.matches(`[data-lh="${name}"]`), name)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reached ${name}`)
}

describe.skipIf(!CHROMIUM && !process.env.CI)('the panel by keys alone', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())

  test('the worst failed example: select it, read its difference, fork there', async () => {
    const page = await panel.open('examples=80&live=1')
    // Three failed; by how much they are worse than the baseline: #23 most.
    await page.evaluate(() => {
      const { store } = (globalThis as unknown as OnPage).panel.source
      for (const [index, base] of [
        [9, 0.2],
        [23, 0.9],
        [41, 0.5],
      ] as const) {
        const point = store.line('main')[index]!
        const points = [{ ...point, outcome: 'failed' as const, metrics: { f1: 0 }, baselines: { base: { f1: base } } }]
        store.apply({ type: 'points', branch: 'main', from: index, points })
      }
    })
    await press(page, 'Tab', '1', '2', '3')
    expect((await viewOf(page)).outcomes).toEqual(['failed'])
    await tabTo(page, 'sort-difference')
    await press(page, 'Enter')
    await press(page, 'Escape') // Back to the list.
    await press(page, 'Home')
    expect((await viewOf(page)).index).toBe(23)
    await press(page, 'Enter')
    await page.waitForSelector('[data-lh="diff"]')
    expect(await page.evaluate(() => document.activeElement!.getAttribute('data-lh'))).toBe('detail')
    expect(await page.innerText('[data-lh="diff"]')).toMatch(/\S/)
    await press(page, 'f')
    expect(await page.innerText('[role="dialog"] h3')).toBe('Fork at #23')
    await press(page, 'Control+a')
    await page.keyboard.type('f')
    await press(page, 'Enter')
    await page.waitForSelector('[data-lh="notice-said"]')
    const forks = await page.evaluate(() =>
      (globalThis as unknown as OnPage).panel.source.asked.filter(({ type }) => type === 'fork'),
    )
    expect(forks).toEqual([{ type: 'fork', at: 24, name: 'f' }])
    await page.close()
  })

  test('keys mean nothing while somebody types, and nothing outside of the panel', async () => {
    const page = await panel.open('examples=40&live=1')
    await page.focus('[data-lh="search"]')
    await page.keyboard.type('rf .? 4')
    await drawn(page)
    expect(await viewOf(page)).toMatchObject({ dialog: null, search: 'rf .? 4' })
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await press(page, 'r', '4', ' ')
    expect(await viewOf(page)).toMatchObject({ dialog: null, outcomes: { length: 4 } })
    await page.close()
  })

  test('moves, the key sheet, and back', async () => {
    const page = await panel.open('examples=40&live=1')
    await page.focus('.lh-Panel')
    await press(page, 'ArrowLeft')
    expect(await viewOf(page)).toMatchObject({ index: 38, follow: false })
    await press(page, 'g', 'g')
    expect((await viewOf(page)).index).toBe(0)
    await press(page, 'ArrowLeft')
    expect(await page.innerText('[data-lh="notice-said"]')).toContain('Nothing further that way.')
    await press(page, 'Shift+ArrowRight')
    await press(page, '?')
    expect(await page.innerText('[data-lh="key-sheet"]')).toContain('Next failed or changed')
    await press(page, 'Escape')
    expect((await viewOf(page)).dialog).toBeNull()
    expect(await page.evaluate(() => document.activeElement!.className)).toBe('lh-Panel')
    await press(page, ' ')
    await page.waitForSelector('[data-doing="paused"]')
    await press(page, 'L')
    expect((await viewOf(page)).follow).toBe(true)
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('with less motion nothing moves', async () => {
    const page = await panel.open('examples=40&live=1')
    const moving = () =>
      page.evaluate(() => document.getAnimations().filter(one => (one as CSSAnimation).animationName).length)
    expect(await moving()).toBeGreaterThan(0)
    await page.emulateMedia({ reducedMotion: 'reduce' })
    expect(await moving()).toBe(0)
    await page.close()
  })
})
