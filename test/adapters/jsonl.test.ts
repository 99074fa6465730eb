import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { jsonlExamples } from '../../src/adapters/jsonl.js'
import { InputError } from '../../src/errors.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'

const folder = mkdtempSync(join(tmpdir(), 'jsonl-examples-'))
afterAll(() => rmSync(folder, { recursive: true }))
const evaluate = (row: { target?: string | undefined }, response: string) => ({ exact: response === row.target })

test('rows run through the loop, with their own extra fields for the scorer', async () => {
  const rows = [
    { prompt: 'q', target: 'a', chatId: 'c' },
    { messages: [{ role: 'user', content: 'q' }], target: 'a', chatId: 'c', testIdx: 'again', weight: 3 },
  ]
  const seen: unknown[] = []
  const exampleSource = jsonlExamples(rows, {
    evaluate: (row, response) => {
      seen.push(row.weight)
      return evaluate(row, response)
    },
  })
  const results = await collect(new LoRAHarness({ exampleSource, ...toy }).run())
  expect(results.map(r => [r.example.datasetName, r.example.testIdx, r.example.lang, r.metrics.exact])).toEqual([
    ['rows', 0, 'en', 0],
    ['rows', 'again', 'en', 1],
  ])
  expect(seen).toEqual([undefined, 3])
})

test('a file of lines or an array; the data set is named after it', () => {
  const rows = [{ prompt: 'q', info: { x: 1 }, lang: 'de' }]
  writeFileSync(join(folder, 'mine.jsonl'), `${JSON.stringify(rows[0])}\n\n`)
  writeFileSync(join(folder, 'mine.json'), JSON.stringify(rows))
  const [fromLines, fromArray] = ['mine.jsonl', 'mine.json'].map(name =>
    jsonlExamples(join(folder, name), { evaluate }).map(({ evaluate: _, ...example }) => example),
  )
  expect(fromLines).toEqual(fromArray)
  expect(fromLines).toMatchObject([
    { datasetName: 'mine', testIdx: 0, lang: 'de', info: { x: 1 }, messages: [{ role: 'user', content: 'q' }] },
  ])
})

test.each([
  [[{ prompt: 'q' }, {}], /row 2: [\s\S]*needs either messages or prompt/],
  [[{ prompt: 'q', messages: [{ role: 'user', content: 'q' }] }], /row 1: [\s\S]*needs either messages or prompt/],
  [[{ messages: [] }], /row 1: [\s\S]*messages/],
  [[{ prompt: 'q', target: 5 }], /row 1: [\s\S]*target/],
  [['text'], /row 1: /],
])('malformed rows name their place: %j', (rows, message) => {
  const read = () => jsonlExamples(rows, { evaluate })
  expect(read).toThrow(InputError)
  expect(read).toThrow(message)
})

test('malformed files name their place', () => {
  const path = join(folder, 'bad.jsonl')
  writeFileSync(path, '{"prompt": "q"}\n{"prompt"')
  expect(() => jsonlExamples(path, { evaluate })).toThrow(/bad\.jsonl, line 2: /)
  expect(() => jsonlExamples(join(folder, 'none.jsonl'), { evaluate })).toThrow(/^reading .*none\.jsonl: ENOENT/)
})
