import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import Libsql from 'libsql'
import { beforeAll, describe, expect, test } from 'vitest'
import { HarnessError, InputError } from '../../src/errors.js'
import { releaseFiles } from '../../src/record/database.js'
import { openRun, readRun } from '../../src/record/open.js'
import { readableSteps, verifyRun } from '../../src/record/verify/verify.js'
import { numbered, toy } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'
import { contentOf } from './content.js'
import { runProgram } from './program.js'

const home = temporaryFolder()
/** Three branches, adapters with optimizer states, probes, leaks. */
const small = join(home, 'small')
/** Many pages. */
const long = join(home, 'long')
let copies = 0
const copyOf = (run: string): string => {
  const copy = join(home, `copy-${copies++}`)
  cpSync(run, copy, { recursive: true })
  return copy
}

beforeAll(async () => {
  await runProgram(small)
  const run = await openRun(long, {
    exampleSource: numbered(150),
    ...toy,
    inferenceFn: ({ messages }) => `${messages[0]!.content} ${'long '.repeat(300)}`,
    finetuneFn: () => null,
  })
  for await (const _ of run.run());
  run.recorder.close()
})

/** Changes the run's database by SQL. */
const sql = (statement: string) => (folder: string) => {
  const db = new Libsql(join(folder, 'run.db'))
  db.exec(statement)
  db.close()
}

/** Replaces bytes of a file, as many as there were. */
const bytes = (file: string, old: string, now: string | Uint8Array) => (folder: string) => {
  const path = join(folder, file)
  const content = readFileSync(path)
  const at = content.indexOf(old)
  expect(at, `${old} in ${file}`).toBeGreaterThan(0)
  content.set(typeof now === 'string' ? new TextEncoder().encode(now) : now, at)
  writeFileSync(path, content)
}

/** Does something to a file of the adapter that step 0 of branch main left behind. */
const adapter = (file: string, change: (path: string) => void) => (folder: string) =>
  change(join(folder, 'adapters', first(folder), file))
const flip = (path: string) => {
  const content = readFileSync(path)
  content[content.length >> 1]! ^= 1
  writeFileSync(path, content)
}
function first(folder: string): string {
  const run = readRun(folder)
  try {
    return run.adapters()[0]!.folder!
  } finally {
    run.close()
  }
}

test('a whole run', () => {
  const { damage, notes, branches, adapters } = verifyRun(small)
  expect({ damage, notes }).toEqual({ damage: [], notes: [] })
  expect(branches).toEqual([
    { name: 'main', steps: 5, sound: 5 },
    { name: 'again', steps: 6, sound: 6 },
    { name: 'fork', steps: 4, sound: 4 },
  ])
  expect(adapters.sound).toBe(adapters.all)
  expect(adapters.all).toBe(readdirSync(join(small, 'adapters')).length)
  expect(readableSteps(small, 'fork')).toMatchObject({
    lost: 0,
    steps: [0, 1, 2, 3, 4, 5, 6, 7].map(index => ({ index })),
  })
  expect(verifyRun(long)).toMatchObject({ damage: [], branches: [{ steps: 150, sound: 150 }] })
})

test('a folder that is no run', () => {
  expect(() => verifyRun(join(home, 'nowhere'))).toThrow(InputError)
  mkdirSync(join(home, 'empty'))
  expect(() => verifyRun(join(home, 'empty'))).toThrow('it has no run.db')
})

const HASH = 'the hash that it was recorded with'

describe('what was altered is named, and the rest can be read', () => {
  test.each<[name: string, alter: (folder: string) => void, what: RegExp, found: RegExp, sound: number]>([
    [
      "a step's response",
      bytes('run.db', '"response":"3 by ', '"response":"4 by '),
      /^step 3 of branch main$/,
      /hash/,
      14,
    ],
    ["a step's JSON", bytes('run.db', '"index":4,', '"index"=4,'), /^step 4 of branch main$/, /hash/, 14],
    [
      'a byte that is no UTF-8',
      bytes('run.db', '"index":4,', [0xff] as never),
      /^step 4 of branch main$/,
      /an adapter came up in it/,
      14,
    ],
    [
      "a step's own hash",
      sql(`UPDATE steps SET hash = 'x' WHERE id = 3`),
      /^step 2 of branch main$/,
      /its hash was altered/,
      14,
    ],
    [
      'the hash of an example',
      sql(`UPDATE steps SET example = 'x' WHERE id = 3`),
      /^step 2 of branch main$/,
      new RegExp(HASH),
      14,
    ],
    ['a step is gone', sql('DELETE FROM steps WHERE id = 3'), /^step 2 of branch main$/, /it is lost/, 14],
    [
      'the last step of a branch is gone',
      sql('DELETE FROM steps WHERE branch = 2 AND idx = 6; DELETE FROM steps WHERE branch = 2 AND idx = 7'),
      /^step 6 of branch again$/,
      /an adapter came up in it/,
      13,
    ],
    [
      'two steps in each other’s place',
      sql(
        `UPDATE steps SET idx = 99 WHERE id = 2; UPDATE steps SET idx = 1 WHERE id = 3; UPDATE steps SET idx = 2 WHERE id = 2`,
      ),
      /^step 1 of branch main$/,
      /its row says that it is step 2/,
      13,
    ],
    [
      'a text',
      bytes('run.db', '"question 4: word', '"question 5: word'),
      /^text [0-9a-f]{12}…$/,
      /its content has another hash/,
      15,
    ],
    ['a text is gone', sql(`DELETE FROM texts WHERE body LIKE '"question 4%'`), /^text/, /it is missing/, 15],
    [
      'a callable',
      sql(`UPDATE callables SET source = code`),
      /^(retrieveLora|inference|finetune)Fn [0-9a-f]{12}…$/,
      /its text has another hash/,
      15,
    ],
    ['a callable is gone', sql('DELETE FROM callables'), /Fn [0-9a-f]{12}…$/, /its text is missing/, 15],
    [
      'how the run began',
      sql(`UPDATE run SET info = replace(info, '"seed":5', '"seed":6')`),
      /^how the run began, in run.db$/,
      new RegExp(HASH),
      15,
    ],
    ['run.json', bytes('run.json', '"runId": "', '"runId": "x'), /^run.json$/, /another run/, 15],
    [
      'a session',
      sql(`UPDATE sessions SET body = replace(body, 'finished', 'failed')`),
      /^session 1$/,
      new RegExp(HASH),
      15,
    ],
    [
      'what a branch leaves out',
      sql(`UPDATE branches SET skip_updates = '[4]' WHERE id = 3`),
      /^branch number 3$/,
      new RegExp(HASH),
      11,
    ],
    [
      'scores of probes',
      sql(`UPDATE probings SET body = replace(body, '"exact":0', '"exact":1') WHERE at = 3 AND branch = 1`),
      /^what probes scored before example 3 of branch main$/,
      new RegExp(HASH),
      15,
    ],
    ['an event', sql(`UPDATE events SET time = 'never' WHERE id = 1`), /^event 1$/, new RegExp(HASH), 15],
    ['an event is gone', sql(`DELETE FROM events WHERE id = 1`), /^event 1$/, /it is missing/, 15],
    [
      'what is known of an adapter',
      sql(`UPDATE adapters SET body = replace(body, '"losses":[2', '"losses":[3') WHERE id = 1`),
      /^what is known of adapter number 1$/,
      new RegExp(HASH),
      15,
    ],
    [
      'an adapter is not known any more',
      sql('DELETE FROM adapters WHERE id = 2'),
      /^adapter/,
      /the record does not have it/,
      15,
    ],
    [
      'weights',
      adapter('adapter_model.safetensors', flip),
      /^adapter [0-9a-f]{12}…: adapter_model.safetensors$/,
      /its hash is/,
      15,
    ],
    [
      'a configuration',
      adapter('adapter_config.json', flip),
      /^adapter [0-9a-f]{12}…: adapter_config.json$/,
      /its hash is/,
      15,
    ],
    ['optimizer state', adapter('optimizer.safetensors', flip), /: optimizer.safetensors$/, /its hash is/, 15],
    [
      'weights are shorter',
      adapter('adapter_model.safetensors', path => truncateSync(path, 10)),
      /: adapter_model.safetensors$/,
      /it has 10 bytes, \d+ were recorded/,
      15,
    ],
    [
      'weights are gone',
      adapter('adapter_model.safetensors', path => rmSync(path)),
      /: adapter_model.safetensors$/,
      /ENOENT/,
      15,
    ],
    [
      'an adapter is gone',
      adapter('', path => rmSync(path, { recursive: true })),
      /^adapter [0-9a-f]{12}…$/,
      /there is no folder/,
      15,
    ],
    ['the database is gone', folder => rmSync(join(folder, 'run.db')), /^run.db$/, /it is missing/, 0],
  ])('%s', (_name, alter, what, found, sound) => {
    const folder = copyOf(small)
    const before = contentOf(folder)
    alter(folder)
    const { damage, branches } = verifyRun(folder)
    expect(damage).toContainEqual({
      what: expect.stringMatching(what),
      found: expect.stringMatching(found),
      means: expect.any(String),
    })
    expect(branches.reduce((sum, branch) => sum + branch.sound, 0)).toBe(sound)
    for (const { name } of branches) {
      const { at } = before.tree.find(branch => branch.name === name)!
      const steps = readableSteps(folder, name).steps.filter(step => step.branch === name)
      // But for a text that is lost they are what they were.
      const without = (step: object) => JSON.stringify(step).replace(/"(question \d: |\(text )[^"]*"/g, '""')
      const own = before.branches[before.tree.findIndex(branch => branch.name === name)]!.steps
      for (const step of steps) expect(without(step)).toBe(without(own[step.index - at]!))
    }
  })

  test('nothing else is said to be damaged where one step was altered', () => {
    const folder = copyOf(small)
    bytes('run.db', '"response":"3 by ', '"response":"4 by ')(folder)
    expect(verifyRun(folder).damage).toEqual([
      {
        what: 'step 3 of branch main',
        found: `it does not have ${HASH}`,
        means: expect.stringContaining('can be trusted'),
      },
    ])
  })

  test('files that nobody wrote down are noted, not damage', () => {
    const folder = copyOf(small)
    mkdirSync(join(folder, 'adapters', '.12-half'))
    mkdirSync(join(folder, 'adapters', 'f'.repeat(64)))
    writeFileSync(join(folder, 'adapters', first(folder), 'more.txt'), 'x')
    const { damage, notes } = verifyRun(folder)
    expect(damage).toEqual([])
    expect(notes).toHaveLength(3)
    expect(notes).toEqual(
      expect.arrayContaining([
        'adapters/.12-half was left half made by a process that ended; gc removes it',
        expect.stringMatching(/has files that the record does not know: more.txt$/),
        'adapters/ffffffffffff… is named by no step; gc removes it',
      ]),
    )
  })
})

describe('reading a damaged run', () => {
  test.each([
    [
      'a body',
      bytes('run.db', '"index":4,', '"index"=4,'),
      /run\.db: step 4 of branch main: it is not as it was recorded/,
    ],
    [
      'a text',
      sql(`UPDATE texts SET body = replace(body, 'question 4', 'question 5') WHERE body LIKE '"question 4%'`),
      /step 4 of branch main: text [0-9a-f]{12} is not as it was recorded/,
    ],
    ['UTF-8', bytes('run.db', '"index":4,', [0xff] as never), /run\.db: step 4 of branch main: .*not valid/],
    [
      'a row that is gone',
      sql('DELETE FROM steps WHERE id = 3'),
      /run\.db: step 2 of branch main: it is missing \(lora-harness verify/,
    ],
    [
      'a text that is gone',
      sql(`DELETE FROM texts WHERE body LIKE '"question 4%'`),
      /step 4 of branch main: .*text [0-9a-f]{12} is missing/,
    ],
  ])('%s: the error names file and step', async (_name, alter, message) => {
    const folder = copyOf(small)
    alter(folder)
    const run = readRun(folder)
    expect(() => run.steps('main')).toThrow(HarnessError)
    expect(() => run.steps('main')).toThrow(message)
    run.close()
    // Nothing goes on from it either.
    await expect(openRun(folder, { exampleSource: [], ...toy })).rejects.toThrow(message)
  })
})

describe('a database that was cut short', () => {
  const size = () => readFileSync(join(long, 'run.db')).length
  test.each<[string, () => number, number]>([
    ['to nothing', () => 0, 0],
    ['in its header', () => 50, 0],
    ['after its first page', () => 4096, 0],
    ['within a page', () => 40_000, 0],
    ['after half of its pages', () => 4096 * Math.floor(size() / 8192), 40],
    ['before its last three pages', () => 4096 * (size() / 4096 - 3), 140],
  ])('%s', (_, cut, readable) => {
    const folder = copyOf(long)
    const before = contentOf(long).branches[0]!.steps
    truncateSync(join(folder, 'run.db'), cut())
    const { damage, branches } = verifyRun(folder)
    expect(damage[0]).toMatchObject({ what: 'run.db' })
    if (readable === 0) return
    expect(branches[0]!.sound).toBeGreaterThanOrEqual(readable)
    expect(branches[0]!.sound).toBeLessThanOrEqual(150)
    // A response of which the text is lost says so.
    const { steps } = readableSteps(folder)
    const lost = steps.filter(step => /^\(text [0-9a-f]{64} is lost\)$/.test(step.response))
    const whole = steps.filter(step => !lost.includes(step))
    expect(whole.length + lost.length).toBe(branches[0]!.sound)
    for (const step of whole) expect(step).toEqual(before[step.index])
    expect(() => contentOf(folder)).toThrow(HarnessError)
  })
})

test('whatever byte is altered, verify names it, or it matters to nobody', async () => {
  const folder = copyOf(small)
  const database = readFileSync(join(small, 'run.db'))
  const before = contentOf(small)
  const write = (content: Uint8Array) => {
    for (const end of ['-wal', '-shm']) rmSync(join(folder, `run.db${end}`), { force: true })
    writeFileSync(join(folder, 'run.db'), content)
  }
  let named = 0
  const damages = async (content: Uint8Array) => {
    await releaseFiles()
    write(content)
    const { damage, branches } = verifyRun(folder)
    for (const { name } of branches) readableSteps(folder, name)
    if (damage.length > 0) named++
    else expect(contentOf(folder)).toEqual(before)
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(database.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const content = Uint8Array.from(database)
      content[at]! ^= change
      await damages(content)
    }),
    { numRuns: 40 },
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(database.length - 1), end => damages(database.subarray(0, end))),
    { numRuns: 10 },
  )
  expect(named).toBeGreaterThan(10)
}, 120_000)
