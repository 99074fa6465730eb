import { inflateSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { MOST } from '../../../kernel-ext/src/cards/card.js'
import type { Displayable, MimeBundle } from '../../../kernel-ext/src/index.js'
import {
  clearOutput,
  DISPLAY,
  display,
  harness,
  input,
  type NotebookOptions,
  progress,
} from '../../../kernel-ext/src/index.js'
import { type Card, MIME } from '../../../src/protocol/index.js'
import { ask, numbered, taught, toy } from '../../harness/toy.js'
import { closing, fakePage, type Page } from './page.js'

let page: Page
beforeEach(() => {
  page = fakePage()
})
const closes = closing()
let runs = 0
const open = async (more: Partial<NotebookOptions> = {}) =>
  closes(await harness({ id: `cards-${runs++}`, exampleSource: () => numbered(4), folder: null, ...toy, ...more }))
const bundleOf = async (shown: Displayable): Promise<MimeBundle & { [MIME]: Card }> => (await shown[DISPLAY]()) as never

/** What a PNG says of itself, and whether it is more than one colour. */
function pngOf(base64: unknown) {
  const bytes = Buffer.from(String(base64), 'base64')
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]))
  const parts: Buffer[] = []
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)))
  const colours = new Set(inflateSync(Buffer.concat(parts)))
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), bytes: bytes.length, colours: colours.size }
}

/** Texts that mean something to a page, a terminal or a reader's eyes. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  '\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007',
  '\u202egnp.exe',
  'NUL \0 in it',
  '\ud800 half',
  'javascript:alert(1)',
  '</pre></td></table><style>*{display:none}</style>',
]
/** Elements of a piece of HTML, by name. */
const elements = (html: string) => new Set([...html.matchAll(/<([a-z!/][^\s>]*)/gi)].map(([, name]) => name))
const OURS = ['style', 'div', 'p', 'b', 'bdi', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'pre']
const obeyed = /(?![\n\t])[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

describe('bundles', () => {
  test('a run and its timeline are pictures; both and every table have text', async () => {
    const h = await open({ baselines: { base: () => '?' } })
    expect(Object.keys(await bundleOf(h))).toEqual([MIME, 'text/plain'])
    await h.run()
    const run = await bundleOf(h)
    expect(Object.keys(run)).toEqual([MIME, 'image/png', 'text/plain'])
    expect(pngOf(run['image/png'])).toMatchObject({ width: 2800, height: 840 })
    const timeline = await bundleOf(h.timeline)
    expect(pngOf(timeline['image/png'])).toMatchObject({ width: 2000, height: 640 })
    for (const bundle of [run, timeline]) {
      const { bytes, colours } = pngOf(bundle['image/png'])
      expect(bytes).toBeLessThan(150_000)
      expect(colours).toBeGreaterThan(20) // Text was drawn: a picture without a font has axes only.
    }
    for (const card of [h.example(1), h.diff(), h.lineage, h.callables, h.compare(h)]) {
      const bundle = await bundleOf(card)
      expect(Object.keys(bundle)).toEqual([MIME, 'text/html', 'text/plain'])
      expect(bundle[MIME]).toMatchObject({ v: 1, left: null })
      expect(bundle['text/plain']).toBe(String(card))
    }
  })

  test('what the card of a run holds', async () => {
    const h = await open({ baselines: { base: () => 'answer 1' } })
    await h.run({ until: 3 })
    h.finetuneFn = () => null
    await h.run()
    expect((await bundleOf(h))[MIME]).toMatchObject({
      ...{ v: 1, kind: 'run', id: h.id, branch: 'main', status: 'finished', total: 4, seed: 0, left: null },
      summary: {
        ...{ examples: 4, metric: 'exact', score: 0, outcomes: { updated: 3, unchanged: 1, skipped: 0, failed: 0 } },
        baselines: [{ name: 'base', score: 0.25, difference: { mean: -0.25, n: 4, verdict: 'few' } }],
      },
      columns: { from: 0, outcomes: 'uuuh', scores: [0, 0, 0, 0], chat: [0, 0, 0, 0], chats: ['chat'] },
      events: [{ type: 'swap', branch: 'main', index: 3 }],
      examples: [{ index: 0, question: 'question 0', response: '?' }, {}, {}, {}],
    })
  })

  test('large ones leave something out, and say so', async () => {
    const long = 'word '.repeat(100_000)
    const h = await open({
      exampleSource: () => Array.from({ length: 250 }, (_, i) => ask(i, `${i} ${long}`, 'yes', `chat ${i}`)),
      inferenceFn: () => long,
      finetuneFn: ({ testIdx }) => taught(null, 'x', String(testIdx)),
    })
    await h.run()
    for (const [card, left] of [
      [h.timeline, 'texts of 200 of 250 examples are stored in this notebook'],
      [h.example(3), 'texts are cut to 20000 characters'],
      [h.compare(h), null],
      [h.lineage, null],
    ] as const) {
      const bundle = await bundleOf(card)
      expect(bundle[MIME].left).toBe(left)
      expect(Buffer.byteLength(JSON.stringify(bundle[MIME]))).toBeLessThan(MOST)
      expect(Buffer.byteLength(String(bundle['text/html'] ?? ''))).toBeLessThan(MOST)
      expect(String(bundle['text/plain']).length).toBeLessThan(20_000)
    }
  })
})

test('hostile texts are text: on every card, in HTML, in a terminal, in the picture', async () => {
  const h = await open({
    exampleSource: () =>
      HOSTILE.map((text, i) => ({
        ...ask(i, text, text, text),
        datasetName: text,
        messages: [{ role: text, content: text }],
        evaluate: () => ({ [text]: 0.5, golden: text, more: text }),
      })),
    retrieveLoraFn: () => null,
    inferenceFn: example => example.messages[0]!.content,
    baselines: { [HOSTILE[0]!]: example => example.messages[0]!.content, [HOSTILE[3]!]: () => HOSTILE[1]! },
    finetuneFn: example => {
      if (Number(example.testIdx) % 2 === 1) throw new Error(String(example.target))
      return taught(null, String(example.target), String(example.target))
    },
  })
  await h.run({ until: 5 })
  const fork = await h.fork({ at: 1, name: HOSTILE[1]!, inferenceFn: () => HOSTILE[3]! })
  await fork.run()
  h.finetuneFn = () => (Math.random() > 2 ? null : taught(null, '<script>alert(1)</script>', '\u202e'))
  await h.run()
  const cards = [
    h,
    fork,
    h.timeline,
    h.diff(0, 2),
    h.lineage,
    h.callables,
    h.compare(fork),
    ...HOSTILE.map((_, i) => h.example(i)),
  ]
  for (const card of cards) {
    const bundle = await bundleOf(card)
    expect(bundle['text/plain']).not.toMatch(obeyed)
    const html = String(bundle['text/html'] ?? '')
    expect(html).not.toMatch(obeyed)
    expect([...elements(html)].filter(name => !OURS.includes(name!.replace('/', '')))).toEqual([])
    expect(html).not.toMatch(/<[^>]*\son\w+=/i)
    if (bundle['image/png']) expect(pngOf(bundle['image/png']).width).toBeGreaterThan(0)
  }
})

test('an example that failed in a cell says where', async () => {
  const h = await open({
    finetuneFn: () => {
      throw new TypeError('no such thing')
    },
  })
  const card = await h.step()
  expect(String(card)).toMatch(/^#0 failed: no such thing\n/)
  expect(String(card)).toContain('\nfailed in: Cell 7, line 3\n')
  h.finetuneFn = () => null
  expect(String(await h.step())).not.toContain('failed')
})

test('display shows what knows how, bundles, and anything else as text', async () => {
  const h = await open()
  await h.step()
  await display(h.lineage)
  await display({ 'text/plain': 'a', 'image/png': 'b' }, { displayId: 'x' })
  await display('two\nlines')
  await display({ a: 1 })
  await clearOutput()
  page.answers.push('yes')
  expect(await input('?')).toBe('yes')
  expect(page.shown.map(({ bundle, displayId }) => [Object.keys(bundle), displayId])).toEqual([
    [[MIME, 'text/html', 'text/plain'], undefined],
    [['text/plain', 'image/png'], 'x'],
    [['text/plain'], undefined],
    [['text/plain'], undefined],
  ])
  expect(page.shown.slice(2).map(({ bundle }) => bundle['text/plain'])).toEqual(['two\nlines', '{ a: 1 }'])
})

test('progress gives the items, and a bar that ends where they do', async () => {
  const taken: number[] = []
  for await (const item of progress([1, 2, 3], { label: 'count' })) taken.push(item)
  for await (const _ of progress(
    (async function* () {
      yield 1
      yield 2
    })(),
  ));
  for await (const _ of progress(new Set([1, 2, 3]))) break
  expect(taken).toEqual([1, 2, 3])
  const lasts = page.shown.filter((shown, i) => page.shown[i + 1]?.displayId !== shown.displayId)
  expect(lasts.map(({ bundle }) => String(bundle['text/plain']).replace(/[\d.]+ s/, 'T'))).toEqual([
    `count ${'█'.repeat(30)} 3/3, T`,
    '2, T',
    `${'░'.repeat(30)} 0/3, T`,
  ])
  expect(lasts.map(({ bundle }) => (bundle[MIME] as Card & { kind: 'progress' }).total)).toEqual([3, null, 3])
})
