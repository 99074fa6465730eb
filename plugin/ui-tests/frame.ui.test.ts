import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { drawn, look, viewOf } from './page/drawn.js'
import type { LiveSource } from './page/live.js'
import { site } from './page/open.js'

type OnPage = { panel: { source: LiveSource } }

const grow = (page: Page, count: number) =>
  page.evaluate(count => (globalThis as unknown as OnPage).panel.source.grow(count), count).then(() => drawn(page))
const asked = (page: Page) =>
  page.evaluate(() =>
    (globalThis as unknown as OnPage).panel.source.asked.filter(
      ({ type }) => !/example|adapters|path|lineage/.test(type),
    ),
  )
const text = (page: Page, name: string) => page.innerText(`[data-lh="${name}"]`)
const seen = (page: Page, name: string) => page.isVisible(`[data-lh="${name}"]`)

describe.skipIf(!CHROMIUM && !process.env.CI)('the frame of the panel', () => {
  let panel: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    panel = await site()
  })
  afterAll(() => panel.close())

  test('a live run: where it is, its numbers, and pausing it', async () => {
    const page = await panel.open('examples=200&live=1')
    await page.waitForSelector('[data-lh="number-difference"] >> text=[')
    expect(await text(page, 'progress')).toBe('200 / 2000')
    expect(await text(page, 'stage')).toBe('#200: generating')
    expect(await text(page, 'number-failed')).toMatch(/failed\s+1\s+show/)
    // Shown at the pace of the page: what comes before the last is seen is shown with the next.
    for (let i = 201; i <= 203; i++) {
      await grow(page, 1)
      await expect.poll(() => text(page, 'progress')).toBe(`${i} / 2000`)
    }
    await expect.poll(() => text(page, 'rate')).toMatch(/^[\d.]+ s\/ex · ETA /)
    await expect
      .poll(() => page.getAttribute('[data-lh="step"]', 'title'))
      .toBe('Step (key .): Pause first: example #203 is being worked on')
    // The kernel takes its time: the button says at once that it was heard.
    await page.evaluate(() => {
      const { source } = (globalThis as unknown as OnPage).panel
      const { pause } = source.answers
      source.answers.pause = async ask => {
        await new Promise<void>(answer => Object.assign(globalThis, { answer }))
        return pause!(ask)
      }
    })
    await page.click('[data-lh="pause"]')
    expect(await text(page, 'pause')).toContain('Pausing after #203…')
    await page.evaluate(() => (globalThis as unknown as { answer(): void }).answer())
    await page.waitForSelector('[data-doing="paused"]')
    await page.click('[data-lh="step"]')
    await page.waitForFunction(() => document.querySelector('[data-lh="progress"]')!.textContent === '204 / 2000')
    expect(await asked(page)).toEqual([{ type: 'pause' }, { type: 'step' }])
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('rewinding asks first; the branch that it makes is looked at', async () => {
    const page = await panel.open('examples=40&live=1')
    await look(page, { index: 20, follow: false })
    await page.click('[data-lh="rewind"]')
    expect(await text(page, 'leave-words')).toBe('Continue from the adapter after #20 on a new branch.')
    expect(await page.innerText('.lh-Leave')).toContain('#21–#39 stay on main. The run is paused first.')
    await page.click('[data-lh="cancel"]')
    expect(await asked(page)).toEqual([])
    expect(await page.evaluate(() => document.activeElement!.getAttribute('data-lh'))).toBe('rewind')
    await page.click('[data-lh="rewind"]')
    await page.fill('.lh-Leave input', 'main')
    expect(await page.innerText('.lh-Leave [role="alert"]')).toBe('There is a branch of that name')
    await page.click('[data-lh="continue"]', { force: true })
    expect(await asked(page)).toEqual([])
    await page.fill('.lh-Leave input', 'again')
    await page.click('[data-lh="continue"]')
    await page.waitForSelector('[data-lh="notice-said"]')
    expect(await asked(page)).toEqual([{ type: 'rewind', at: 21, name: 'again' }])
    expect(await page.inputValue('[data-lh="branch"]')).toBe('again')
    expect((await viewOf(page)).index).toBe(20)
    await page.close()
  })

  test('a failed example is done again from where it is shown; the run is held at the next failure', async () => {
    const page = await panel.open('examples=40&live=1')
    const fail = (index: number | null) =>
      page.evaluate(index => {
        const { source } = (globalThis as unknown as OnPage).panel
        const { answers } = source
        const outcome = { kind: 'failed' as const, reason: 'TypeError: no target (line 12)' }
        const example = answers.example!
        answers.example = async asked => ({ ...(await example(asked)), outcome })
        const point = source.store.line('main')[index ?? 0]!
        if (index === null) source.grow(1, { outcome })
        else
          source.store.apply({
            ...{ type: 'points', branch: 'main', from: index },
            points: [{ ...point, outcome: 'failed' }],
          })
      }, index)
    await fail(30)
    await look(page, { index: 30, follow: false })
    await page.waitForSelector('[data-lh="failure"] >> text=line 12')
    await page.check('[data-lh="failure"] [data-lh="pause-on-errors"]')
    await page.click('[data-lh="retry"]')
    expect(await text(page, 'leave-words')).toBe(
      'Go back to the adapter before #30 and do #30 once more, on a new branch.',
    )
    await page.click('[data-lh="cancel"]')
    await fail(null)
    await page.waitForSelector('[data-doing="paused"]')
    expect(await asked(page)).toEqual([{ type: 'pause' }])
    // What is shown from a file says why nothing of this can be done.
    await page.evaluate(() => {
      const { source } = (globalThis as unknown as OnPage).panel
      source.reasons = { pause: 'shown from a file', rewind: 'shown from a file' }
      source.store.set({ connection: { kind: 'stored', what: 'r7.zip' } })
    })
    await page.waitForSelector('[data-lh="failure"] [data-lh="pause-on-errors"][disabled]')
    expect(await page.getAttribute('[data-lh="retry"]', 'title')).toBe('shown from a file')
    await page.close()
  })

  test('a baseline that some examples lack: how many, and the cell that scores it on all', async () => {
    const page = await panel.open('examples=80&live=1')
    await page.evaluate(() => {
      const { source } = (globalThis as unknown as OnPage).panel
      const points = source.store.line('main').slice(0, 30)
      source.store.apply({
        type: 'points',
        branch: 'main',
        from: 0,
        points: points.map(p => ({ ...p, baselines: {} })),
      })
      source.grow(1)
    })
    await page.click('[data-lh="baseline"]')
    expect(await page.innerText('[role="dialog"]')).toContain(
      'base is not scored yet for 30 of 81 examples; the difference uses the other 51.',
    )
    expect(await text(page, 'baseline-cell')).toContain('name: "base-alone"')
    await page.keyboard.press('Escape')
    expect(await page.isVisible('[role="dialog"]')).toBe(false)
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('a branch that is made elsewhere leaves selection, colours and zoom as they are', async () => {
    const page = await panel.open('examples=80&live=1')
    await page.evaluate(async () => {
      const { source } = (globalThis as unknown as OnPage).panel
      await source.answers.rewind!({ type: 'rewind', at: 60, name: 'main-2' })
      source.grow(10)
    })
    // Shown at the pace of the page; before that, looking at an example would hold the branch before.
    await page.waitForSelector('button[data-lh="timeline-label"][title^="main:"]')
    await look(page, { branch: null, index: 65, follow: false, zoom: [[50, 75]] })
    const seen = () =>
      page.evaluate(() => ({
        ranges: document.querySelector('.lh-Timeline > .lh-hidden')!.textContent!.match(/Examples \d+ to \d+/)![0],
        colours: [...document.querySelectorAll<HTMLElement>('button[data-lh="timeline-label"]')].map(each => [
          each.title.split(':')[0],
          each.style.getPropertyValue('--lh-line'),
        ]),
        example: document.querySelector('[data-lh="example"]')!.getAttribute('aria-label'),
      }))
    await expect.poll(seen).toMatchObject({ example: 'Example 65', colours: [['main', 'var(--lh-branch-1)']] })
    const before = await seen()
    // A cell rewinds the run to before what is looked at, and goes on.
    await page.evaluate(async () => {
      const { source } = (globalThis as unknown as OnPage).panel
      await source.answers.rewind!({ type: 'rewind', at: 20, name: 'main-3' })
      source.grow(40)
    })
    await drawn(page)
    await page.waitForSelector('button[data-lh="timeline-label"] >> text=main-3')
    expect(await viewOf(page)).toMatchObject({ branch: 'main-2', index: 65, zoom: [[50, 75]], follow: false })
    await expect.poll(seen).toEqual({ ...before, colours: expect.arrayContaining(before.colours) })
    await page.focus('.lh-Panel')
    await page.keyboard.press('Shift+L')
    expect(await viewOf(page)).toMatchObject({ branch: null, follow: true })
    await page.close()
  })

  test('stays readable and says so when the kernel is lost', async () => {
    const page = await panel.open('examples=40')
    await page.evaluate(() =>
      (globalThis as unknown as OnPage).panel.source.store.set({
        connection: { kind: 'lost', since: Date.now() - 14_000 },
      }),
    )
    await page.waitForSelector('[data-lh="notice-lost"]')
    expect(await text(page, 'notice-lost')).toMatch(/^Connection to the kernel lost 1\d s ago\. Showing up to #39;/)
    expect(await text(page, 'doing')).toBe('not connected')
    expect(await text(page, 'frozen')).toMatch(/^as of /)
    await page.click('text=Reconnect now')
    expect(await page.evaluate(() => (globalThis as unknown as OnPage).panel.source.reconnects)).toBe(1)
    await page.close()
  })

  test('an edit is shown with what it did', async () => {
    const page = await panel.open('examples=120')
    await page.evaluate(() =>
      (globalThis as unknown as OnPage).panel.source.store.apply({
        ...{ type: 'event', n: 0 },
        event: {
          ...{ type: 'swap', branch: 'main', index: 70, time: '', changed: ['finetuneFn'] },
          diff: '@@ -1 +1 @@\n-steps: 3\n+steps: <b>4</b>',
        },
      }),
    )
    await page.waitForSelector('[data-lh="number-edit"] >> text=since your edit ✎1 (#70)')
    await look(page, { dialog: 'edit', edit: 1 })
    expect(await text(page, 'edit-diff')).toContain('+steps: <b>4</b>')
    expect(await text(page, 'edit-change')).toMatch(/^Mean score of 50 examples before it 0\.\d\d, of as many after/)
    await page.close()
  })

  test('three columns, whose widths are kept by hand and by keys', async () => {
    const page = await panel.open('examples=40')
    const width = () => page.evaluate(() => document.querySelector('.lh-Column-list')!.getBoundingClientRect().width)
    const before = await width()
    await page.focus('[data-lh="splitter-list"]')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect((await viewOf(page)).columns[0]).toBeCloseTo(0.3, 10)
    expect((await width()) - before).toBeGreaterThan(40)
    const { x, y, height } = (await (await page.$('[data-lh="splitter-list"]'))!.boundingBox())!
    await page.mouse.move(x, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x - 100, y + height / 2)
    await page.mouse.up()
    expect((await viewOf(page)).columns[0]).toBeLessThan(0.25)
    await page.close()
  })

  test.each([
    ['1400 px', 1400, '', { drawer: false, lists: true, adapters: true, splitter: true, sparkline: false }],
    ['900 px', 900, '', { drawer: true, lists: false, adapters: false, splitter: false, sparkline: false }],
    ['480 px', 480, '', { drawer: false, lists: false, adapters: false, splitter: false, sparkline: true }],
    [
      '200 % text',
      1400,
      '&text=200',
      { drawer: true, lists: false, adapters: false, splitter: false, sparkline: false },
    ],
  ] as const)('at %s', async (_, width, more, expected) => {
    const page = await panel.open(`examples=40${more}`, { width, height: 900 })
    expect({
      ...{ drawer: await seen(page, 'drawer'), lists: await page.isVisible('.lh-Column-list') },
      ...{ adapters: await page.isVisible('.lh-Column-adapter'), splitter: await seen(page, 'splitter-list') },
      sparkline: await seen(page, 'sparkline'),
    }).toEqual(expected)
    // Nothing is cut off or lies beside the panel.
    expect(await page.evaluate(() => document.querySelector('.lh-Panel')!.scrollWidth)).toBeLessThanOrEqual(width)
    if (expected.drawer) {
      await page.click('[data-lh="drawer"]')
      expect(await seen(page, 'list')).toBe(true)
      await page.keyboard.press('Escape')
      expect(await seen(page, 'list')).toBe(false)
      await look(page, { tab: 'adapter' })
      expect(await page.isVisible('.lh-Column-adapter')).toBe(true)
      expect(await seen(page, 'detail')).toBe(false)
    }
    expect(page.trouble).toEqual([])
    await page.close()
  })
})
