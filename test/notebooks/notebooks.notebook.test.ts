import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
  toHtml,
  WITH_MODEL,
  WITHOUT_MODEL,
} from './notebook.js'

const python = process.env.NOTEBOOK_PYTHON!

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
      const notebook = JSON.parse(await execute(name, python, { tiny: true })) as Notebook
      expect(problemsOf(notebook)).toEqual([])
      expect(kindsOf(notebook)).toEqual(kindsOf(read(name)))
    },
    300_000,
  )
})
