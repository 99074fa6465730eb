import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import { expect, test } from 'vitest'
import { HarnessError, InputError } from '../../src/errors.js'
import { Database } from '../../src/record/database.js'
import { openRun, readRun } from '../../src/record/open.js'
import { MIGRATIONS } from '../../src/record/schema.js'
import { verifyRun } from '../../src/record/verify/verify.js'
import { temporaryFolder } from '../helpers/folder.js'
import { contentOf } from './content.js'
import { outsider, program } from './program.js'

/** A run that the first version of the tables has; `make.mjs` there says how it was made. */
const FIRST = 'test/fixtures/run-v1'
const home = temporaryFolder()
let copies = 0
/** A copy, brought to today's version. */
const today = (): string => {
  const copy = join(home, String(copies++))
  cpSync(FIRST, copy, { recursive: true })
  Database.write(join(copy, 'run.db')).close()
  return copy
}
const file = (folder: string) => join(folder, 'run.db')

test('a run of the first version reads as it was', () => {
  const folder = today()
  // What JSON has no form for is left out on both sides.
  expect(JSON.parse(JSON.stringify(contentOf(folder)))).toEqual(
    JSON.parse(readFileSync(join(FIRST, 'expected.json'), 'utf8')),
  )
  expect(verifyRun(folder).damage).toEqual([])
})

test('and goes on', async () => {
  const folder = today()
  const before = readRun(folder).steps('main')
  // Software and the text of the callables are others by now.
  const options = { ...program(outsider(join(home, 'theirs'))), allowChanges: true }
  const run = await openRun(folder, { ...options, branch: 'main' })
  for await (const _ of run.run());
  run.recorder.close()
  const record = readRun(folder)
  expect(record.steps('main').slice(0, before.length)).toEqual(before)
  expect(record.steps('main').map(step => step.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(record.sessions.map(session => session.status)).toEqual(['finished', 'interrupted'])
  expect(verifyRun(folder).damage).toEqual([])
})

const ADDED = [...MIGRATIONS, 'ALTER TABLE steps ADD COLUMN note TEXT; UPDATE steps SET note = body']

test('a migration brings a file to the next version, once', () => {
  const folder = today()
  for (let times = 0; times < 2; times++) {
    const db = Database.write(file(folder), ADDED)
    expect(db.version).toBe(MIGRATIONS.length + 1)
    expect(db.problems()).toEqual([])
    db.close()
  }
  const raw = new Libsql(file(folder))
  expect(raw.prepare('SELECT count(*) AS n FROM steps WHERE note = body').all()).toEqual([{ n: 15 }])
  raw.close()
})

test('a file of a newer version is refused, and left as it is', () => {
  const folder = today()
  Database.write(file(folder), ADDED).close()
  const before = readFileSync(file(folder))
  for (const open of [() => readRun(folder), () => Database.write(file(folder))]) {
    expect(open).toThrow(InputError)
    expect(open).toThrow(
      `run.db: a newer lora-harness wrote it (version ${MIGRATIONS.length + 1} of the tables; this one knows ${MIGRATIONS.length}); use that one`,
    )
  }
  expect(readFileSync(file(folder))).toEqual(before)
  expect(verifyRun(folder).damage[0]).toMatchObject({ what: 'run.db', found: expect.stringContaining('a newer') })
})

test('an older one is read once it was brought up to date', () => {
  const path = join(home, 'older.db')
  Database.write(path, []).close()
  expect(() => Database.read(path)).toThrow(
    /it has version 0 of the tables, this is version \d+; whatever writes it \(such as resume\) brings it up to date/,
  )
})

test('a migration that fails leaves the version before', () => {
  const folder = today()
  const before = contentOf(folder)
  const failing = [...MIGRATIONS, 'ALTER TABLE steps ADD COLUMN note TEXT; UPDATE steps SET gone = 1']
  expect(() => Database.write(file(folder), failing)).toThrow(HarnessError)
  expect(() => Database.write(file(folder), failing)).toThrow(/run\.db: .*no such column: gone/)
  const db = Database.read(file(folder))
  expect(db.version).toBe(MIGRATIONS.length)
  expect(db.tables().join()).not.toContain('note')
  db.close()
  expect(contentOf(folder)).toEqual(before)
  expect(verifyRun(folder).damage).toEqual([])
})
