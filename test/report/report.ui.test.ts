/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoRAHarness } from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { writePeft } from '../../src/lora/peft.js'
import { MemoryRecord } from '../../src/record/memory.js'
import { writeReport } from '../../src/report/html.js'
import { CHROMIUM, launch } from '../browser/chromium.js'
import { collect, numbered } from '../harness/toy.js'
import { randomAdapter } from '../helpers/adapters.js'
import { HOSTILE } from './hostile.js'
import { recordOf, recordSteps } from './record.js'
import { sampleSteps } from './sample.js'

/** 300 examples; the first ones have a hostile text in every field that comes from outside. */
const steps = sampleSteps(10, 30).map((step, i) => {
  const text = HOSTILE[i]
  if (text === undefined) return i === 200 ? { ...step, response: `green ${'y '.repeat(15_000)}` } : step
  const baselines = {
    base: { response: `base ${text}`, metrics: { f1: 0.5, [text]: 1 } },
    [text]: { response: text, metrics: {} },
  }
  return {
    ...step,
    key: text,
    chatId: text,
    datasetName: text,
    messages: [{ role: text, content: text }],
    response: text,
    metrics: { f1: 0, [text]: 1 },
    details: { golden_answer: text, [text]: text },
    baselines,
    outcome: { kind: 'failed' as const, reason: text },
    retrievedLora: { identifier: text },
    callables: { ...step.callables, finetuneFn: text },
  }
})

/** A run with two branches and real, small adapters. */
async function withAdapters(folder: string) {
  const modules = {
    'model.layers.0.self_attn.q_proj': { m: 6, n: 5, r: 2 },
    'model.layers.1.mlp.up_proj': { m: 7, n: 5, r: 2 },
  }
  const base = { name: '', fingerprint: '', revision: null } as never
  const lora = (seed: number) => new LoRAHandle(writePeft(randomAdapter(modules, seed), folder, base))
  let made = 0
  const record = new MemoryRecord()
  const harness = new LoRAHarness({
    recorder: record,
    exampleSource: () => numbered(3),
    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
    inferenceFn: () => '?',
    finetuneFn: () => lora(++made),
  })
  await collect(harness.run())
  harness.rewind(1, HOSTILE[1]!)
  await collect(harness.run())
  return record
}

describe.skipIf(!CHROMIUM && !process.env.CI)('the report in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const file = join(folder, 'run.html')
  const plain = join(folder, 'plain.html')
  const adapters = join(folder, 'adapters.html')
  let browser: Browser
  const requests: string[] = []
  const trouble: string[] = []
  beforeAll(async () => {
    const record = recordOf(steps, {
      runId: '<b>r1/"',
      experiment: '</title><script>globalThis.hacked = true</script>.ts',
    })
    const branch = { name: '<i onclick="globalThis.hacked=true">', parent: 'main', at: 280, skipUpdates: [] }
    record.begin(branch)
    recordSteps(record, steps.slice(280), branch)
    await writeReport(record, file, { branch: 'main' })
    const answered = { response: 'no', metrics: { f1: 0 } }
    await writeReport(
      recordOf(
        sampleSteps(3, 8).map(step => ({ ...step, baselines: { ...step.baselines, 'another chat': answered } })),
      ),
      plain,
    )
    await writeReport(await withAdapters(join(folder, 'run')), adapters, { branch: 'main' })
    browser = await launch()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function open(options: BrowserContextOptions = {}, hash = '', path = file): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, offline: true, ...options })
    const page = await context.newPage()
    page.on('request', request => requests.push(request.url()))
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()))
    page.on('pageerror', error => trouble.push(String(error)))
    await page.goto(pathToFileURL(path).href + hash)
    if (options.javaScriptEnabled !== false) await page.locator('#browser output').waitFor()
    return page
  }
  const count = (page: Page) => page.locator('#browser output').textContent()

  test('whatever the texts are: no script runs, no handler exists, nothing is asked for; they are all shown', async () => {
    const page = await open()
    for (let i = 0; i < HOSTILE.length; i++) await page.locator('details.row > summary').nth(i).click()
    const found = await page.evaluate(() => ({
      hacked: 'hacked' in globalThis,
      handlers: [...document.querySelectorAll('*')].flatMap(node =>
        node.getAttributeNames().filter(name => name.startsWith('on')),
      ),
      scripts: document.scripts.length,
      foreign: document.querySelectorAll('img, iframe, object, embed, link, base, form, [src], [style]').length,
      links: [...document.querySelectorAll('a')].filter(a => !a.getAttribute('href')!.startsWith('#lora=')).length,
      said: [...document.querySelectorAll('details.row')]
        .slice(0, 20)
        .map(row => [...row.querySelectorAll('pre')].map(pre => pre.textContent)),
    }))
    expect(found).toMatchObject({ hacked: false, handlers: [], scripts: 2, foreign: 0, links: 0 })
    for (const [i, text] of HOSTILE.entries()) {
      // Message, answer, two baselines, reference, difference.
      expect(found.said[i]!.slice(0, 5)).toEqual([text, text, `base ${text}`, text, text])
    }
    expect(requests.every(url => url.startsWith(pathToFileURL(folder).href))).toBe(true)
    expect(trouble).toEqual([])
    await page.context().close()
  })

  test('the filter: text, outcome, chat, worse, other answer; says how many of how many', async () => {
    const page = await open()
    expect(await count(page)).toBe('300 of 300')
    await page.getByLabel('Filter by text').fill('person 7, who')
    expect(await count(page)).toBe('29 of 300')
    await page.getByTitle('Show skipped examples').click()
    expect(await count(page)).toBe(
      `${steps.filter((s, i) => i % 10 === 7 && i > 14 && s.outcome.kind !== 'skipped').length} of 300`,
    )
    await page.getByLabel('Filter by text').fill('nobody said this')
    expect(await page.getByText('No examples match the filter.').isVisible()).toBe(true)
    await page.getByText('Clear filter').click()
    expect(await count(page)).toBe('300 of 300')
    await page.getByLabel('worse than base').check()
    expect(await count(page)).toBe(
      `${steps.filter(s => s.metrics.f1! < (s.baselines.base?.metrics.f1 ?? 0)).length} of 300`,
    )
    await page.getByLabel('worse than base').uncheck()
    await page.getByLabel('Chat', { exact: true }).selectOption({ label: 'chat-9' })
    expect(await count(page)).toBe(`${steps.filter(s => s.chatId === 'chat-9').length} of 300`)
    await page.context().close()
  })

  test('by keyboard alone: filter, go to a row, open it, read its difference', async () => {
    const page = await open()
    await page.keyboard.press('/')
    await page.keyboard.type('#200')
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    const row = page.locator('details.row[open]')
    expect(await row.locator('ins').first().textContent()).toContain('green')
    expect(await row.locator('del').first().textContent()).toContain('I cannot')
    expect(await row.getByText('30006 characters; the first 20000 are shown.').isVisible()).toBe(true)
    await row.getByText('Show all').click()
    expect((await row.locator('.answers pre').first().textContent())!.length).toBe(30_006)
    await page.context().close()
  })

  test('from disk, by keyboard alone: the worst failed example is found, opened, and its difference read', async () => {
    const page = await open()
    expect(page.url()).toMatch(/^file:/)
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    // From the text to the outcomes: all but the failed are put away.
    await press('/', 'Tab', 'Space', 'Tab', 'Space', 'Tab', 'Space')
    const gap = (step: (typeof steps)[number]) => step.metrics.f1! - (step.baselines.base?.metrics.f1 ?? 0)
    const failed = steps.flatMap((step, index) => (step.outcome.kind === 'failed' ? [{ index, by: gap(step) }] : []))
    expect(failed.length).toBeGreaterThan(2)
    expect(await count(page)).toBe(`${failed.length} of 300`)
    const focused = () =>
      page.evaluate(() => Number(document.activeElement!.closest<HTMLElement>('details.row')!.dataset.index))
    const worst = failed.reduce((least, one) => (one.by < least.by ? one : least))
    for (let i = 0; i < failed.length; i++) {
      await press('j')
      if ((await focused()) === worst.index) break
    }
    expect(await focused()).toBe(worst.index)
    await press('Enter')
    const row = page.locator('details.row[open]')
    expect(await row.count()).toBe(1)
    // A row is filled when its `toggle` event comes, after the key is done.
    await row.locator('ins, del').first().waitFor()
    expect(await row.textContent()).toContain(steps[worst.index]!.outcome.reason!)
    await page.context().close()
  })

  test('a link opens its example, wherever it is in the list', async () => {
    const link = `#lora=${['<b>r1/"', 'main', 250].map(part => encodeURIComponent(part)).join('/')}`
    const page = await open({}, link)
    expect(await page.locator('details.row[open]').getAttribute('data-index')).toBe('250')
    await page.evaluate(() => scrollTo(0, 0))
    await page.locator('.moves a').first().click()
    await page.locator('details.row[open]').nth(1).waitFor()
    await page.context().close()
  })

  test('the heat map in total, by the last update, against another branch; any matrix opens', async () => {
    const page = await open({}, '', adapters)
    const shown = () => page.locator('#where [data-view]:visible').getAttribute('data-view')
    expect(await shown()).toBe('total')
    for (const name of ['this update', `minus ${HOSTILE[1]}`, 'total']) {
      await page.getByRole('button', { name, exact: true }).click()
      expect(await shown()).toBe(name)
      expect(await page.locator('.choice [aria-pressed=true]').textContent()).toBe(name)
    }
    const lines = () =>
      page.locator('#spectra [data-line]').evaluateAll(paths => paths.map(path => path.getAttribute('d')))
    const before = await lines()
    expect(before.filter(d => d !== '')).toHaveLength(3)
    const about = page.locator('#spectra .about')
    await page.locator('#where [data-module="1"]:visible').click()
    expect(await about.textContent()).toMatch(/^layer 1, mlp\.up_proj: ‖ΔW‖ [\d.]+, effective rank [\d.]+ of 2/)
    expect(await lines()).not.toEqual(before)
    expect(await page.locator('#where [data-view=total] .chosen').count()).toBe(1)
    await page.getByLabel('Weight matrix').selectOption({ index: 0 })
    expect(await about.textContent()).toContain('layer 0, self_attn.q_proj')
    expect(trouble).toEqual([])
    await page.context().close()

    const still = await open({ javaScriptEnabled: false }, '', adapters)
    expect(await still.locator('#where [data-view]:visible').count()).toBe(1)
    expect(await still.locator('#where [data-view=total] svg').isVisible()).toBe(true)
    expect(await still.locator('#spectra [data-line=after]').getAttribute('d')).not.toBe('')
    await still.context().close()
  })

  test('without script it is complete but for whole texts', async () => {
    const page = await open({ javaScriptEnabled: false })
    const text = await page.locator('main').innerText()
    for (const part of [
      'After 300 examples',
      'What was changed',
      'Branches',
      'Chats',
      'The first 50 of 300 examples',
      'Adapter',
      'Limits and failures',
      'Settings',
    ])
      expect(text).toContain(part)
    expect(await page.locator('table.texts tbody tr').count()).toBe(50)
    expect(await page.locator('figure svg').count()).toBeGreaterThan(1)
    expect(await page.locator('button').count()).toBe(0)
    await page.context().close()
  })

  test.each([
    [1400, 'light', 'rgb(255, 255, 255)'],
    [900, 'light', 'rgb(255, 255, 255)'],
    [900, 'dark', 'rgb(33, 33, 33)'],
  ] as const)(
    '%i px wide, %s: no sideways scroll, the theme reaches the pictures',
    async (width, colorScheme, ground) => {
      // Hostile names of baselines make tables of 20 columns, which scroll in their own place.
      const page = await open({ viewport: { width, height: 900 }, colorScheme }, '', plain)
      const look = () =>
        page.evaluate(() => ({
          wide: Math.max(
            document.documentElement.scrollWidth,
            ...[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth + (innerWidth - box.clientWidth)),
          ),
          ground: getComputedStyle(document.body).backgroundColor,
          line: getComputedStyle(document.querySelector('figure path.stroke-text')!).stroke,
        }))
      const text = { light: 'rgb(27, 27, 27)', dark: 'rgb(236, 236, 236)' }
      expect(await look()).toEqual({ wide: width, ground, line: text[colorScheme] })
      await page.getByText('light/dark').click()
      expect((await look()).line).toBe(text[colorScheme === 'light' ? 'dark' : 'light'])
      await page.context().close()
    },
  )

  test('on paper: A4, light, at most 100 rows, no controls', async () => {
    const page = await open({ colorScheme: 'dark' })
    await page.getByTitle('Show more examples').click()
    await page.emulateMedia({ media: 'print' })
    expect(await page.locator('details.row:visible').count()).toBe(100)
    expect(await page.getByText('300 of 300 examples; the first 100 are printed.').isVisible()).toBe(true)
    expect(await page.locator('button:visible').count()).toBe(0)
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)')
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
    const [, width, height] = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf)!.map(Number)
    // A4 is 595.28 × 841.89 points; Chromium rounds to its pixels of 3/4 point.
    expect(Math.abs(width! - 595.28)).toBeLessThan(1)
    expect(Math.abs(height! - 841.89)).toBeLessThan(1)
    await page.context().close()
  })
})
