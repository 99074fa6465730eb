import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { site } from './page/open.js'

describe.skipIf(!CHROMIUM && !process.env.CI)('the panel in Chromium', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())

  test('shows a run without trouble', async () => {
    const page = await panel.open('examples=40')
    expect(page.trouble).toEqual([])
    await page.close()
  })
})
