import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { drawn, look } from './page/drawn.js'
import { site } from './page/open.js'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe-core finds wrong with the panel or a part of it, in lines. */
async function wrong(page: Page, part = '.lh-Panel'): Promise<string[]> {
  await page.addScriptTag({ path: AXE })
  const { violations } = await page.evaluate(
    part => (globalThis as unknown as { axe: { run(of: string): Promise<AxeResults> } }).axe.run(part),
    part,
  )
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  )
}

describe.skipIf(!CHROMIUM && !process.env.CI)('the panel by axe-core', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())

  test.each(['light', 'dark'])('%s: side by side, each tab, dialogs, compared', async theme => {
    const page = await panel.open(`examples=80&fork=40&theme=${theme}`)
    await page.waitForSelector('[data-lh="detail"]')
    expect(await wrong(page)).toEqual([])
    for (const tab of ['messages', 'update', 'metrics', 'raw'] as const) {
      await look(page, { tab })
      expect(await wrong(page, '.lh-Column-detail'), tab).toEqual([])
    }
    for (const dialog of ['rewind', 'keys', 'report'] as const) {
      await look(page, { dialog })
      expect(await wrong(page, '.lh-Popover'), dialog).toEqual([])
    }
    await look(page, { dialog: null, comparing: true })
    expect(await wrong(page), 'compare').toEqual([])
    await page.close()
  })

  test.each(['light', 'dark'])('%s: narrow with the list open, adapter as a tab, notices', async theme => {
    const page = await panel.open(`examples=80&theme=${theme}`, { width: 900, height: 900 })
    await page.waitForSelector('[data-lh="detail"]')
    await page.evaluate(() => {
      const { source } = (globalThis as unknown as { panel: { source: import('./page/sample.js').FakeSource } }).panel
      source.store.set({ connection: { kind: 'lost', since: Date.now() - 14_000 } })
    })
    await look(page, { drawer: true, said: { kind: 'error', text: 'it could not be done' } })
    expect(await wrong(page), 'drawer').toEqual([])
    await look(page, { drawer: false, tab: 'adapter' })
    expect(await wrong(page), 'adapter').toEqual([])
    await page.setViewportSize({ width: 480, height: 900 })
    await drawn(page)
    expect(await wrong(page), 'side bar').toEqual([])
    await page.close()
    const nothing = await panel.open(`only=nothing&theme=${theme}`)
    expect(await wrong(nothing), 'no run').toEqual([])
    await nothing.close()
  })
})
