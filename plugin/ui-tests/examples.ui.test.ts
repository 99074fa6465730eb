import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import type { View } from '../src/model/view.js'
import { axe } from './page/axe.js'
import { site } from './page/open.js'
import type { FakeSource } from './page/sample.js'

declare const panel: { source: FakeSource; view: View }

const LIST = '[data-lh="list"]'
const list = (page: Page) => page.locator(LIST)
const count = (page: Page) => page.locator('[data-lh="count"]').textContent()
const shown = (page: Page) => page.evaluate(() => panel.view.state.index)
/** Index and place on the screen of the rows in sight. */
const inSight = (page: Page) =>
  page.evaluate(() => {
    const box = document.querySelector('[data-lh="list"]')!.getBoundingClientRect()
    return [...document.querySelectorAll<HTMLElement>('[data-lh="row"]')]
      .map(row => ({ index: Number(row.dataset.index), top: Math.round(row.getBoundingClientRect().top - box.top) }))
      .filter(({ top }) => top >= 20 && top < box.height)
      .sort((a, b) => a.top - b.top)
  })
/** Adds examples at the end of the run. */
const more = (page: Page, n: number) =>
  page.evaluate(n => {
    const { store } = panel.source
    const line = store.line('main')
    const points = Array.from({ length: n }, (_, i) => {
      const index = line.length + i
      return { ...line[i]!, index, key: `new/${index}` }
    })
    store.apply({ type: 'points', branch: 'main', from: line.length, points })
  }, n)

describe.skipIf(!CHROMIUM && !process.env.CI)('the list of examples in Chromium', () => {
  let opened: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    opened = await site()
  })
  afterAll(() => opened.close())

  test('a grid for keyboard and screen reader', async () => {
    const page = await opened.open('examples=400')
    await list(page).focus()
    expect(await list(page).getAttribute('aria-rowcount')).toBe('401')
    await page.keyboard.press('End')
    await expect.poll(() => shown(page)).toBe(0)
    await page.keyboard.press('ArrowUp')
    await expect.poll(() => shown(page)).toBe(1)
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => shown(page)).toBe(398)
    await page.keyboard.press('PageDown')
    const after = await shown(page)
    expect(after).toBeLessThan(394)
    // The row that has the focus is in sight, is the selected one, and is what a screen reader is told.
    const row = page.locator(`#${CSS_ESCAPE(await list(page).getAttribute('aria-activedescendant'))}`)
    expect(await row.getAttribute('data-index')).toBe(String(after))
    expect(await row.getAttribute('aria-selected')).toBe('true')
    expect((await inSight(page)).map(({ index }) => index)).toContain(after)
    expect(await axe(page, '[data-lh="examples"]')).toEqual([])
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('rows that arrive move nothing in sight, and keep the focus on its example', async () => {
    const page = await opened.open('examples=400')
    await list(page).focus()
    await page.evaluate(() => panel.view.select(350))
    await list(page).evaluate(box => box.scrollBy(0, 100))
    await page.waitForTimeout(100)
    const before = await inSight(page)
    await more(page, 25)
    await expect.poll(() => count(page)).toBe('425 examples')
    expect(await inSight(page)).toEqual(before)
    await expect.poll(() => shown(page)).toBe(350)
    // Following, the newest comes into sight.
    await page.evaluate(() => panel.view.set({ follow: true, index: null }))
    await more(page, 5)
    await expect.poll(async () => (await inSight(page))[0]?.index).toBe(429)
    await page.close()
  })

  test('filters by outcome and chat, says how many, and how to see all again', async () => {
    const page = await opened.open('examples=400')
    await expect.poll(() => count(page)).toBe('400 examples')
    await page.click('[data-lh="outcome-updated"]')
    await page.click('[data-lh="outcome-unchanged"]')
    await page.click('[data-lh="outcome-skipped"]')
    await expect.poll(() => count(page)).toBe('1 of 400')
    await page.selectOption('[data-lh="chat"]', { label: 'chat-2' })
    expect((await page.locator('[data-lh="empty"]').innerText()).replace(/\s+/g, ' ')).toBe(
      'No examples match failed, chat-2 (0 of 400). Clear filter',
    )
    await page.click('[data-lh="clear"]')
    await expect.poll(() => count(page)).toBe('400 examples')
    await page.check('[data-lh="worse"]')
    const worse = Number((await count(page))!.split(' ')[0])
    expect(worse).toBeGreaterThan(0)
    expect(worse).toBeLessThan(100)
    await page.close()
  })

  test('sorts by score and difference', async () => {
    const page = await opened.open('examples=400')
    const scores = async () => (await page.locator('[data-lh="row"] > :nth-child(3)').allTextContents()).slice(0, 8)
    await page.click('[data-lh="sort-score"]')
    await expect.poll(scores).toEqual(Array(8).fill('1.00'))
    expect(await page.locator('[aria-sort="descending"]').innerText()).toMatch(/score/)
    await page.click('[data-lh="sort-score"]')
    await expect.poll(scores).toEqual(Array(8).fill('0.00'))
    // The worst difference comes first.
    await page.click('[data-lh="sort-difference"]')
    expect(await page.locator('[data-lh="row"] > :nth-child(4)').first().innerText()).toBe('−0.20')
    await page.close()
  })

  test('search says how much it has searched, and can load the rest', async () => {
    const page = await opened.open('examples=200')
    await expect.poll(() => page.locator('[data-lh="row"]').first().innerText()).toMatch(/What is the favourite/)
    await page.fill('[data-lh="search"]', 'PERSON 3 (7)')
    const searched = page.locator('[data-lh="searched"]')
    await expect.poll(() => searched.innerText()).toMatch(/^Searched the \d+ of 200 texts that are here\./)
    await expect.poll(() => count(page)).toBe('0 of 200')
    await searched.getByRole('button').click()
    await expect.poll(() => count(page)).toBe('1 of 200')
    expect(await searched.count()).toBe(0)
    await page.close()
  })

  test('tags and notes are told to the kernel, shown, and searched by', async () => {
    const page = await opened.open('examples=200')
    await page.evaluate(() => {
      panel.source.answers.annotate = async ask => {
        // A busy kernel: the note is told before the tag has come back.
        await new Promise(resolve => setTimeout(resolve, 300))
        const event = { ...ask, type: 'annotation' as const, time: '2026-01-02T03:04:05.000Z' }
        panel.source.store.apply({ type: 'event', n: panel.source.store.events.length, event })
        return null
      }
      panel.view.select(190)
    })
    await page.fill('[data-lh="add-tag"]', 'odd one')
    await page.keyboard.press('Enter')
    await page.fill('[data-lh="note"]', 'Why green?')
    await page.locator('[data-lh="note"]').blur()
    await expect
      .poll(() => page.evaluate(() => panel.source.asked.at(-1)))
      .toEqual({
        ...{ type: 'annotate', branch: 'main', index: 190, tags: ['odd one'], note: 'Why green?' },
      })
    expect(await page.locator('[data-lh="note"]').inputValue()).toBe('Why green?')
    const row = page.locator('[data-lh="row"][data-index="190"]')
    await expect.poll(() => row.innerText()).toMatch(/odd one\s*note/)
    await page.selectOption('[data-lh="tag"]', { label: 'odd one' })
    await expect.poll(() => count(page)).toBe('1 of 200')
    // Where nothing can be told, the fields say why.
    await page.evaluate(() => {
      panel.source.reasons.annotate = 'This run is a file: it cannot be changed.'
      panel.view.set({ tag: null, index: 191 })
    })
    expect(await page.locator('[data-lh="note"]').isDisabled()).toBe(true)
    expect(await page.locator('[data-lh="notes"]').innerText()).toMatch(/cannot be changed/)
    await page.close()
  })

  test('of 20,000 examples only those in sight are in the page', async () => {
    const page = await opened.open('examples=20000')
    await expect.poll(() => count(page)).toBe('20,000 examples')
    await list(page).evaluate(box => box.scrollTo(0, box.scrollHeight))
    await expect.poll(async () => (await inSight(page)).at(-1)?.index).toBe(0)
    expect(await page.locator('[data-lh="row"]').count()).toBeLessThan(80)
    // What was scrolled past is not asked for.
    await page.waitForTimeout(300)
    expect(await page.evaluate(() => panel.source.asked.length)).toBeLessThan(200)
    await page.close()
  })
})

/** React's ids have colons. */
const CSS_ESCAPE = (id: string | null): string => id!.replace(/[^\w-]/g, character => `\\${character}`)
