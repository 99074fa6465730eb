import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type LoRAHarness, toStep } from '../../src/harness/index.js'
import { firstDifferentStep } from '../../src/record/difference.js'
import { openRun, readRun } from '../../src/record/open.js'
import { collect } from '../harness/toy.js'
import { MEMORY, temporaryFolder } from '../helpers/folder.js'
import { outsider, program } from './program.js'
import { expectWhole, stateOf } from './state.js'

const home = temporaryFolder(MEMORY)
const theirs = outsider(join(home, 'theirs'))
let folders = 0
const newFolder = () => join(home, String(folders++))
/** Examples of the run; the fourth is not trained on. */
const COUNT = 6
const open = (folder: string) => openRun(folder, program(theirs, COUNT))

/** A finished run. */
async function finished() {
  const folder = newFolder()
  const run = await open(folder)
  await collect(run.run())
  return { folder, run }
}
const steps = (run: LoRAHarness) => run.results.map(toStep)
const everyIndex = [...Array(COUNT).keys()]

test('after rewind(k) the same callables give the same texts and adapters, for every k', async () => {
  const { folder, run } = await finished()
  const first = steps(run)
  run.recorder.close()
  for (const k of [...everyIndex, COUNT]) {
    const again = await open(folder)
    again.rewind(k, `from ${k}`)
    expect(again.results).toHaveLength(k)
    await collect(again.run())
    again.recorder.close()
  }
  expectWhole(folder)
  const record = readRun(folder)
  for (const { name } of record.branches) expect(firstDifferentStep(record.steps(name), first)).toBeNull()
  // Each was trained again on every branch, and is the same: kept once.
  const made = first.flatMap(({ updatedLora }) => updatedLora?.identifier ?? [])
  expect(record.adapters().map(a => a.identifier)).toEqual(expect.arrayContaining(made))
  expect(record.adapters()).toHaveLength(made.length + 1)
  record.close()
})

test('a fork at k with the same callables is the same from k on, for every k; its parent stays', async () => {
  const { folder, run } = await finished()
  const first = steps(run)
  for (const k of everyIndex) {
    const fork = run.fork({ at: k, name: `fork ${k}` })
    await collect(fork.run())
    expect(firstDifferentStep(first, steps(fork))).toBeNull()
    expect(fork.probings.map(({ at, probes }) => [at, probes])).toEqual(run.probings.map(p => [p.at, p.probes]))
  }
  run.recorder.close()
  expectWhole(folder)
  const record = readRun(folder)
  expect(record.steps('main')).toEqual(first)
  for (const k of everyIndex) expect(record.ownSteps(`fork ${k}`).map(step => step.index)).toEqual(everyIndex.slice(k))
  record.close()
})

test('an update left out at k: skipped, and what differs is what came of that update', async () => {
  const { folder, run } = await finished()
  const first = steps(run)
  for (const k of everyIndex) {
    const fork = run.fork({ at: k, name: `without ${k}`, skipUpdates: [k] })
    await collect(fork.run())
    const { outcome, updatedLora } = steps(fork)[k]!
    expect(outcome).toEqual({ kind: 'skipped', reason: 'left out on this branch' })
    expect(updatedLora).toBeNull()
    expect(firstDifferentStep(first, steps(fork))).toMatchObject({ position: k, path: 'outcome.kind', b: 'skipped' })
    // The next one that shows it is the next of that chat, which has another adapter, if there was anything to leave out.
    const shows = first.findIndex(step => step.index > k && step.chatId === first[k]!.chatId)
    const next = firstDifferentStep(first.slice(k + 1), steps(fork).slice(k + 1))
    if (shows < 0 || first[k]!.outcome.kind !== 'updated') expect(next).toBeNull()
    else expect(next).toMatchObject({ position: shows - k - 1, path: expect.stringMatching(/^retrievedLora/) })
  }
  run.recorder.close()
  expectWhole(folder)
  const record = readRun(folder)
  expect(record.branches.slice(1).map(branch => branch.skipUpdates)).toEqual(everyIndex.map(k => [k]))
  record.close()
})

test('a fork that is interrupted is gone on with as a fork: its update stays left out', async () => {
  const { folder, run } = await finished()
  const fork = run.fork({ at: 1, name: 'without 4', skipUpdates: [4] })
  await fork.step()
  run.recorder.close()
  const again = await open(folder)
  expect(again.branch).toEqual({ name: 'without 4', parent: 'main', at: 1, skipUpdates: [4] })
  await collect(again.run())
  again.recorder.close()

  const straight = await finished()
  await collect(straight.run.fork({ at: 1, name: 'without 4', skipUpdates: [4] }).run())
  straight.run.recorder.close()
  expect(stateOf(folder)).toEqual(stateOf(straight.folder))
})

test('a fork with another callable, and what was edited', async () => {
  const { folder, run } = await finished()
  const fork = run.fork({ at: 2, name: 'silent', inferenceFn: () => 'nothing' })
  await collect(fork.run())
  run.recorder.close()
  const record = readRun(folder)
  expect(record.steps('silent').map(step => step.response)).toEqual([
    ...record
      .steps('main')
      .slice(0, 2)
      .map(step => step.response),
    ...Array(COUNT - 2).fill('nothing'),
  ])
  const swaps = record.events().filter(event => event.type === 'swap')
  expect(swaps).toMatchObject([{ branch: 'silent', index: 2, changed: ['inferenceFn'] }])
  expect(swaps[0]!.diff).toContain('+() => "nothing"')
  record.close()
})

test('a harness and its forks may record at once: each branch is as if it had been alone', async () => {
  const alone = await finished()
  for (const k of [1, 2, 3]) await collect(alone.run.fork({ at: k, name: `fork ${k}`, skipUpdates: [4] }).run())
  alone.run.recorder.close()

  const folder = newFolder()
  const run = await open(folder)
  for (let i = 0; i < 4; i++) await run.step()
  const forks = [1, 2, 3].map(k => run.fork({ at: k, name: `fork ${k}`, skipUpdates: [4] }))
  await Promise.all([run, ...forks].map(harness => collect(harness.run())))
  run.recorder.close()
  expect(expectWhole(folder).size).toBe(COUNT + (COUNT - 1) + (COUNT - 2) + (COUNT - 3))
  const [together, expected] = [stateOf(folder), stateOf(alone.folder)]
  for (const field of ['steps', 'probings', 'branches', 'files'] as const)
    expect(together[field]).toEqual(expected[field])

  // They were not one after the other.
  const order = [...expectWhole(folder)].map(step => step.replace(/ \d+$/, ''))
  expect(order.filter((name, i) => i > 0 && name !== order[i - 1]).length).toBeGreaterThan(COUNT)
})
