import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach, describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { toStep } from '../../src/harness/index.js'
import { type LoadedModel, loadedModels } from '../../src/models/loaded.js'
import { type OpenOptions, openRun, type RecordedHarness, readRun } from '../../src/record/open.js'
import type { Session } from '../../src/record/run-info.js'
import { collect, numbered, toy } from '../harness/toy.js'
import { MEMORY, temporaryFolder } from '../helpers/folder.js'
import { outsider, program } from './program.js'
import { expectWhole, stateOf } from './state.js'

/** Makes these the models that this process has loaded. */
const load = (...models: LoadedModel[]) => {
  const loaded = loadedModels() as LoadedModel[]
  loaded.splice(0, loaded.length, ...models)
}
afterEach(() => load())

const home = temporaryFolder(MEMORY)
let folders = 0
const newFolder = () => join(home, String(folders++))

describe('a run that is gone on with ends as one that was never interrupted', () => {
  const theirs = outsider(join(home, 'theirs'))
  const step = (run: RecordedHarness) => run.step()
  /** Four examples, back to the second and on to the fifth, then a fork that leaves out an update, to the end. */
  const parts: ((run: RecordedHarness) => unknown)[] = [
    ...[step, step, step, step],
    run => run.rewind(1, 'again'),
    ...[step, step, step, step],
    run => run.rewind(3, 'other'),
    async run => {
      await collect(run.run())
    },
  ]
  /** Does the parts `from` … `to`, in a session of their own. */
  const session = async (folder: string, from: number, to: number, options: Partial<OpenOptions> = {}) => {
    const run = await openRun(folder, { ...program(theirs), ...options })
    for (const part of parts.slice(from, to)) await part(run)
    run.recorder.close()
    return run
  }

  test('wherever it was interrupted', async () => {
    const whole = newFolder()
    const uninterrupted = await session(whole, 0, parts.length)
    const expected = stateOf(whole)
    expect(Object.values(expected.steps).map(steps => steps.length)).toEqual([4, 5, 8])
    for (let k = 0; k <= parts.length; k++) {
      const folder = newFolder()
      await session(folder, 0, k)
      const run = await session(folder, k, parts.length)
      expectWhole(folder)
      expect(stateOf(folder), `interrupted before part ${k}`).toEqual(expected)
      expect(run.branches.map(({ name, at }) => [name, at])).toEqual(
        uninterrupted.branches.map(({ name, at }) => [name, at]),
      )
    }
  })

  test('after every single part', async () => {
    const [whole, folder] = [newFolder(), newFolder()]
    await session(whole, 0, parts.length)
    for (let k = 0; k < parts.length; k++) await session(folder, k, k + 1)
    expect(stateOf(folder)).toEqual(stateOf(whole))
    expect(readRun(folder).sessions).toHaveLength(parts.length)
  })

  test('on a branch that is not the one last worked on', async () => {
    const folder = newFolder()
    await session(folder, 0, 7)
    const run = await openRun(folder, { ...program(theirs), branch: 'main' })
    expect(run.branch.name).toBe('main')
    await collect(run.run())
    run.recorder.close()
    const straight = newFolder()
    const other = await openRun(straight, program(theirs))
    await collect(other.run())
    other.recorder.close()
    expect(stateOf(folder).steps.main).toEqual(stateOf(straight).steps.main)
    expect(readRun(folder).current).toBe('main')
    await expect(openRun(folder, { ...program(theirs), branch: 'none' })).rejects.toThrow(
      'going on with branch none of a run: it has main, again',
    )
  })
})

describe('what is not as it was', () => {
  const begin = async (options: Partial<OpenOptions> = {}) => {
    const folder = newFolder()
    const run = await openRun(folder, { exampleSource: numbered(6), ...toy, seed: 3, ...options })
    await run.step()
    await run.step()
    run.recorder.close()
    return folder
  }
  const goOn = (folder: string, options: Partial<OpenOptions>) =>
    openRun(folder, { exampleSource: numbered(6), ...toy, ...options })
  const file = (name: string, text: string) => [name, text]
  const code = JSON.stringify([file('experiment.ts', 'import "./lib.js"'), file('lib.ts', 'one')])
  const others = numbered(6).map(example => ({ ...example, info: { golden: 'other' } }))

  const CASES: [what: string, changed: Partial<OpenOptions>, lines: string[], begun?: Partial<OpenOptions>][] = [
    ['retrieveLoraFn', { retrieveLoraFn: () => null }, ['retrieveLoraFn: its text was changed']],
    ['inferenceFn', { inferenceFn: () => 'other' }, ['inferenceFn: its text was changed']],
    ['finetuneFn', { finetuneFn: () => null }, ['finetuneFn: its text was changed']],
    [
      'an imported file',
      { code: code.replace('one', 'two') },
      ['retrieveLoraFn', 'inferenceFn', 'finetuneFn'].map(name => `${name}: a file it comes from (lib.ts) was changed`),
      { code },
    ],
    ['the seed', { seed: 4 }, ["seed: the run has 3, 4 was asked for; the run's own is used"]],
    [
      'a target',
      { exampleSource: numbered(6).map((example, i) => (i === 1 ? { ...example, target: 'other' } : example)) },
      ['example 1: the source gives it otherwise'],
    ],
    [
      'info of examples',
      { exampleSource: others },
      ['example 0: the source gives it otherwise', 'example 1: the source gives it otherwise'],
    ],
  ]
  test.each(CASES)('%s: named, and refused', async (_what, changed, lines, begun) => {
    const folder = await begin(begun)
    const before = stateOf(folder)
    await expect(goOn(folder, changed)).rejects.toThrow(
      new InputError(
        `going on with run ${folder}: it would not be the same run any more:\n${lines.map(line => `  ${line}`).join('\n')}\n` +
          'To go on all the same, and have the record say so, allow changes (resume --allow-changes).',
      ),
    )
    expect(stateOf(folder)).toEqual(before)
    // As it was, it can be gone on with; what was refused has left no trace.
    const run = await goOn(folder, { ...begun })
    await collect(run.run())
    run.recorder.close()
    expect(readRun(folder).events()).toEqual([])
  })

  test.each(CASES)('%s: allowed, and recorded', async (_what, changed, lines, begun) => {
    const folder = await begin(begun)
    const run = await goOn(folder, { ...changed, allowChanges: true })
    await collect(run.run())
    run.recorder.close()
    const record = readRun(folder)
    expect(record.steps()).toHaveLength(6)
    expect(record.steps()).toEqual(run.results.map(toStep))
    expect(record.sessions.map(session => session.changes)).toEqual([[], lines])
    expect(record.events()[0]).toMatchObject({ type: 'changes', branch: 'main', index: 2, changes: lines })
    expectWhole(folder)
    // From now on it is the run of what was allowed.
    const again = await goOn(folder, {
      ...begun,
      ...changed,
      seed: 3,
      exampleSource: changed.exampleSource ?? numbered(6),
      allowChanges: true,
    })
    again.recorder.close()
  })

  test('only edits allowed: other callables, but not another seed and no other examples', async () => {
    const folder = await begin()
    const edited = await goOn(folder, { finetuneFn: () => null, allowChanges: 'edits' })
    expect(edited.recorder.sessions.at(-1)!.changes).toEqual(['finetuneFn: its text was changed'])
    edited.recorder.close()
    for (const other of [{ seed: 4 }, { exampleSource: others }])
      await expect(goOn(folder, { ...other, finetuneFn: () => null, allowChanges: 'edits' })).rejects.toThrow(
        /^going on with run .*:\n {2}(seed|example 0): [^\n]*\n(?!.*finetuneFn)/,
      )
  })

  test('examples that are not there any more', async () => {
    const folder = await begin()
    for (const allowChanges of [false, true])
      await expect(goOn(folder, { exampleSource: numbered(1), allowChanges })).rejects.toThrow(
        'going on with a run: step 1 is example toy/train/1, but the source now ends before it',
      )
  })

  test('more examples after those that were run are no change', async () => {
    const folder = await begin()
    const run = await goOn(folder, { exampleSource: numbered(9) })
    expect(await collect(run.run())).toHaveLength(7)
    run.recorder.close()
  })

  test('software and machine', async () => {
    const folder = await begin()
    const [{ machine, versions }] = readRun(folder).sessions as [Session]
    // As if another machine had made the steps.
    new Libsql(join(folder, 'run.db')).exec(
      `UPDATE sessions SET body = json_set(body, '$.versions.onnxruntime-node', '9.9.9', '$.machine.cores', 96)`,
    )
    await expect(goOn(folder, {})).rejects.toThrow(
      `  version of onnxruntime-node: it was 9.9.9, now it is ${versions['onnxruntime-node']}\n` +
        `  number of cores: it was 96, now it is ${machine.cores}\n`,
    )
    // A session that was refused recorded nothing: the next one is still compared with what made the steps.
    await expect(goOn(folder, {})).rejects.toThrow('it was 9.9.9')
    const run = await goOn(folder, { allowChanges: true })
    await run.step()
    run.recorder.close()
    const after = await goOn(folder, {})
    after.recorder.close()
  })

  describe('the files of a model', () => {
    const model = (place: string, weights: string): LoadedModel => {
      mkdirSync(join(place, 'onnx'), { recursive: true })
      writeFileSync(join(place, 'onnx', 'model.onnx'), weights)
      writeFileSync(join(place, 'config.json'), '{}')
      return { id: 'some/model', dtype: 'fp32', device: 'cpu', deviceReason: '', place }
    }

    test('that is loaded before the run is opened', async () => {
      load(model(newFolder(), 'weights'))
      const folder = await begin()
      load(model(newFolder(), 'weights')) // The same elsewhere is the same.
      const run = await goOn(folder, {})
      run.recorder.close()
      load(model(newFolder(), 'other weights'))
      await expect(goOn(folder, {})).rejects.toThrow('  model some/model: its file model.onnx has other contents\n')
    })

    test('that is loaded with the first example', async () => {
      load(model(newFolder(), 'weights'))
      const folder = await begin()
      const other = model(newFolder(), 'other weights')
      const changed = 'model some/model: its file model.onnx has other contents'
      const loading = (allowChanges: boolean) => {
        load()
        return goOn(folder, { allowChanges }).then(run => {
          load(other)
          return run
        })
      }
      const run = await loading(false)
      await expect(run.step()).rejects.toThrow(`it would not be the same run any more:\n  ${changed}\n`)
      run.recorder.close()
      expect(readRun(folder).steps()).toHaveLength(2)
      const allowed = await loading(true)
      await allowed.step()
      allowed.recorder.close()
      expect(readRun(folder).steps()).toHaveLength(3)
      expect(readRun(folder).sessions.map(session => session.changes)).toEqual([[], [], [changed]])
      expect(readRun(folder).events()).toMatchObject([
        { type: 'changes', branch: 'main', index: 2, changes: [changed] },
      ])
    })
  })
})

test('what cannot be opened is named', async () => {
  const folder = newFolder()
  expect(() => readRun(folder)).toThrow(`opening run ${folder}: there is no such folder`)
  const run = await openRun(folder, { exampleSource: numbered(2), ...toy })
  await expect(openRun(folder, { exampleSource: numbered(2), ...toy })).rejects.toThrow(
    /^opening \S+ for writing: this process writes it since \S+; one process may write a run at a time, others may read it$/,
  )
  await run.step()
  run.recorder.close()
  rmSync(join(folder, 'run.db'))
  expect(() => readRun(folder)).toThrow(`opening run ${folder}: it has no run.db`)
  expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toMatchObject({ v: 1, runId: run.runId })
})
