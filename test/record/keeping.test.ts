import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import Libsql from 'libsql'
import { beforeAll, describe, expect, test } from 'vitest'
import yauzl from 'yauzl'
import { HarnessError, InputError } from '../../src/errors.js'
import { zipRun } from '../../src/record/archive.js'
import { stepsCsv } from '../../src/record/csv.js'
import { collectGarbage } from '../../src/record/gc.js'
import { listRuns } from '../../src/record/list.js'
import { createRun, openRun, readRun } from '../../src/record/open.js'
import { verifyRun } from '../../src/record/verify/verify.js'
import { temporaryFolder } from '../helpers/folder.js'
import { contentOf } from './content.js'
import { outsider, program, runProgram } from './program.js'

const home = temporaryFolder()
const whole = join(home, 'whole')
let copies = 0
const copyOf = (run = whole): string => {
  const copy = join(home, `copy-${copies++}`)
  cpSync(run, copy, { recursive: true })
  return copy
}
beforeAll(() => runProgram(whole))
const folders = (run: string) => readdirSync(join(run, 'adapters')).sort()

describe('gc', () => {
  test('by default every adapter that a step names stays', () => {
    const run = copyOf()
    const before = folders(run)
    for (const name of ['.77-0a1b2c3d', 'e'.repeat(64)]) {
      mkdirSync(join(run, 'adapters', name))
      writeFileSync(join(run, 'adapters', name, 'adapter_model.safetensors'), '12345')
    }
    mkdirSync(join(run, 'adapters', 'mine'))
    writeFileSync(join(run, 'adapters', 'notes.txt'), 'mine too')
    const { removable, kept } = collectGarbage(run)
    expect(removable).toEqual([
      { folder: '.77-0a1b2c3d', identifiers: [], bytes: 5, why: expect.stringContaining('left half made') },
      { folder: 'e'.repeat(64), identifiers: [], bytes: 5, why: expect.stringContaining('no step names it') },
    ])
    expect(kept.adapters).toBe(before.length)
    expect(folders(run)).toHaveLength(before.length + 4) // Nothing was removed yet.
    collectGarbage(run, { remove: true })
    expect(folders(run)).toEqual([...before, 'mine', 'notes.txt'].sort())
    expect(collectGarbage(run).removable).toEqual([])
    expect(contentOf(run)).toEqual(contentOf(whole))
  })

  test('heads: what the ends of branches need stays, and the run goes on as it would have', async () => {
    const run = copyOf()
    const ends = readRun(run)
    const needed = new Set(
      ends.branches.flatMap(({ name }) => [...new Map(ends.timeline(name).map(p => [p.chatId, p.lora])).values()]),
    )
    const gone = ends.adapters().filter(({ identifier }) => !needed.has(identifier))
    ends.close()
    expect(gone.length).toBeGreaterThan(1)
    const { removable } = collectGarbage(run, { keep: 'heads', remove: true })
    expect(removable.flatMap(({ identifiers }) => identifiers).sort()).toEqual(gone.map(a => a.identifier).sort())
    for (const { folder } of removable) expect(existsSync(join(run, 'adapters', folder))).toBe(false)

    const theirs = outsider(join(home, 'theirs'))
    const again = async (folder: string) => {
      const harness = await openRun(folder, { ...program(theirs, 10), allowChanges: true, branch: 'fork' })
      for await (const _ of harness.run());
      return harness
    }
    const [kept, all] = [await again(run), await again(copyOf())]
    expect(kept.results.map(r => [r.response, r.updatedLora?.identifier])).toEqual(
      all.results.map(r => [r.response, r.updatedLora?.identifier]),
    )
    // Back is not where it can go, and it says why.
    const { index } = gone[0]!
    expect(() => kept.rewind(index + 1, 'back')).toThrow(HarnessError)
    expect(() => kept.rewind(index + 1, 'back')).toThrow(/was removed on \d{4}-\d\d-\d\d \(gc --keep heads\)/)
    for (const { recorder } of [kept, all]) recorder.close()
    expect(verifyRun(run)).toMatchObject({ damage: [], notes: [] })
  })

  test('a number: the states before every so many examples stay too', async () => {
    const run = copyOf()
    collectGarbage(run, { keep: 4, remove: true })
    const theirs = outsider(join(home, 'theirs'))
    const harness = await openRun(run, { ...program(theirs), branch: 'again' })
    expect(() => harness.rewind(4, 'four')).not.toThrow()
    harness.recorder.close()
    const state = (at: number) => {
      const record = readRun(run)
      const last = new Map(
        record
          .timeline('again')
          .slice(0, at)
          .map(p => [p.chatId, p.lora]),
      )
      const there = [...last.values()].map(id => id === null || record.adapter(id)!.removed === null)
      record.close()
      return there.every(Boolean)
    }
    expect([4, 8].map(state)).toEqual([true, true])
    expect([1, 2, 3, 5, 6, 7].map(state)).toContain(false)
  })

  test('killed between noting and removing: the next one finishes', () => {
    const run = copyOf()
    const { removable } = collectGarbage(run, { keep: 'heads' })
    const [first, second] = [removable[0]!, removable[1]!]
    const kept = copyOf(run)
    collectGarbage(run, { keep: 'heads', remove: true })
    // One folder was not touched yet, of another half the files are gone.
    renameSync(join(kept, 'adapters', first.folder), join(run, 'adapters', first.folder))
    renameSync(join(kept, 'adapters', second.folder), join(run, 'adapters', '.1-half'))
    rmSync(join(run, 'adapters', '.1-half', 'adapter_config.json'))
    expect(verifyRun(run)).toMatchObject({ damage: [], notes: [expect.any(String), expect.any(String)] })
    expect(collectGarbage(run, { remove: true }).removable.map(({ folder }) => folder)).toEqual([
      '.1-half',
      first.folder,
    ])
    expect(verifyRun(run)).toMatchObject({ damage: [], notes: [] })
  })

  test('an adapter that is made again after it was removed is there again', async () => {
    const run = copyOf()
    const { removable } = collectGarbage(run, { keep: 'heads', remove: true })
    const first = removable.find(({ why }) => why.startsWith('from step 0 of'))!
    const harness = await openRun(run, program(outsider(join(home, 'theirs'))))
    harness.rewind(0, 'anew')
    await harness.step()
    harness.recorder.close()
    expect(folders(run)).toContain(first.folder)
    const record = readRun(run)
    expect(record.adapter(first.identifiers[0]!)!.removed).toBeNull()
    record.close()
    expect(verifyRun(run)).toMatchObject({ damage: [] })
  })

  test('not while the run is written, nor if its record is damaged', async () => {
    const run = copyOf()
    const harness = await openRun(run, program(outsider(join(home, 'theirs'))))
    expect(() => collectGarbage(run)).toThrow(InputError)
    expect(() => collectGarbage(run)).toThrow(/this process writes it/)
    harness.recorder.close()
    const before = folders(run)
    const db = new Libsql(join(run, 'run.db'))
    db.exec('DELETE FROM adapters WHERE id = 2')
    db.close()
    expect(() => collectGarbage(run, { remove: true })).toThrow(/its record is damaged \(.*nothing is removed/)
    expect(folders(run)).toEqual(before)
  })

  test('a folder that a foreign record names is not reached', () => {
    const run = copyOf()
    mkdirSync(join(home, 'precious'))
    symlinkSync(join(home, 'precious'), join(run, 'adapters', 'd'.repeat(64)))
    expect(collectGarbage(run, { remove: true }).removable).toEqual([])
    expect(existsSync(join(home, 'precious'))).toBe(true)
  })
})

/** The files of a zip archive. */
const unzip = (bytes: Buffer): Promise<Map<string, Buffer>> =>
  new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>()
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error)
      zip.on('entry', entry =>
        zip.openReadStream(entry, async (failed, stream) => {
          if (failed) return reject(failed)
          files.set(entry.fileName, await buffer(stream))
          zip.readEntry()
        }),
      )
      zip.on('end', () => resolve(files))
      zip.readEntry()
    })
  })

async function unpack(run: string): Promise<string> {
  let bytes = Buffer.alloc(0)
  expect(
    await zipRun(run, async zip => {
      bytes = await buffer(zip)
    }),
  ).toEqual({ missing: [], unshown: null })
  const to = join(home, `unpacked-${copies++}`)
  const files = await unzip(bytes)
  expect([...files.keys()].filter(name => /lock|wal|shm|writer/.test(name))).toEqual([])
  for (const [name, content] of files) {
    mkdirSync(dirname(join(to, name)), { recursive: true })
    writeFileSync(join(to, name), content)
  }
  return join(to, readdirSync(to)[0]!)
}

describe('export', () => {
  test('zip: unpacked it is the same run, and goes on', async () => {
    const run = await unpack(whole)
    expect(contentOf(run)).toEqual(contentOf(whole))
    expect(folders(run)).toEqual(folders(whole))
    expect(verifyRun(run)).toMatchObject({ damage: [], notes: [] })
    const harness = await openRun(run, program(outsider(join(home, 'theirs'))))
    harness.rewind(3, 'later')
    await harness.step()
    harness.recorder.close()
    expect(verifyRun(run).damage).toEqual([])
  })

  test('zip: while the run is written, it is as it was at one moment', async () => {
    const folder = join(home, 'written')
    const harness = await openRun(folder, program(outsider(join(home, 'theirs'))))
    await harness.step()
    await harness.step()
    const run = await unpack(folder)
    await harness.step()
    harness.recorder.close()
    const record = readRun(run)
    expect(record.steps()).toEqual(contentOf(folder).branches[0]!.steps.slice(0, 2))
    record.close()
    expect(verifyRun(run).damage).toEqual([])
  })

  test('csv: a row a step, a column a metric; what a spreadsheet would run is text', async () => {
    const record = readRun(whole)
    const [step] = record.steps()
    record.close()
    const odd = {
      ...step!,
      key: '=cmd|calc',
      chatId: 'a "b",\nc',
      metrics: { f1: -0.5, 'a,b': 1 },
      baselines: { base: { response: '', metrics: { f1: 0.25 } }, ms: { response: '', metrics: { infer: 1 } } },
      losses: [2, 1.5, 1],
    }
    const other = { ...step!, metrics: { exact: 1 }, baselines: {}, losses: [], targetLoss: null }
    const text = [...stepsCsv(() => [odd, other])].join('')
    expect(text).toMatch(
      /^branch,index,key,dataset,.*,metric\.f1,"metric\.a,b",metric\.exact,base\.f1,baseline\.ms\.infer,.*\r\n/,
    )
    const rows = parseCsv(text)
    expect(rows).toHaveLength(2)
    const [first, second] = rows
    expect(first).toMatchObject({
      key: "'=cmd|calc",
      chat: 'a "b",\nc',
      'metric.f1': '-0.5',
      'metric.a,b': '1',
      'metric.exact': '',
      'base.f1': '0.25',
      'baseline.ms.infer': '1',
      'loss.first': '2',
      'loss.last': '1',
      'ms.infer': String(odd.ms.infer),
    })
    expect(parseCsv([...stepsCsv(() => Array(1000).fill(other))].join(''))).toHaveLength(1000)
    expect(second).toMatchObject({
      'metric.f1': '',
      'metric.exact': '1',
      'loss.first': '',
      outcome: step!.outcome.kind,
    })
  })
})

/** Rows of a CSV file (RFC 4180) by the names in its first line. */
function parseCsv(text: string): Record<string, string>[] {
  const cells = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)]
  const rows: string[][] = [[]]
  for (const [, quoted, bare, end] of cells) {
    rows.at(-1)!.push(quoted === undefined ? bare! : quoted.replaceAll('""', '"'))
    if (end === '\r\n') rows.push([])
  }
  const [head, ...rest] = rows.slice(0, -1)
  return rest.map(row => Object.fromEntries(head!.map((name, i) => [name, row[i]!])))
}

test('a copy of a run is a run, with its adapters', async () => {
  const run = copyOf()
  expect(contentOf(run)).toEqual(contentOf(whole))
  const record = readRun(run)
  for (const { identifier, folder } of record.adapters())
    expect(record.lora(identifier).path).toBe(join(run, 'adapters', folder!))
  record.close()
  const harness = await openRun(run, program(outsider(join(home, 'theirs'))))
  harness.rewind(3, 'copy')
  await harness.step()
  harness.recorder.close()
  expect(harness.results.at(-1)!.retrievedLora!.path).toMatch(new RegExp(`^${run}/adapters/`))
})

test('runs: newest first; what is damaged or no run is listed with what is wrong', async () => {
  const folder = join(home, 'runs')
  mkdirSync(join(folder, 'holiday'), { recursive: true })
  writeFileSync(join(folder, 'holiday', 'a.jpg'), 'x'.repeat(1000))
  writeFileSync(join(folder, 'README'), '')
  cpSync(whole, join(folder, 'first'), { recursive: true })
  cpSync(whole, join(folder, 'damaged'), { recursive: true })
  writeFileSync(join(folder, 'damaged', 'run.db'), readFileSync(join(whole, 'run.db')).subarray(0, 5000))
  const empty = await createRun(join(folder, 'empty'), { experiment: 'x\u001b[31m.ts' })
  const found = await listRuns(folder)
  expect(found.map(run => run.folder.slice(folder.length + 1))).toEqual(['empty', 'damaged', 'first', 'holiday'])
  expect(found[0]).toMatchObject({
    status: 'running',
    pid: process.pid,
    steps: 0,
    branches: 1,
    score: null,
    problem: null,
  })
  expect(found[1]).toMatchObject({ steps: null, problem: expect.stringContaining('run.db') })
  expect(found[1]!.startedAt).toBe(found[2]!.startedAt)
  expect(found[2]).toMatchObject({ status: 'finished', pid: null, steps: 8, branches: 3, problem: null })
  expect(found[2]!.score).toMatchObject({ metric: expect.any(String), adapter: expect.any(Number), baseline: null })
  expect(found[2]!.bytes).toBeGreaterThan(50_000)
  expect(found[3]).toMatchObject({ runId: null, bytes: 1000, problem: 'it is not a run' })
  empty.close()
  expect((await listRuns(folder))[0]).toMatchObject({ status: 'interrupted', pid: null })
  await expect(listRuns(join(home, 'nowhere'))).rejects.toThrow(InputError)
})
