import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, expect, test } from 'vitest'
import { HarnessError } from '../../src/errors.js'
import { LoRAHarness, toStep } from '../../src/harness/index.js'
import { jsonlRecorder, readSteps } from '../../src/record/jsonl.js'
import { collect, numbered, toy } from '../harness/toy.js'

const folder = mkdtempSync(join(tmpdir(), 'jsonl-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const file = () => join(folder, `${files++}.jsonl`)
const harness = (path: string) => new LoRAHarness({ exampleSource: numbered(4), ...toy, recorder: jsonlRecorder(path) })

test('what was run is what is read, and each step is there before it is yielded', async () => {
  const path = file()
  const run = harness(path)
  let count = 0
  for await (const _ of run.run()) expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(++count + 1)
  expect(await readSteps(path)).toEqual({ steps: run.results.map(toStep), torn: null })
})

test('forks that run at once may share a recorder', async () => {
  const path = file()
  const run = harness(path)
  await run.step()
  const forks = [1, 2, 3].map(() => run.fork({ at: 1 }))
  await Promise.all([run, ...forks].map(r => collect(r.run())))
  const { steps } = await readSteps(path)
  expect(steps.map(s => `${s.branch} ${s.index}`).sort()).toEqual(
    ['main 0', ...['branch-1', 'branch-2', 'branch-3', 'main'].flatMap(b => [1, 2, 3].map(i => `${b} ${i}`))].sort(),
  )
})

test('a torn last line is reported, and cut off by the next step', async () => {
  const path = file()
  const run = harness(path)
  await run.step()
  appendFileSync(path, '{"v":1,"index":1,"resp')
  expect(await readSteps(path)).toMatchObject({ steps: [{ index: 0 }], torn: '{"v":1,"index":1,"resp' })
  await run.step()
  expect(await readSteps(path)).toEqual({ steps: run.results.map(toStep), torn: null })

  const onlyTorn = file()
  writeFileSync(onlyTorn, '{"v":')
  await harness(onlyTorn).step()
  expect((await readSteps(onlyTorn)).steps.map(s => s.index)).toEqual([0])
})

test.each([
  ['not JSON', 'nonsense', /:2 is not JSON/],
  ['an empty line', '', /:2 is not JSON/],
  ['another version', '{"v":2}', /:2 has v 2; this version reads v 1/],
  ['not a step', '{"v":1}', /:2 has no index/],
])('a bad line in the middle is an error with its number: %s', async (_name, line, message) => {
  const path = file()
  const good = '{"v":1,"index":0}'
  writeFileSync(path, `${good}\n${line}\n${good}\n`)
  const failed = readSteps(path)
  await expect(failed).rejects.toBeInstanceOf(HarnessError)
  await expect(failed).rejects.toThrow(message)
})

test('kill -9 at any moment loses no step that was reported', async () => {
  const path = file()
  const child = spawn(process.execPath, ['test/record/writer.mjs', path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  let reported = -1
  for await (const line of createInterface({ input: child.stdout })) {
    reported = Number(line)
    if (reported === 25) child.kill('SIGKILL') // What it wrote before it died is still read.
  }
  expect((await exit)[1]).toBe('SIGKILL')
  const { steps } = await readSteps(path)
  expect(reported).toBeGreaterThanOrEqual(25)
  expect(steps.length).toBeGreaterThanOrEqual(reported + 1)
  expect(steps.map(s => s.index)).toEqual([...steps.keys()])
})

test.skipIf(!existsSync('/dev/full'))(
  'a full disk: the run stops naming the stage, and nothing earlier is lost',
  async () => {
    const path = file()
    const run = harness(path)
    await run.step()
    await run.step()
    const good = run.recorder
    run.recorder = jsonlRecorder('/dev/full')
    const failed = run.run().next()
    await expect(failed).rejects.toThrow(/^record failed on example toy\/train\/2 \(step 2\): ENOSPC/)
    await expect(failed).rejects.toMatchObject({ cause: { code: 'ENOSPC' } })
    expect(run.results.map(r => r.index)).toEqual([0, 1])
    expect((await readSteps(path)).steps).toEqual(run.results.map(toStep))
    // With room again, the run goes on where it was.
    run.recorder = good
    expect(await collect(run.run())).toHaveLength(2)
    expect((await readSteps(path)).steps.map(s => s.index)).toEqual([0, 1, 2, 3])
  },
)
