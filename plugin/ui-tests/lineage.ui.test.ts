import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import type { View } from '../src/model/view.js'
import { site } from './page/open.js'
import { type FakeSource, stateOf } from './page/sample.js'

declare const panel: { source: FakeSource; view: View }

describe.skipIf(!CHROMIUM && !process.env.CI)('lineage in Chromium', () => {
  let here: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    here = await site()
  })
  afterAll(() => here.close())

  test('branches and adapters: a click looks at one, with Ctrl it is compared, from the keyboard too', async () => {
    const page = await here.open('examples=40&fork=20', { width: 1400, height: 2600 })
    const state = () => page.evaluate(() => panel.view.state)
    await page.waitForFunction(() => document.querySelector('[data-lh="rail-adapter"]')?.textContent?.includes('MB'))
    const tips = page.locator('[data-lh="rail-tip"] button')
    expect(await tips.allTextContents()).toEqual(['main-240 examplesworked onleft main before #20', 'main40 examples'])
    expect(await tips.first().getAttribute('aria-current')).toBe('true')
    expect(await page.locator('[data-lh="lineage"] li').count()).toBeLessThanOrEqual(14)
    // One line joins another: the branch leaves there.
    expect(await page.locator('.lh-Rail path[d*="C"]').count()).toBe(1)

    await page.click('[data-lh="rail-adapter"][data-branch="main"] button')
    const adapter = await state()
    expect([adapter.branch, adapter.follow]).toEqual(['main', false])
    expect(await page.textContent('[data-lh="lineage"] [aria-current]')).toMatch(new RegExp(`^#${adapter.index}`))

    await page.click('[data-lh="lineage-all"]')
    expect(await page.locator('[data-lh="rail-adapter"]').count()).toBeGreaterThan(40)
    await page.click('[data-lh="lineage-all"]')

    await tips.first().focus()
    await page.keyboard.press('Enter')
    expect(await state()).toMatchObject({ branch: null, follow: true })
    await tips.last().click({ modifiers: ['Control'] })
    expect(await state()).toMatchObject({ branch: null, against: ['main'], comparing: true })
    await page.evaluate(() => panel.view.set({ comparing: false, against: [] }))
    await tips.last().focus()
    await page.keyboard.press('Control+Enter')
    expect(await state()).toMatchObject({ against: ['main'], comparing: true })
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('says whose finetuneFn was edited since; works without an answer of the kernel', async () => {
    const page = await here.open('examples=40', { width: 1400, height: 2600 })
    expect(await page.locator('.lh-Lineage-edited').count()).toBe(0)
    const state = stateOf({ index: 40 })
    await page.evaluate(
      state => {
        panel.source.reasons.lineage = 'no'
        panel.source.store.apply({ type: 'state', state })
      },
      { ...state, callables: { ...state.callables, finetuneFn: 'f'.repeat(64) } },
    )
    await page.waitForSelector('.lh-Lineage-edited')
    expect(await page.locator('[data-lh="rail-adapter"] .lh-Lineage-edited').count()).toBe(
      await page.locator('[data-lh="rail-adapter"]').count(),
    )
    await page.close()
  })
})
