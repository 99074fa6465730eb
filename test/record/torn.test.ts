import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { StorageError } from '../../src/errors.js'
import type { Database } from '../../src/record/database.js'
import { openRun, type RecordedHarness } from '../../src/record/open.js'
import { random } from '../../src/tensor.js'
import { MEMORY, temporaryFolder } from '../helpers/folder.js'
import { outsider, program } from './program.js'
import { expectWhole, stateOf } from './state.js'

const home = temporaryFolder(MEMORY)
const theirs = outsider(join(home, 'theirs'))
let folders = 0
const newFolder = () => join(home, String(folders++))
const open = (folder: string) => openRun(folder, program(theirs, 5))

/** What a run is made of: four examples, back to the third and on to the fifth, which is the last. */
const step = (run: RecordedHarness) => run.step()
const PARTS = [step, step, step, step, (run: RecordedHarness) => run.rewind(2, 'again'), step, step, step]

/** Goes on with a run until it is as it should be in the end. */
async function finish(folder: string): Promise<void> {
  const run = await open(folder)
  while (run.branch.name === 'main' && run.results.length < 4) await run.step()
  if (run.branch.name === 'main') run.rewind(2, 'again')
  while (run.results.length < 5) await run.step()
  run.recorder.close()
}

const whole = newFolder()
await finish(whole)
const expected = stateOf(whole)

/** [bytes] that this process may write into a file from now on; what the system does with more is as with a full disk. */
const limitFiles = (bytes: number | 'unlimited') =>
  spawnSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:unlimited`]).status === 0
afterEach(() => void limitFiles('unlimited'))

/**
 * Tries every part of a run until it succeeds. After each failure all is as it was before.
 *
 * @param limit is told of each attempt: how much room to give
 * @returns how often there was not enough
 */
async function untilItFits(
  run: RecordedHarness,
  limit: (attempt: number) => void,
  unlimited: () => void,
  message: RegExp,
): Promise<number> {
  const where = () => [run.branch.name, run.branches.length, run.results.length]
  let failures = 0
  for (const part of PARTS)
    for (let attempt = 0; ; attempt++) {
      const before = where()
      limit(attempt)
      let failure: Error | undefined
      try {
        await part(run)
      } catch (thrown) {
        failure = thrown as Error
      }
      unlimited()
      if (!failure) break
      failures++
      expect(failure.message).toMatch(message)
      expect(failure.cause ?? failure).toBeInstanceOf(failure.name === 'StorageError' ? Error : StorageError)
      expect(where()).toEqual(before)
      expect(expectWhole(run.recorder.folder).size).toBe(
        run.branches.reduce((sum, branch) => sum + branch.results.length - branch.at, 0),
      )
    }
  return failures
}

test('a database that may not grow: at every number of pages a step is recorded or not, in the end all are', async () => {
  const folder = newFolder()
  const run = await open(folder)
  const { db } = run.recorder as unknown as { db: Database }
  let pages = 0
  const failures = await untilItFits(
    run,
    () => db.limitPages(++pages), // No fewer than it has already.
    () => db.limitPages(1_000_000),
    /writing \S+run.db: the disk is full; make room and go on with the run: what was recorded before is all there$/,
  )
  run.recorder.close()
  expect(failures).toBeGreaterThan(10)
  expect(stateOf(folder)).toEqual(expected)
})

test.skipIf(!limitFiles('unlimited'))(
  'writes to the database that fail half way: a step is recorded or not, in the end all are',
  async () => {
    const folder = newFolder()
    const run = await open(folder)
    let size = 0
    const failures = await untilItFits(
      run,
      attempt => {
        if (attempt === 0) ({ size } = statSync(join(folder, 'run.db-wal')))
        // A frame has 4,120 bytes: the limit falls on every part of one in turn.
        limitFiles(size + 1_512 * attempt)
      },
      () => limitFiles('unlimited'),
      /writing \S+run.db: disk I\/O error; mend that and go on with the run: what was recorded before is all there$/,
    )
    run.recorder.close()
    expect(failures).toBeGreaterThan(50)
    expect(stateOf(folder)).toEqual(expected)
  },
)

test('a log of the database that is cut anywhere, or ends with anything: the steps before, whole, and the run goes on', async () => {
  const folder = newFolder()
  const run = await open(folder)
  for (const part of PARTS) await part(run)
  const order = [...expectWhole(folder)]
  const wal = readFileSync(join(folder, 'run.db-wal'))
  /** A copy of the run as it would be with this log. */
  const withLog = (log: Uint8Array) => {
    const copy = newFolder()
    mkdirSync(copy)
    symlinkSync(join(folder, 'adapters'), join(copy, 'adapters'))
    copyFileSync(join(folder, 'run.db'), join(copy, 'run.db'))
    writeFileSync(join(copy, 'run.db-wal'), log)
    return copy
  }
  const rng = random(3)
  const found = new Set<number>()
  const FRAME = 4096 + 24
  for (const end of [...Array(Math.ceil(wal.length / 512)).keys()].map(i => i * 512).concat(wal.length)) {
    const log = Uint8Array.from(wal.subarray(0, end))
    // Every third time the last frame is not cut, but garbage.
    if (end % 1536 === 0) for (let i = end - (end % FRAME); i < end; i++) log[i] = rng.below(256)
    const copy = withLog(log)
    const steps = [...expectWhole(copy)]
    expect(steps).toEqual(order.slice(0, steps.length))
    if (!found.has(steps.length)) {
      found.add(steps.length)
      await finish(copy)
      expectWhole(copy)
      expect(stateOf(copy)).toEqual(expected)
    }
    rmSync(copy, { recursive: true })
  }
  expect([...found]).toEqual([...Array(order.length + 1).keys()])
  run.recorder.close()
})
