import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { report } from '../../src/cli/report.js'
import { openRun } from '../../src/record/open.js'
import { renderNotebook } from '../../src/report/notebook.js'
import { HOSTILE } from './hostile.js'
import { recordOf } from './record.js'
import { sampleSteps } from './sample.js'

interface Cell {
  cell_type: 'markdown' | 'code'
  id: string
  source: string
  outputs: { data: Record<string, string> }[]
}
const cellsOf = (text: string): Cell[] => JSON.parse(text).cells
const said = (cells: readonly Cell[]) => cells.filter(cell => cell.cell_type === 'markdown').map(cell => cell.source)

describe('a run as a notebook', () => {
  test('has the result, the picture as PNG, and cells that open the run', async () => {
    const text = await renderNotebook(recordOf(sampleSteps(8, 14)), '../runs/it"s', {})
    expect(JSON.parse(text)).toMatchObject({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { language: 'typescript' } },
    })
    const cells = cellsOf(text)
    expect(new Set(cells.map(cell => cell.id)).size).toBe(cells.length)
    expect(cells[0]!.source).toContain('After 112 examples in 8 chats the adapter scored 0.')
    expect(cells[1]!.source).toContain('readRun("../runs/it\\"s")')
    const png = Buffer.from(cells[1]!.outputs[0]!.data['image/png']!, 'base64')
    expect(png.subarray(1, 4).toString()).toBe('PNG')
    expect(png.readUInt32BE(16) / png.readUInt32BE(20)).toBeCloseTo(1400 / 420, 2)
    expect(said(cells).at(-1)).toContain('npx lora-harness run experiments/people.ts --seed 3')
  })

  test('texts from outside are no markup, in paragraphs, tables and blocks', async () => {
    const hostile = [
      ...HOSTILE,
      '```\n# not a heading\n![x](http://x.invalid)',
      '| a | b |',
      '[x](javascript:alert(1))',
      '$x$',
    ]
    const steps = sampleSteps(4, 10).map((step, i) => {
      const text = hostile[i % hostile.length]!
      return {
        ...step,
        messages: [{ role: 'user', content: text }],
        response: text,
        details: { category: text },
        outcome: { kind: 'failed' as const, reason: text },
        callables: { ...step.callables, finetuneFn: text },
      }
    })
    const texts = said(cellsOf(await renderNotebook(recordOf(steps), 'x')))
    for (const text of texts) {
      const blocks = /^(`{3,})[a-z]*\n[\s\S]*?\n\1$/gm
      // Outside of blocks only what is ours is left: headings, tables, lists, bold.
      const rest = text.replace(blocks, '').replace(/\*\*|&#\d+;/g, '')
      expect(rest).not.toMatch(/[<>[\]`$\\]|!\(|http:\/\/x\.invalid\)/)
      expect(rest.split('\n').every(line => !line.includes('|') || /^\|.*\|$/.test(line))).toBe(true)
      expect(text).not.toMatch(/[\p{Cs}\p{Cf}]|[^\P{Cc}\n\t]/u)
    }
  })
})

describe('lora-harness report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const run = join(folder, 'run')
  const lines: string[] = []
  beforeAll(async () => {
    const harness = await openRun(run, {
      exampleSource: ['one', 'two', 'three'].map((content, testIdx) => ({
        datasetName: 'd',
        testIdx,
        messages: [{ role: 'user', content: `secret ${content}` }],
        lang: 'en',
        info: {},
        metadata: {},
        evaluate: () => ({ f1: testIdx / 2 }),
      })),
      retrieveLoraFn: () => null,
      inferenceFn: () => 'an answer',
      finetuneFn: () => null,
    })
    for await (const _ of harness.run());
    harness.rewind(1, 'other/../branch')
    await harness.step()
    harness.recorder.end('finished')
    harness.recorder.close()
  })
  afterEach(() => {
    lines.length = 0
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  vi.spyOn(console, 'log').mockImplementation(line => void lines.push(String(line)))

  test('writes a page into the folder of the run, and says what is in it', async () => {
    expect(await report(`${run}@main`, {})).toBe(0)
    expect(readFileSync(join(run, 'report@main.html'), 'utf8')).toContain('After 3 examples the adapter scored 0.50')
    expect(lines[0]).toMatch(/report@main\.html: 3 examples, \d+ kB$/)
    expect(lines[1]).toContain('--redact leaves them out')
  })

  test('a branch of any name; without texts; as a notebook; to where it is asked', async () => {
    await report(`${run}@other/../branch`, { redact: true })
    const page = readFileSync(join(run, 'report@other-..-branch-redacted.html'), 'utf8')
    expect(page).toContain('After 2 examples')
    expect(page).not.toContain('secret')
    await report(run, { notebook: true, out: join(folder, 'run.ipynb') })
    expect(cellsOf(readFileSync(join(folder, 'run.ipynb'), 'utf8'))[1]!.source).toContain('readRun("run")')
  })

  test('refuses one example, and what is not there', async () => {
    await expect(report(`${run}#1`, {})).rejects.toThrow('a report is of a whole branch')
    await expect(report(`${run}@nowhere`, {})).rejects.toThrow('reading branch nowhere: the run has main')
    await expect(report(join(folder, 'none'), {})).rejects.toThrow('there is no such folder')
  })
})
