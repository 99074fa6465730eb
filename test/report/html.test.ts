import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Step } from '../../src/protocol/index.js'
import { reportData } from '../../src/report/data.js'
import { renderReport, reportPage } from '../../src/report/html.js'
import type { PageData } from '../../src/report/page/data.js'
import { scrubber } from '../../src/report/redact.js'
import { reproduce } from '../../src/report/words.js'
import { SMOLLM2_MODULES } from '../helpers/adapters.js'
import { HOSTILE } from './hostile.js'
import { recordOf, recordSteps } from './record.js'
import { sampleRun, sampleSteps, stepOf } from './sample.js'

/** Tag and attribute names in order: what a browser builds from the page, whatever the texts are. */
const structure = (html: string): string =>
  (html.replace(/(<script>)[\s\S]*?<\/script>/, '').match(/<[^>]*>/g) ?? [])
    .map(tag => tag.replace(/"[^"]*"/g, '""'))
    .join('')
    .replace(/(<span class=""><\/span>)+/g, '') // Lines of a diff: as many as there are.

/** What the page's script reads. */
const dataOf = (html: string): PageData =>
  JSON.parse(gunzipSync(Buffer.from(/id="data">([^<]*)</.exec(html)![1]!, 'base64')).toString())

describe('renderReport', () => {
  let page: string
  beforeAll(async () => {
    page = await renderReport(recordOf(sampleSteps(8, 14)))
  })

  test('begins with the result', () => {
    expect(page).toMatch(/<p class="result">After 112 examples in 8 chats the adapter scored 0\.\d\d \(f1\)/)
  })

  test('needs no network: the policy allows its own style and script only', () => {
    const hash = (pattern: RegExp) => createHash('sha256').update(pattern.exec(page)![1]!).digest('base64')
    const [style, script] = [hash(/<style>([\s\S]*?)<\/style>/), hash(/<script>([\s\S]*?)<\/script>/)]
    expect(page).toContain(
      `content="default-src &#39;none&#39;; style-src &#39;sha256-${style}&#39;; script-src &#39;sha256-${script}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
    )
    expect(page).not.toMatch(/<link|<img|<iframe|<[^>]* (src|style|on[a-z]+)=|url\(|@import/)
    expect(page.match(/href="[^"]*"/g)!.every(href => href.startsWith('href="#lora=r1/main/'))).toBe(true)
  })

  test('holds every example, and the first 50 as a table for readers without script', () => {
    const { examples } = dataOf(page)
    expect(examples).toHaveLength(112)
    expect(examples[3]).toMatchObject({ index: 3, reference: 'blue', losses: [], chat: 'chat-3' })
    const table = /<table class="texts">([\s\S]*?)<\/table>/.exec(page)![1]!
    expect(table.match(/<tr>/g)).toHaveLength(51)
    expect(page).toContain('The first 50 of 112 examples')
  })

  test('names three best and three worst, and groups the failures', () => {
    expect(page.match(/<ol class="moves">[\s\S]*?<\/ol>/g)!.map(list => list.match(/<li>/g)!.length)).toEqual([3, 3])
    expect(page).toContain('Fine-tuning failed on 1 of 112 examples')
    expect(page).toContain('out of memory &lt;b&gt;at step 2&lt;/b&gt;')
    expect(page).toContain('href="#lora=r1/main/17"')
  })

  test('edits, in order, with means over as many examples before as after; branches against what they left', async () => {
    const callables = (finetuneFn: string) => ({ retrieveLoraFn: 'r', inferenceFn: 'i', finetuneFn })
    const scored = (index: number, f1: number, finetuneFn: string) =>
      stepOf(index, { metrics: { f1 }, callables: callables(finetuneFn) })
    const record = recordOf([
      ...[0, 0, 0].map((f1, i) => scored(i, f1, 'one')),
      ...[0.5, 1].map((f1, i) => scored(3 + i, f1, 'two <b>')),
      ...[1, 1, 1, 1].map((f1, i) => scored(5 + i, f1, 'three')),
    ])
    const branch = { name: 'b<1>', parent: 'main', at: 7, skipUpdates: [] }
    record.begin(branch)
    recordSteps(record, [scored(7, 0.25, 'three'), scored(8, 0.25, 'three')], branch)
    const html = await renderReport(record, { branch: 'main' })
    const [first, second] = html.match(/<section class="edit">[\s\S]*?<\/section>/g)!
    expect(first).toContain('✎ 1 before #3: <bdi>finetuneFn</bdi>')
    expect(first).toContain('2 examples each')
    expect(first).toContain('<bdi>adapter</bdi></th><td>0.00</td><td>0.75</td><td>+0.75</td>')
    expect(first).toContain('<span class="removed">-  // one</span>')
    expect(first).toContain('<span class="added">+  // two &lt;b&gt;</span>')
    expect(second).toContain('<td>0.75</td><td>1.00</td><td>+0.25</td>')
    const branches = /<h2>Branches<\/h2>[\s\S]*?<\/table>/.exec(html)![0]
    expect(branches).toContain('leaves main before example 7')
    // Two own examples at 0.25; main has 1 on the same.
    expect(branches).toMatch(/<bdi>b&lt;1&gt;<\/bdi>[\s\S]*?<td>2<\/td><td>0.25<\/td><td>1.00<\/td><td>−0.75<\/td>/)
  })

  test('whatever the texts are, they stay texts', async () => {
    const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE))
    const filled = (text: string): Step[] => [
      stepOf(0, {
        chatId: text,
        key: text,
        datasetName: `${text}.`,
        messages: [
          { role: text, content: `${text}.` },
          { role: 'user', content: `${text}.` },
        ],
        response: `${text}.`,
        details: { [`${text}.`]: text || ' ', category: text || ' ' },
        metrics: { [`${text}.`]: 1 },
        baselines: { [`${text}.`]: { response: `${text}.`, metrics: { [`${text}.`]: 0 } } },
        outcome: { kind: 'failed', reason: `${text}.` },
        retrievedLora: { identifier: `${text}.` },
        updatedLora: { identifier: `${text}.` },
      }),
      stepOf(1, { callables: { retrieveLoraFn: 'r', inferenceFn: 'i', finetuneFn: `${text}.` } }),
    ]
    const run = (text: string) => {
      const info = { runId: text, error: text, experiment: `${text}.`, versions: { [`${text}.`]: text } }
      const record = recordOf(filled(text), info)
      record.begin({ name: `${text}.`, parent: 'main', at: 1, skipUpdates: [] })
      return renderReport(record, { branch: 'main' })
    }
    const harmless = structure(await run('x'))
    await fc.assert(
      fc.asyncProperty(hostile, async text => {
        const html = await run(text)
        expect(structure(html) === harmless).toBe(true) // Nobody wants to read both.
        expect(dataOf(html).examples[0]).toMatchObject({ response: `${text}.`, chat: text })
      }),
      { numRuns: 100 },
    )
  }, 60_000)

  test('a text of a megabyte is cut, with a word on where the whole is', async () => {
    const html = await renderReport(recordOf([stepOf(0, { response: 'y'.repeat(1_000_000) })]))
    expect(dataOf(html).examples[0]!.response).toMatch(/y\n… the first 200000 of 1000000 characters; the record has/)
    expect(html.length).toBeLessThan(80_000)
  })

  test.each([
    ['no example', [], 'No example was finished.'],
    ['no metric', [stepOf(0, { metrics: {}, baselines: {} })], 'nothing was scored'],
    ['no baseline', [stepOf(0, { baselines: {} })], 'no baseline'],
    ['one example', [stepOf(0)], 'After 1 example the adapter'],
  ])('%s', async (_, steps, sentence) => {
    const html = await renderReport(recordOf(steps, { status: 'failed', error: 'disk full' }))
    expect(html).toContain(sentence)
    expect(html).toContain('Stopped: <bdi>disk full</bdi>')
    const { examples: _texts, ...rest } = { examples: 0, html: html.replace(/<script[\s\S]*?<\/script>/g, '') }
    expect(rest.html).not.toMatch(/NaN|undefined|Infinity/)
  })

  test('500 examples are less than 1.5 MB', async () => {
    const words = (i: number) =>
      Array.from({ length: 120 }, (_, k) => (((i + 1) * (k + 7) * 2654435761) % 99991).toString(36))
    const steps = sampleSteps(20, 25).map((step, i) => ({
      ...step,
      messages: [...step.messages, { role: 'user', content: words(i).join(' ') }],
      response: words(i + 1000).join(' '),
    }))
    const values = (scale: number) => Array.from({ length: 8 }, (_, i) => scale * 0.7 ** i)
    const modules = Object.keys(SMOLLM2_MODULES).map((module, i) => ({
      ...{ module, norm: 1 + (i % 13) / 7, baseNorm: 90 + i, rank: 8, effectiveRank: 3 + (i % 5), strongest: 0.5 },
      values: values(1 + (i % 17) / 16),
    }))
    const html = reportPage({
      ...(await reportData(recordOf(steps))),
      pictures: {
        ...{ last: { identifier: 'a'.repeat(64), index: 499, norm: 9 }, modules, base: null, baseWhy: null },
        update: { index: 499, from: modules, change: modules },
        other: { branch: 'other', from: modules, change: modules },
        ...{ way: { lines: [], moves: [], updates: 0 }, branches: null },
      },
    })
    const size = (html.length / 1e6).toFixed(2)
    console.log(`report of 500 examples with 1.2 kB of text each and an adapter of 210 matrices: ${size} MB`)
    expect(dataOf(html).modules).toHaveLength(210)
    expect(html.length).toBeLessThan(1_500_000)
  })
})

describe('what is private', () => {
  test('with redact no text of an example, source, reason or argument is in the page; numbers are', async () => {
    const secret = 'Zanzibar'
    const steps = sampleSteps(2, 6).map((step, i) => ({
      ...step,
      key: `${secret}/${i}`,
      datasetName: secret,
      testIdx: secret,
      chatId: `${secret} ${i % 2}`,
      messages: [{ role: secret, content: secret }],
      response: secret,
      details: { golden_answer: secret, note: [secret], category: secret },
      baselines: { base: { response: secret, metrics: { f1: 0 } } },
      outcome: i === 3 ? { kind: 'failed' as const, reason: secret } : step.outcome,
      callables: { ...step.callables, finetuneFn: i < 6 ? `one ${secret}` : `two ${secret}` },
    }))
    const record = recordOf(steps, {
      error: secret,
      experiment: 'people.ts',
      args: { ...sampleRun.args, set: { path: secret } },
    })
    const html = await renderReport(record, { redact: true })
    const visible = html.replace(/sha-256 one Zanzibar|sha-256 two Zanzibar/g, '') // Its hash is its source here.
    expect(visible).not.toContain(secret)
    expect(JSON.stringify(dataOf(html))).not.toContain(secret)
    expect(html).toContain('Left out on request: messages, responses')
    expect(html).toContain('--set &#39;path=…&#39;')
    expect(html).toContain('<bdi>chat 1</bdi>')
    expect(dataOf(html).examples[3]!.outcome).toEqual({ kind: 'failed', reason: '(left out)' })
    expect(await renderReport(record)).toContain(secret)
  })

  test('neither the home folder nor a secret of the environment gets in', async () => {
    const scrub = scrubber({ API_TOKEN: 'abcd1234efgh', EDITOR: 'a-long-editor' }, '/home/someone')
    expect(scrub('401 for abcd1234efgh in /home/someone/x with a-long-editor')).toBe(
      '401 for $API_TOKEN in ~/x with a-long-editor',
    )
    const path = `${homedir()}/data/rows.json`
    const record = recordOf([stepOf(0, { outcome: { kind: 'failed', reason: `no ${path}` } })], {
      experiment: `${homedir()}/experiments/people.ts`,
      args: { ...sampleRun.args, set: { path } },
    })
    const html = await renderReport(record)
    expect(html).not.toContain(homedir())
    expect(html).toContain('~/data/rows.json')
  })
})

test('the command that runs it again is quoted for a shell', () => {
  expect(reproduce(sampleRun)).toBe(
    "npx lora-harness run experiments/people.ts --seed 3 --set 'path=my data/rows.json'",
  )
  const nasty = { ...sampleRun, args: { limit: 5, seed: 0, seedGiven: true, shuffle: false, set: { a: "it's $(rm)" } } }
  expect(reproduce(nasty)).toContain(`--limit 5 --set 'a=it'\\''s $(rm)'`)
})
