import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { beforeEach, expect, test } from 'vitest'
import { DISPLAY, harness, type NotebookOptions } from '../../../kernel-ext/src/index.js'
import { numbered, toy } from '../../harness/toy.js'
import { temporaryFolder } from '../../helpers/folder.js'
import { closing, fakePage } from './page.js'

beforeEach(() => void fakePage())
const home = temporaryFolder()
const closes = closing()
let runs = 0
const open = async (more: Partial<NotebookOptions> = {}) =>
  closes(
    await harness({ id: `report-${runs++}`, exampleSource: () => numbered(4), folder: null, seed: 7, ...toy, ...more }),
  )
const read = (path: string) => readFileSync(path, 'utf8')

test('a report is a file, and its last value says which, how large and what is in it', async () => {
  const h = await open()
  await h.run()
  const path = join(home, 'reports', 'run.html')
  const written = await h.report(path)
  expect(read(path)).toContain('After 4 examples')
  expect(written).toMatchObject({ path, bytes: Buffer.byteLength(read(path)) })
  expect(String(written)).toMatch(/^Report \S+run\.html: 4 examples, \d+ kB\. It holds the texts of the examples/)
  expect(inspect(written)).toBe(String(written))
  const bundle = await written[DISPLAY]()
  expect(Object.keys(bundle)).toEqual(['text/html', 'text/plain'])
  expect(bundle['text/plain']).toBe(String(written))
})

test('without texts, and of the branch that the run is on', async () => {
  const h = await open({ inferenceFn: () => 'a private answer' })
  await h.run()
  await h.rewind(2, 'again')
  const path = join(home, 'redacted.html')
  await h.report(path)
  expect(read(path)).toContain('a private answer')
  const written = await h.report(path, { redact: true })
  expect(read(path)).toContain('After 2 examples')
  expect(read(path)).not.toContain('a private answer')
  expect(String(written)).toContain('2 examples, ')
  expect(String(written)).toContain('were left out')
})

test('as a notebook that opens the run from where it lies; not of a run in memory', async () => {
  const folder = join(home, 'runs', 'one')
  const h = await open({ folder })
  await h.run()
  const path = join(home, 'run.ipynb')
  await h.report(path)
  expect(JSON.parse(read(path)).cells[1].source).toContain('readRun("runs/one")')
  const page = join(home, 'forced.ipynb')
  await h.report(page, { notebook: false })
  expect(read(page)).toMatch(/^<!doctype html>/)
  const inMemory = await open()
  await expect(inMemory.report(join(home, 'm.ipynb'))).rejects.toThrow('is kept in memory only; write a page')
})

test('the cell can be run again; what is no report of ours is not replaced', async () => {
  const folder = join(home, 'runs', 'two')
  const h = await open({ folder })
  const [page, notebook] = [join(home, 'again.html'), join(home, 'again.ipynb')]
  for (const until of [1, 3]) {
    await h.run({ until })
    await h.report(page)
    await h.report(notebook)
    expect(read(page)).toContain(`After ${until} example`)
  }
  // Run in JupyterLab, which writes each source as lines: it is the same. With another cell it is somebody's work.
  const made = JSON.parse(read(notebook))
  for (const cell of made.cells) cell.source = cell.source.split(/(?<=\n)/)
  made.cells[1].outputs = []
  writeFileSync(notebook, JSON.stringify(made))
  await h.report(notebook)
  made.cells.push({ cell_type: 'markdown', id: 'x', metadata: {}, source: 'my thoughts' })
  writeFileSync(notebook, JSON.stringify(made))
  await expect(h.report(notebook)).rejects.toThrow('one with cells changed by hand; give the report another path')
  expect(read(notebook)).toContain('my thoughts')

  const other = join(home, 'page.html')
  for (const text of ['', 'my page', '<!doctype html>\n<html lang="en">\n<title>mine</title>', '{"cells":[]}']) {
    writeFileSync(other, text)
    await expect(h.report(other)).rejects.toThrow('no report of LoRA Harness')
    expect(read(other)).toBe(text)
  }
  mkdirSync(join(home, 'folder.html'))
  await expect(h.report(join(home, 'folder.html'))).rejects.toThrow()
})

test('a name that means something to a page is a name', async () => {
  const h = await open()
  await h.step()
  const before = process.cwd()
  process.chdir(home)
  try {
    const written = await h.report('a "b" <i>\u202e#?.html')
    const html = String((await written[DISPLAY]())['text/html'])
    expect(html).toContain('href="./a%20%22b%22%20%3Ci%3E%EF%BF%BD%23%3F.html"')
    expect(html).not.toContain('<i>')
    expect(String(written)).not.toContain('\u202e')
  } finally {
    process.chdir(before)
  }
})
