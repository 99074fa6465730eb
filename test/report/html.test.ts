import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/protocol/index.js'
import { renderReport } from '../../src/report/html.js'
import { reproduce } from '../../src/report/words.js'
import { sampleRun, sampleSteps, stepOf } from './sample.js'

const page = renderReport(sampleRun, sampleSteps(8, 14))

/** Tag and attribute names in order: what a browser builds from the page, whatever the texts are. */
const structure = (html: string): string =>
  (html.match(/<[^>]*>/g) ?? []).map(tag => tag.replace(/"[^"]*"/g, '""')).join('')

describe('renderReport', () => {
  test('begins with the result', () => {
    expect(page).toMatch(/<p class="result">After 112 examples in 8 chats the adapter scored 0\.\d\d \(f1\)/)
  })

  test('needs neither script nor network: the policy allows its own style only', () => {
    const [, style] = page.match(/<style>([\s\S]*?)<\/style>/)!
    const hash = createHash('sha256').update(style!).digest('base64')
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; `)
    expect(page).not.toMatch(/<script|<link|<img|<iframe| src=|url\(|@import| style=| on[a-z]+=/)
    expect(page.match(/href="[^"]*"/g)!.every(href => href.startsWith('href="#example-'))).toBe(true)
  })

  test('shows every example with question, answers, reference, losses and adapters', () => {
    expect(page.match(/<details>/g)).toHaveLength(112)
    expect(page).toContain('id="example-111"')
    for (const text of [
      'reference',
      'I cannot know that.',
      '2.310 → 1.700 → 1.120 nats/token',
      '2.310 → 0.900',
      'dddddddd',
      'eeeeeeee',
    ])
      expect(page).toContain(text)
  })

  test('groups the failures and links to the first', () => {
    expect(page).toContain('Fine-tuning failed on 1 of 112 examples')
    expect(page).toContain('out of memory &lt;b&gt;at step 2&lt;/b&gt;')
    expect(page).toContain('href="#example-17"')
  })

  test('whatever the texts are, they stay texts', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        "' onload='x",
        '</style><b>',
        '&lt;',
        '-->',
        ']]>',
        '\0',
        '\u202e',
      ),
    )
    const filled = (text: string): Step[] => [
      stepOf(0, {
        chatId: text,
        key: text,
        messages: [
          { role: text, content: `${text}.` },
          { role: 'user', content: `${text}.` },
        ],
        response: `${text}.`,
        details: { [`${text}.`]: text || ' ' },
        metrics: { [`${text}.`]: 1 },
        baselines: { [`${text}.`]: { response: `${text}.`, metrics: { [`${text}.`]: 0 } } },
        outcome: { kind: 'failed', reason: `${text}.` },
        retrievedLora: { identifier: `${text}.` },
        updatedLora: { identifier: `${text}.` },
        callables: { [`${text}.`]: text } as never,
      }),
    ]
    const run = (text: string) => ({
      ...sampleRun,
      runId: text,
      error: text,
      experiment: `${text}.`,
      versions: { [text]: text },
    })
    const harmless = structure(renderReport(run('x'), filled('x')))
    fc.assert(
      fc.property(hostile, text => {
        expect(structure(renderReport(run(text), filled(text)))).toBe(harmless)
      }),
      { numRuns: 200 },
    )
  })

  test('very long texts are cut, with a word on where the whole is', () => {
    const html = renderReport(sampleRun, [stepOf(0, { response: 'y'.repeat(50_000) })])
    expect(html).toContain('The first 20000 of 50000 characters')
    expect(html.length).toBeLessThan(60_000)
  })

  test.each([
    ['no example', [], 'No example was finished.'],
    ['no metric', [stepOf(0, { metrics: {}, baselines: {} })], 'nothing was scored'],
    ['no baseline', [stepOf(0, { baselines: {} })], 'no baseline'],
  ])('%s', (_, steps, sentence) => {
    const html = renderReport({ ...sampleRun, status: 'failed', error: 'disk full' }, steps)
    expect(html).toContain(sentence)
    expect(html).toContain('Stopped: <bdi>disk full</bdi>')
    expect(html).not.toMatch(/NaN|undefined/)
  })

  test('2,000 examples take under 3 kB each beside their texts', () => {
    expect(renderReport(sampleRun, sampleSteps(20, 100)).length / 2000).toBeLessThan(3000)
  })
})

test('the command that runs it again is quoted for a shell', () => {
  expect(reproduce(sampleRun)).toBe(
    "npx lora-harness run experiments/people.ts --seed 3 --set 'path=my data/rows.json'",
  )
  const nasty = { ...sampleRun, args: { limit: 5, seed: 0, seedGiven: true, shuffle: false, set: { a: "it's $(rm)" } } }
  expect(reproduce(nasty)).toContain(`--limit 5 --set 'a=it'\\''s $(rm)'`)
})
