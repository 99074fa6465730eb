import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { LoRAHarness, type LoRAHarnessOptions, toStep } from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { MemoryRecord } from '../../src/record/memory.js'
import { createRun, readRun } from '../../src/record/open.js'
import type { RunRecord, RunWriter } from '../../src/record/record.js'
import { ask, collect, numbered, taught, toy } from '../harness/toy.js'

const home = mkdtempSync(join(tmpdir(), 'record-'))
afterAll(() => rmSync(home, { recursive: true }))
let folders = 0

interface Kind {
  /** A record to write, and what gives it to read once it is closed. */
  make(): Promise<{ writer: RunWriter; reopen(): RunRecord }>
}

const KINDS: Record<string, Kind> = {
  'in memory': {
    async make() {
      const writer = new MemoryRecord()
      return { writer, reopen: () => writer }
    },
  },
  'in a SQLite file': {
    async make() {
      const folder = join(home, String(folders++))
      const writer = await createRun(folder)
      return { writer, reopen: () => readRun(folder) }
    },
  },
}

/** Whatever a text may hold. */
const ODD = '#nul\0 lone \ud800 surrogate, 𝄞, <b>"\'\\ \n\u2028 '
const odd = (i: number) => ({ ...ask(i, `${ODD}${i}`, `answer ${ODD.repeat(20)} ${i}`, ODD), datasetName: ODD })

describe.each(Object.entries(KINDS))('%s', (_, { make }) => {
  /** Runs a harness on a new record. */
  const begin = async (options: Partial<LoRAHarnessOptions> = {}) => {
    const made = await make()
    const runId = made.writer.info.runId
    const run = new LoRAHarness({ exampleSource: numbered(6), ...toy, ...options, recorder: made.writer, runId })
    const closed = () => {
      made.writer.close()
      return made.reopen()
    }
    return { run, closed, ...made }
  }

  test('gives back the steps it was given', async () => {
    const { run, closed } = await begin({ baselines: { base: () => 'no' } })
    await collect(run.run())
    const record = closed()
    expect(record.steps()).toEqual(run.results.map(toStep))
    expect(Object.keys(record.steps()[0]!)).toEqual(Object.keys(toStep(run.results[0]!)))
    expect(record.timeline()).toMatchObject(
      run.results.map(r => ({
        index: r.index,
        chatId: 'chat',
        metrics: r.metrics,
        outcome: 'updated',
        lora: r.updatedLora!.identifier,
        baselines: { base: r.baselines.base!.metrics },
      })),
    )
  })

  test('any text comes back as it was: NUL, lone surrogates, what looks like a reference', async () => {
    const hash = `#${'0'.repeat(64)}`
    const { run, closed } = await begin({
      exampleSource: [odd(0), odd(1), { ...odd(2), messages: [{ role: hash, content: `#${hash}` }] }],
      inferenceFn: example => example.messages[0]!.content.repeat(40),
      finetuneFn: (example, lora) => taught(lora, example.messages[0]!.content, example.target!),
    })
    await run.step()
    run.rewind(1, ODD)
    await collect(run.run())
    const record = closed()
    expect(record.current).toBe(ODD)
    expect(record.steps()).toEqual(run.results.map(toStep))
    expect(record.lora(run.results.at(-1)!.updatedLora!.identifier)).toEqual(run.results.at(-1)!.updatedLora)
  })

  test('branches: their own steps, those of their parents before, the one last worked on', async () => {
    const { run, closed, writer } = await begin()
    for (let i = 0; i < 4; i++) await run.step()
    run.rewind(2, 'second')
    expect(writer.current).toBe('second')
    expect(writer.steps().map(step => step.branch)).toEqual(['main', 'main'])
    await run.step()
    const third = run.fork({ at: 1, name: 'third', skipUpdates: [3, 1] })
    await collect(third.run())
    const record = closed()
    expect(record.branches).toEqual([
      { name: 'main', parent: null, at: 0, skipUpdates: [] },
      { name: 'second', parent: 'main', at: 2, skipUpdates: [] },
      { name: 'third', parent: 'second', at: 1, skipUpdates: [3, 1] },
    ])
    expect(record.current).toBe('third')
    expect(record.ownSteps('second').map(step => step.index)).toEqual([2])
    expect(record.steps('second')).toEqual(run.results.map(toStep))
    expect(record.steps('third')).toEqual(third.results.map(toStep))
    expect(record.timeline('third').map(point => point.outcome)).toEqual([
      'updated',
      'skipped',
      'updated',
      'skipped',
      'updated',
      'updated',
    ])
    expect(record.steps('main')).toHaveLength(4)
    expect(() => record.steps('fourth')).toThrow(InputError)
    expect(() => record.steps('fourth')).toThrow('reading branch fourth: the run has main, second, third')
  })

  test('adapters: the one that each was made from, and where', async () => {
    const { run, closed } = await begin()
    await collect(run.run())
    const record = closed()
    const made = run.results.map(result => result.updatedLora!)
    expect(record.adapters().map(a => a.identifier)).toEqual(made.map(lora => lora.identifier))
    expect(record.adapters().map(a => a.parent)).toEqual([null, ...made.slice(0, -1).map(lora => lora.identifier)])
    expect(record.adapters().map(a => [a.branch, a.index])).toEqual(made.map((_, i) => ['main', i]))
    for (const lora of made) expect(record.lora(lora.identifier)).toEqual(lora)
    expect(record.adapter('no such')).toBeUndefined()
    expect(() => record.lora('no such')).toThrow('it has no adapter no such')
  })

  test('an adapter with an embedding, and one from outside the run', async () => {
    const outside = new LoRAHandle({ identifier: 'theirs', embedding: [0.1, -2e-300], metadata: { of: ['x', null] } })
    const { run, closed } = await begin({ retrieveLoraFn: () => outside, finetuneFn: () => null })
    await run.step()
    const record = closed()
    expect(record.adapter('theirs')).toMatchObject({ parent: null, index: 0 })
    expect(record.lora('theirs')).toEqual(outside)
  })

  test('callables: every version with its text; what was edited between two examples', async () => {
    const { run, closed } = await begin({ code: JSON.stringify([['a.ts', 'one\n']]) })
    await run.step()
    await run.step()
    run.code = JSON.stringify([['a.ts', 'two\n']])
    run.finetuneFn = () => null
    await run.step()
    const record = closed()
    const [first, , third] = record.steps()
    expect(record.callable(third!.callables.finetuneFn)).toEqual({
      hash: third!.callables.finetuneFn,
      source: '() => null',
      code: run.code,
    })
    expect(record.callable(first!.callables.finetuneFn)!.source).toBe(String(toy.finetuneFn))
    const [swap, ...none] = record.events()
    expect(none).toEqual([])
    expect(swap).toMatchObject({
      type: 'swap',
      branch: 'main',
      index: 2,
      changed: ['retrieveLoraFn', 'inferenceFn', 'finetuneFn'],
    })
    expect(swap!.diff).toContain('-one\n+two\n')
  })

  test('probes: until a branch left its parent they are shared', async () => {
    const { run, closed } = await begin({
      probes: { examples: [ask(99, 'question 0', 'answer 0', 'chat')], every: 2 },
      finetuneFn: (example, lora) => taught(lora, example.messages[0]!.content, example.target!),
    })
    for (let i = 0; i < 5; i++) await run.step()
    run.rewind(2, 'second')
    await collect(run.run())
    const record = closed()
    expect(record.probings('main').map(p => [p.branch, p.at])).toEqual([0, 2, 4].map(at => ['main', at]))
    expect(record.probings().map(p => [p.branch, p.at])).toEqual([
      ['main', 0],
      ['main', 2],
      ['second', 4],
      ['second', 6],
    ])
    expect(record.probings()).toEqual(run.probings)
  })

  test('what it gives can put a new harness into the same state', async () => {
    const { run, closed, writer } = await begin({
      probes: { examples: [ask(99, 'question 0', 'answer 0')], every: 2 },
    })
    for (let i = 0; i < 4; i++) await run.step()
    run.rewind(3)
    await run.step()
    const again = new LoRAHarness({ exampleSource: numbered(6), ...toy })
    await again.restore(writer)
    expect(again.results).toHaveLength(4)
    expect(again.branches).toEqual(run.branches)
    expect(again.probings).toEqual(run.probings)
    expect(again.store.records).toEqual(run.store.records)
    expect(again.store.getLast('chat')).toEqual(run.store.getLast('chat'))
    await again.step()
    await run.step()
    const { runId: _r, ms: _m, startedAt: _s, ...expected } = closed().steps()[4]!
    expect(toStep(again.results[4]!)).toMatchObject(expected)
  })

  test('an event that is noted again is one', async () => {
    const { writer, closed } = await begin()
    const event = { type: 'leak', branch: 'main', index: 1, time: 'then', key: ODD }
    writer.note(event)
    writer.note({ ...event, time: 'later' })
    writer.note({ ...event, index: 2 })
    expect(closed().events()).toEqual([event, { ...event, index: 2 }])
  })
})
