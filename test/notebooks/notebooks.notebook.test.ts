import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  codeCells,
  execute,
  FOLDER,
  keyOf,
  kindsOf,
  NAMES,
  type Notebook,
  problemsOf,
  read,
  shownIn,
  textOf,
  toHtml,
  WITH_MODEL,
  WITHOUT_MODEL,
} from './notebook.js'

const python = process.env.NOTEBOOK_PYTHON!
const LOCOMO = '302-locomo.ipynb'
const NO_LOCOMO = { MEMORY_BENCH_PATH: undefined, LOCOMO_CORPUS: undefined }
const records = join(FOLDER, '../../shared/data/memorybench/locomo_memorybench_rebuilt.json')
/** The text of each cell's outputs. */
const shownBy = (notebook: Notebook) => codeCells(notebook).map(({ outputs = [] }) => outputs.map(textOf).join(''))

describe.each(NAMES)('%s', name => {
  const stored = read(name)

  test('is stored with outputs that can be read, and is of our kernel', () => {
    expect(problemsOf(stored)).toEqual([])
    expect(stored.metadata.kernelspec.name).toBe('lora-harness')
  })
})

test('what a reader would stumble over is found', () => {
  const cell = (outputs: object[], execution_count = 1) =>
    problemsOf({ cells: [{ cell_type: 'code', source: '', execution_count, outputs }] } as unknown as Notebook)
  expect(cell([{ output_type: 'stream', name: 'stdout', text: ['fine'] }])).toEqual([])
  expect(cell([], 2)).toEqual(['cell [1] was run as number 2', 'cell [1] shows nothing'])
  expect(cell([{ output_type: 'error', ename: 'E', evalue: 'why' }])).toEqual(['cell [1] failed: E: why'])
  const data = { 'application/vnd.lora-harness.v1+json': {}, 'image/png': 'AA==' }
  expect(cell([{ output_type: 'display_data', data, metadata: {} }])).toEqual(['cell [1] has an output without text'])
  expect(cell([{ output_type: 'display_data', data: { ...data, 'text/plain': 'a' }, metadata: {} }])).toEqual([
    'cell [1] has a picture without words for who cannot see it',
  ])
  expect(cell([{ output_type: 'stream', name: 'stdout', text: join(tmpdir(), 'x') }])).toHaveLength(1)
})

test('a score, an answer or a picture that is not as stored is found', () => {
  const name = NAMES[0]!
  const key = keyOf(read(name))
  expect(keyOf(read(name))).toEqual(key)
  const text = readFileSync(join(FOLDER, name), 'utf8')
  for (const [was, is] of [
    [/"scores": \[\s*0,/, '"scores": [ 1,'],
    [/"response": "/, '"response": "!'],
    [/"image\/png"/, '"image/gif"'],
  ] as const) {
    expect(text).toMatch(was)
    expect(keyOf(JSON.parse(text.replace(was, is)))).not.toEqual(key)
  }
})

describe('as HTML, made without the plugin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lora-harness-html-'))
  beforeAll(() =>
    toHtml(
      NAMES.map(name => join(FOLDER, name)),
      folder,
      python,
    ),
  )
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each(NAMES)('%s shows every output', name => {
    const html = readFileSync(join(folder, name.replace('.ipynb', '.html')), 'utf8')
    const outputs = shownIn(html)
    expect(outputs).toHaveLength(codeCells(read(name)).flatMap(({ outputs = [] }) => outputs).length)
    expect(outputs).not.toContain('')
  })

  test.each(NAMES)('%s asks nothing of the network', name => {
    const html = readFileSync(join(folder, name.replace('.ipynb', '.html')), 'utf8')
    const attributes = [...html.matchAll(/<(?!a\s)\w+[^>]*\s(?:src|href|data|poster)="(?!data:|#)([^"]+)"/g)]
    expect(attributes.map(([, url]) => url)).toEqual([])
    expect([...html.matchAll(/@import|url\(['"]?https?:/g)]).toEqual([])
  })
})

describe('run anew', () => {
  test.each(WITHOUT_MODEL)(
    '%s gives what is stored',
    async name => {
      const notebook = JSON.parse(await execute(name, python)) as Notebook
      expect(problemsOf(notebook)).toEqual([])
      expect(keyOf(notebook)).toEqual(keyOf(read(name)))
    },
    300_000,
  )

  test.each(NAMES.filter(name => !WITHOUT_MODEL.includes(name) && !WITH_MODEL.includes(name)))(
    '%s, on a tiny model, shows in every cell the kinds of outputs that are stored',
    async name => {
      const notebook = JSON.parse(await execute(name, python, { tiny: true, env: NO_LOCOMO })) as Notebook
      expect(problemsOf(notebook)).toEqual([])
      expect(kindsOf(notebook)).toEqual(kindsOf(read(name)))
      if (name === LOCOMO)
        expect(shownBy(notebook).slice(0, 3)).toEqual([
          'questions: none; MEMORY_BENCH_PATH is not set\nconversations: none; LOCOMO_CORPUS is not set\n',
          'not known without questions and conversations\n',
          'closed-book: not run; its files are missing, see above\n',
        ])
    },
    300_000,
  )
})

describe.skipIf(!existsSync(records))(`${LOCOMO} (with the LoCoMo records)`, () => {
  test('on a tiny model: the variant without lines', async () => {
    const env = { ...NO_LOCOMO, MEMORY_BENCH_PATH: records }
    const notebook = JSON.parse(await execute(LOCOMO, python, { tiny: true, env })) as Notebook
    expect(problemsOf(notebook)).toEqual([])
    const shown = shownBy(notebook)
    expect(shown[0]).toContain('questions: 22\n')
    expect(shown.slice(2, 5)).toEqual([
      'closed-book: 22 questions, 12 learned\n',
      'evidence: not run; its files are missing, see above\n',
      'bm25: not run; its files are missing, see above\n',
    ])
    expect(shown.at(-1)).toMatch(/^closed-book: own minus another chat \S+ \(95 % \S+ to \S+\), 1\d questions\n/)
  }, 300_000)

  test('what is stored has no text of them', () => {
    const texts = (
      JSON.parse(readFileSync(records, 'utf8')) as { origin_question: string; info: { golden_answer: string } }[]
    )
      .flatMap(({ origin_question, info }) => [origin_question, String(info.golden_answer)])
      .filter(text => text.length >= 12 && text !== 'Not mentioned in the conversation')
    expect(texts.length).toBeGreaterThan(300)
    const stored = readFileSync(join(FOLDER, LOCOMO), 'utf8')
    expect(texts.filter(text => stored.includes(text))).toEqual([])
  })
})
