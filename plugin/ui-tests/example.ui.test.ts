import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM } from '../../test/browser/chromium.js'
import { HOSTILE } from '../../test/report/hostile.js'
import type { Tab, View } from '../src/model/view.js'
import { axe } from './page/axe.js'
import { site } from './page/open.js'
import type { FakeSource } from './page/sample.js'

declare const panel: { source: FakeSource; view: View }

const TABS: Tab[] = ['answer', 'messages', 'update', 'metrics', 'raw']

describe.skipIf(!CHROMIUM && !process.env.CI)('the example that is looked at, in Chromium', () => {
  let opened: Awaited<ReturnType<typeof site>>
  beforeAll(async () => {
    opened = await site()
  })
  afterAll(() => opened.close())

  test.each(['light', 'dark'])('every tab, by keyboard, with nothing for axe-core to say: %s', async theme => {
    const page = await opened.open(`examples=400&fork=200&theme=${theme}`)
    await page.evaluate(() => panel.view.select(352, { against: ['main'] }))
    const body = page.locator('[data-lh="detail"]')
    await page.getByRole('tab', { name: 'Answer' }).focus()
    for (const [i, tab] of TABS.entries()) {
      expect(await page.evaluate(() => panel.view.state.tab)).toBe(tab)
      expect(await body.innerText()).toMatch(
        [/Question\s+1 earlier message/, /the answer/, /Adapter in/, /golden_answer/, /npx lora-harness replay/][i]!,
      )
      expect(await axe(page, '[data-lh="example"]')).toEqual([])
      await page.keyboard.press('ArrowRight')
    }
    expect(page.trouble).toEqual([])
    await page.close()
  })

  test('word diff: removed is struck through, added underlined; against base or a branch', async () => {
    const page = await opened.open('examples=40')
    await page.evaluate(() => panel.view.select(17))
    const looks = (selector: string) =>
      page.locator(`[data-lh="changed"] .lh-Text ${selector}`).evaluateAll(all =>
        all.map(each => {
          const { textDecorationLine, backgroundColor } = getComputedStyle(each)
          return { text: each.textContent, textDecorationLine, tinted: backgroundColor !== 'rgba(0, 0, 0, 0)' }
        }),
      )
    await page.waitForSelector('[data-lh="changed"] [data-lh="diff"]')
    expect(await looks('del')).toEqual([
      { text: 'I cannot know that', textDecorationLine: 'line-through', tinted: true },
    ])
    expect(await looks('ins')).toEqual([
      { text: 'It is a shade of green, I think', textDecorationLine: 'underline', tinted: true },
    ])
    expect(await page.locator('[data-lh="failure"]').innerText()).toMatch(
      /#17 failed in finetuneFn\. Adapter unchanged\. The run continued\.\s+out of memory <b>at step 2<\/b>\s+Show code\s+Retry\s+Pause on errors/,
    )
    await page.evaluate(() => panel.view.set({ wordDiff: false }))
    expect(await page.locator('[data-lh="changed"] [data-lh="diff"]').count()).toBe(0)
    await page.close()
  })

  test('an answer as it comes; waiting and loading look different', async () => {
    const page = await opened.open('examples=40')
    const tell = (stage: string | null, text?: string) =>
      page.evaluate(
        ([stage, text]) => {
          const { store } = panel.source
          store.apply({ type: 'state', state: { ...store.state!, status: 'running', index: 40, stage: stage ?? null } })
          if (text) store.apply({ type: 'token', index: 40, from: store.token?.text.length ?? 0, text })
        },
        [stage, text] as const,
      )
    const live = page.locator('[data-lh="live"]')
    await tell('infer', 'The colour')
    await expect.poll(() => live.innerText()).toMatch(/#40: generating, 10 characters/)
    await tell('infer', ' is blue')
    await expect.poll(() => page.locator('[data-lh="streamed"]').innerText()).toBe('The colour is blue')
    expect(await live.locator('.lh-Caret, .lh-Pulse').count()).toBe(2)
    await tell('finetune')
    await expect.poll(() => live.innerText()).toMatch(/#40: fine-tuning/)
    expect(await live.locator('.lh-Caret, .lh-Pulse').count()).toBe(0)
    // Picking an example leaves the stream; one whose texts are on their way says so, without an answer to see.
    await page.evaluate(() => {
      panel.source.answers.example = () => new Promise(() => {})
      panel.view.select(3)
    })
    await expect
      .poll(() => page.locator('[data-lh="example"]').allInnerTexts())
      .toEqual([expect.stringMatching(/Loading #3…/)])
    expect(await live.count()).toBe(0)
    await page.close()
  })

  test('an example that cannot be had says why, and can be asked for again', async () => {
    const page = await opened.open('examples=40')
    await page.evaluate(() => {
      const before = panel.source.answers.example!
      panel.source.answers.example = () => {
        panel.source.answers.example = before
        throw new Error('the record is locked by <another> process')
      }
      panel.view.select(3)
    })
    const unavailable = page.locator('[data-lh="unavailable"]')
    await expect
      .poll(() => unavailable.count().then(n => (n ? unavailable.innerText() : '')))
      .toMatch(/locked by <another> process/)
    await unavailable.getByRole('button').click()
    await page.waitForSelector('[data-lh="answer"]')
    await page.close()
  })

  test('a text of 400 kB is cut, and whole when asked for', async () => {
    const page = await opened.open('examples=40')
    await page.evaluate(() => {
      const before = panel.source.answers.example!
      panel.source.answers.example = async ask => ({ ...(await before(ask)), response: 'word '.repeat(80_000) })
      panel.view.select(3)
    })
    const answer = page.locator('[data-lh="answer"]')
    await expect
      .poll(() => answer.locator('[data-lh="cut"]').innerText())
      .toMatch(/This text is 400 kB; the first 20 kB are shown\.\s+Show all\s+Download/)
    const length = () => answer.locator('.lh-Text').evaluate(text => text.textContent!.length)
    expect(await length()).toBe(20_000)
    const [file] = await Promise.all([page.waitForEvent('download'), answer.getByText('Download').click()])
    expect(file.suggestedFilename()).toBe('answer-3.txt')
    await answer.getByText('Show all').click()
    expect(await length()).toBe(400_000)
    await page.close()
  })

  test('copies JSON and the command that reproduces', async () => {
    const page = await opened.open('examples=40')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.evaluate(() => panel.view.select(5, { tab: 'raw' }))
    const copied = async (name: string) => {
      await page.evaluate(() => navigator.clipboard.writeText(''))
      await page.getByRole('button', { name, exact: true }).click()
      await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).not.toBe('')
      return page.evaluate(() => navigator.clipboard.readText())
    }
    expect(await copied('Copy command')).toBe('npx lora-harness replay runs/r7@main --from 5 --limit 1')
    expect(await page.getByRole('button', { name: 'Copied' }).count()).toBe(1)
    expect(JSON.parse(await copied('Copy as JSON'))).toMatchObject({ index: 5, key: 'people/train/5' })
    await page.close()
  })

  test('source of a callable, and its change', async () => {
    const page = await opened.open('examples=40')
    await page.evaluate(() => {
      panel.source.answers.callables = ({ hash }) => ({
        hash,
        source: hash === 'c'.repeat(64) ? 'a\nnew <b>' : 'a\nold',
        code: '',
      })
      const { store } = panel.source
      const points = store
        .line('main')
        .slice(0, 4)
        .map(point => ({ ...point, finetuneFn: 'f'.repeat(64) }))
      store.apply({ type: 'points', branch: 'main', from: 0, points })
      panel.view.select(4, { tab: 'update' })
    })
    const callables = page.locator('[data-lh="callables"]')
    await expect.poll(() => callables.innerText()).toMatch(/edited just before this example/)
    await callables.getByText('Show change').click()
    await page.waitForSelector('[data-lh="change"]')
    expect(
      (await page.locator('[data-lh="change"]').innerText())
        .split(/\s*\n\s*/)
        .filter(Boolean)
        .join('|'),
    ).toBe('a|−|old|+|new <b>')
    await page.close()
  })

  test('what a run contains is text and nothing else', async () => {
    const page = await opened.open('examples=8')
    // As JSON: the way into the page would mend half a sign.
    await page.evaluate(json => {
      const hostile = JSON.parse(json) as string[]
      const before = panel.source.answers.example!
      const all = hostile.join('\n')
      const named = <T>(value: T) => Object.fromEntries(hostile.map(name => [name, value])) as Record<string, T>
      panel.source.answers.example = async ask => ({
        ...(await before(ask)),
        ...{ response: all, messages: hostile.map(text => ({ role: text, content: text })), metrics: named(1) },
        ...{ details: named(all), baselines: named({ response: `${all}x`, metrics: named(0.5) }) },
        ...{ chatId: all, key: all, outcome: { kind: 'failed', reason: all } },
        retrievedLora: { identifier: all },
        updatedLora: { identifier: all },
      })
      panel.source.answers.callables = ({ hash }) => ({ hash, source: all, code: all })
      const { store } = panel.source
      const points = store.line('main').map((point, i) => ({
        ...point,
        ...{ metrics: named(1), baselines: named(named(0.5)), chatId: hostile[i]!, key: hostile[i + 1]!, lora: all },
      }))
      store.apply({ type: 'points', branch: 'main', from: 0, points })
      const annotation = { type: 'annotation', branch: 'main', index: 2, time: '', tags: hostile, note: all }
      store.apply({ type: 'event', n: 0, event: annotation })
      panel.view.select(2)
    }, JSON.stringify(HOSTILE))
    const body = page.locator('[data-lh="detail"]')
    for (const tab of TABS) {
      await page.evaluate(tab => panel.view.set({ tab }), tab)
      // Raw JSON has its own way to write them.
      if (tab !== 'raw')
        await expect.poll(() => body.innerText()).toContain('<script>globalThis.hacked = true</script>')
      for (const button of await body.getByRole('button', { name: /Show/ }).all()) await button.click()
    }
    // The whole list of texts stands as it is, the direction of each its own.
    await page.evaluate(() => panel.view.set({ tab: 'answer' }))
    const answer = page.locator('[data-lh="answer"] .lh-Text')
    expect(JSON.parse(await answer.evaluate(text => JSON.stringify(text.textContent)))).toBe(HOSTILE.join('\n'))
    expect(await answer.evaluate(text => getComputedStyle(text).unicodeBidi)).toMatch(/isolate/)
    for (const name of HOSTILE) {
      await page.evaluate(
        json => panel.view.set(JSON.parse(json)),
        JSON.stringify({ search: name, chat: name, tag: name }),
      )
      await page.waitForSelector('[data-lh="empty"], [data-lh="row"]')
    }
    await page.evaluate(
      json => panel.view.set({ ...JSON.parse(json), search: '', chat: null, tag: null, comparing: true }),
      JSON.stringify({ metric: '__proto__', baseline: '__proto__' }),
    )
    await page.waitForSelector('[data-lh="compare-metrics"]')
    expect(await page.evaluate(() => (globalThis as { hacked?: boolean }).hacked)).toBeUndefined()
    expect(await page.locator('.lh-Panel :is(script, img, iframe, object, style, b, a[href])').count()).toBe(0)
    expect(page.trouble).toEqual([])
    await page.close()
  })
})
