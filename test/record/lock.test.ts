import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { releaseFiles } from '../../src/record/database.js'
import { listRuns } from '../../src/record/list.js'
import { lockForWriting, writerOf } from '../../src/record/lock.js'
import { createRun, openRun, readRun } from '../../src/record/open.js'
import { numbered, toy } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'

const home = temporaryFolder()
// Beside the packages that it imports.
const program = `node_modules/.cache/worker-${process.pid}.mjs`
const children: ChildProcess[] = []
beforeAll(async () => {
  chmodSync(home, 0o755)
  await build({
    entryPoints: ['test/record/worker.ts'],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(program, { force: true }))

/** A process, what tells it something, and the lines it says. */
function start(deed: string, folder: string, more: { uid?: number; gid?: number } = {}) {
  const child = spawn(process.execPath, [program, deed, folder], { stdio: ['pipe', 'pipe', 'inherit'], ...more })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => (await lines.next()).value as string | undefined
  const tell = (order: string) => {
    child.stdin.write(`${order}\n`)
    return next()
  }
  return { child, next, tell, pid: child.pid! }
}
const options = { exampleSource: numbered(1000), ...toy }

test('a second writer is refused, naming the first; readers are not', async () => {
  const folder = join(home, 'two')
  const first = start('write', folder)
  expect(await first.next()).toBe('open')
  await first.tell('step')
  for (const second of [() => openRun(folder, options), () => createRun(folder)]) {
    const error = await second().catch((error: Error) => error)
    expect(error).toBeInstanceOf(InputError)
    expect((error as Error).message).toContain(`: process ${first.pid} on `)
    expect((error as Error).message).toContain('one process may write a run at a time, others may read it')
  }
  expect(writerOf(folder)).toMatchObject({ pid: first.pid })
  expect((await listRuns(home)).find(run => run.folder === folder)).toMatchObject({ status: 'running', pid: first.pid })
  const record = readRun(folder)
  expect(record.steps()).toHaveLength(1)
  expect(await first.tell('step')).toBe('step 1')
  expect(record.steps()).toHaveLength(2) // A reader that stays open sees what is added.
  record.close()
  first.child.stdin.write('close\n')
  await once(first.child, 'exit')
  expect(writerOf(folder)).toBeNull()
  const run = await openRun(folder, { ...options, allowChanges: true })
  expect(run.results).toHaveLength(2)
  expect(() => lockForWriting(folder)).toThrow('this process writes it since')
  run.recorder.close()
})

test('many read while one writes: always a beginning of the run', async () => {
  const folder = join(home, 'many')
  const writer = start('write', folder)
  expect(await writer.next()).toBe('open')
  const readers = [1, 2, 3].map(() => start('30', folder))
  for (let i = 0; i < 30; i++) expect(await writer.tell('step')).toBe(`step ${i}`)
  expect(await Promise.all(readers.map(reader => reader.next()))).toEqual(['done', 'done', 'done'])
})

test('a writer that is killed leaves no lock, and is known to have died', async () => {
  const folder = join(home, 'killed')
  const writer = start('write', folder)
  expect(await writer.next()).toBe('open')
  await writer.tell('step')
  writer.child.kill('SIGKILL')
  await once(writer.child, 'exit')
  expect(writerOf(folder)).toBeNull()
  expect((await listRuns(home)).find(run => run.folder === folder)).toMatchObject({
    status: 'died',
    pid: null,
    steps: 1,
  })
  const run = await openRun(folder, { ...options, allowChanges: true })
  expect(run.recorder.sessions.map(({ status, pid }) => [status, pid])).toEqual([
    ['died', writer.pid],
    ['running', process.pid],
  ])
  run.recorder.close()
})

test('a closed run leaves no word of its writer, and of its database one file; the lock stays', async () => {
  const folder = join(home, 'closed')
  const run = await openRun(folder, options)
  await run.step()
  expect(readdirSync(folder)).toContain('run.writer.json')
  run.recorder.close()
  await releaseFiles()
  // Were the lock removed, two could have one each: who had waited for the old one, and who found none.
  expect(readdirSync(folder).sort()).toEqual(['adapters', 'run.db', 'run.json', 'run.lock'])
  expect(run.results).toHaveLength(1) // So it is not for want of whoever held the record.
})

test('looking for a writer leaves nothing behind', () => {
  const folder = join(home, 'looked')
  mkdirSync(folder)
  expect(writerOf(folder)).toBeNull()
  expect(readdirSync(folder)).toEqual([])
})

/** To root, permissions mean nothing: then somebody else reads, if that one can reach this project. */
const reader = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
const canRead =
  process.platform !== 'win32' &&
  spawnSync(process.execPath, ['-e', `require(${JSON.stringify(`${process.cwd()}/package.json`)})`], reader).status ===
    0

test.skipIf(!canRead)('a folder in which nobody may write can be read', async () => {
  const source = join(home, 'source')
  const run = await openRun(source, options)
  for (let i = 0; i < 3; i++) await run.step()
  run.recorder.close()
  const folder = join(home, 'fixed')
  cpSync(source, folder, { recursive: true })
  for (const name of readdirSync(folder))
    if (name.startsWith('run.') && name !== 'run.db' && name !== 'run.json') rmSync(join(folder, name))
  for (const log of [false, true]) {
    if (log) writeFileSync(join(folder, 'run.db-wal'), '')
    const before = readdirSync(folder)
    chmodSync(folder, 0o555)
    expect(await start('3', folder, reader).next()).toBe('done')
    chmodSync(folder, 0o755)
    expect(readdirSync(folder)).toEqual(before)
  }
  expect(existsSync(join(folder, 'run.lock'))).toBe(false)
})
