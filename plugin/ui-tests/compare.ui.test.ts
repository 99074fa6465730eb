import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import type { View } from '../src/model/view.js'
import { axe } from './page/axe.js'
import { site } from './page/open.js'
import type { FakeSource } from './page/sample.js'

declare const panel: { source: FakeSource; view: View }

describe.skipIf(!CHROMIUM && !process.env.CI)('comparison in Chromium', () => {
  let opened: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    opened = await site()
  })
  afterAll(() => opened.close())

  test('with base: means, interval, what changed most; a press selects', async () => {
    const page = await opened.open('examples=400')
    await page.evaluate(() => panel.view.set({ comparing: true }))
    const compare = page.locator('[data-lh="comparison"]')
    await expect.poll(() => compare.innerText()).toMatch(/main compared with base/)
    expect(await page.locator('[data-lh="joint"]').innerText()).toBe('400 examples in both')
    const row = await page.locator('[data-lh="compare-metrics"] tbody tr').innerText()
    expect(row.split(/\s+/).slice(0, 4)).toEqual(['f1', '0.44', '0.02', '+0.42'])
    await expect.poll(() => page.locator('[data-lh="pair-answers"]').innerText()).toMatch(/I cannot know that\./)
    const second = page.locator('[data-lh="pair"]').nth(1)
    const index = Number(await second.getAttribute('data-index'))
    await second.click()
    expect(await page.evaluate(() => panel.view.state.index)).toBe(index)
    expect(await second.getAttribute('aria-pressed')).toBe('true')
    await expect.poll(() => page.locator('[data-lh="pair-answers"]').innerText()).toContain(`#${index} Question`)
    expect(await axe(page, '[data-lh="comparison"]')).toEqual([])
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('with a branch: what is shared and what has no partner is told; by how much answers changed', async () => {
    const page = await opened.open('examples=80&fork=40')
    await page.evaluate(() => {
      const { store, answers } = panel.source
      const before = answers.example!
      // One that no view has asked for yet: not among the newest, not among those that changed most.
      const line = store.line('main-2')
      const { index } = line.find(point => point.index >= 40 && point.metrics.f1 === point.baselines.base!.f1)!
      answers.example = async ask => {
        const step = await before(ask)
        return ask.branch === 'main-2' && ask.index === index ? { ...step, response: 'Quite another answer' } : step
      }
      const { length } = line
      const alone = { ...store.line('main')[3]!, index: length, key: 'only/there' }
      store.apply({ type: 'points', branch: 'main-2', from: length, points: [alone] })
      panel.view.set({ comparing: true, against: ['main'] })
    })
    await page.waitForSelector('[data-lh="joint"]')
    expect((await page.locator('[data-lh="joint"]').innerText()).replace(/\s+/g, ' ')).toBe(
      '40 examples in both; 40 from before the branches part are the same and left out 1 only on main-2',
    )
    await page.click('[data-lh="by-answer"]')
    await page.locator('[data-lh="known"]').getByRole('button').click()
    await expect.poll(() => page.locator('[data-lh="known"]').count()).toBe(0)
    expect(await page.locator('[data-lh="pair"]').count()).toBe(1)
    await page.locator('[data-lh="pair"]').click()
    await expect
      .poll(() => page.locator('[data-lh="pair-answers"] ins').allTextContents())
      .toContain('Quite another answer')
    await page.close()
  })

  test('with nothing says so', async () => {
    const page = await opened.open('examples=8')
    await page.evaluate(() => {
      const { store } = panel.source
      store.apply({
        type: 'points',
        branch: 'main',
        from: 0,
        points: store.line('main').map(p => ({ ...p, baselines: {} })),
      })
      panel.view.set({ comparing: true })
    })
    await expect.poll(() => page.locator('[data-lh="comparison"]').innerText()).toMatch(/nothing to compare with/)
    await page.close()
  })
})
