import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { type HarnessEvent, LoRAHarness, type LoRAHarnessOptions, type Recorder } from '../../src/harness/index.js'
import type { Probing } from '../../src/protocol/index.js'
import { ask, collect, numbered, toy } from './toy.js'

/** A probe of what example `i` teaches, in the chat of all examples. */
const probe = (i: number) => ask(100 + i, `question ${i}`, `answer ${i}`, 'chat')

const harness = (options: Partial<LoRAHarnessOptions> = {}) =>
  new LoRAHarness({
    exampleSource: numbered(5),
    ...toy,
    probes: { examples: [probe(0), probe(3)], every: 2 },
    ...options,
  })

/** When, and what each probe scored. */
const told = (run: LoRAHarness) => run.probings.map(({ at, probes }) => [at, ...probes.map(p => p.metrics.exact)])

describe('probes', () => {
  test('are asked with the state before example 0, before every so many, and at the end', async () => {
    const run = harness()
    await collect(run.run())
    expect(told(run)).toEqual([
      [0, 0, 0],
      [2, 1, 0],
      [4, 1, 1],
      [5, 1, 1],
    ])
    expect(run.probings[1]!.probes[0]).toEqual({
      key: 'toy/train/100',
      chatId: 'chat',
      response: 'answer 0',
      metrics: { exact: 1 },
      lora: { identifier: run.results[1]!.updatedLora!.identifier },
    })
  })

  test('are asked once where the end is one of those moments', async () => {
    const run = harness({ exampleSource: numbered(4) })
    await collect(run.run())
    expect(run.probings.map(p => p.at)).toEqual([0, 2, 4])
  })

  test('are never trained on, not recorded as steps, and leave nothing in the store', async () => {
    const trainedOn: unknown[] = []
    const steps: string[] = []
    const run = harness({
      finetuneFn: (example, ...rest) => {
        trainedOn.push(example.testIdx)
        return toy.finetuneFn(example, ...rest)
      },
      recorder: { record: step => void steps.push(step.key) },
    })
    await collect(run.run())
    expect(trainedOn).toEqual([0, 1, 2, 3, 4])
    expect(steps).toEqual(numbered(5).map(e => `toy/train/${e.testIdx}`))
    expect(run.store.records.map(r => r.testIdx)).toEqual([0, 1, 2, 3, 4])
  })

  test('change nothing in the steps of a run', async () => {
    const [withProbes, without] = [harness(), harness({ probes: undefined })]
    await collect(withProbes.run())
    await collect(without.run())
    const essence = (run: LoRAHarness) =>
      run.results.map(({ runId: _r, ms: _m, startedAt: _s, callables: _c, ...rest }) => rest)
    expect(JSON.stringify(essence(withProbes))).toBe(JSON.stringify(essence(without)))
  })

  test('have a seed each, the same whenever asked, that no step has', async () => {
    const seeds = new Map<string, Set<number>>()
    const run = harness({
      inferenceFn: (example, _lora, { seed }) => {
        const key = String(example.testIdx)
        seeds.set(key, (seeds.get(key) ?? new Set()).add(seed))
        return '?'
      },
    })
    await collect(run.run())
    expect([...seeds.values()].map(s => s.size)).toEqual(Array(7).fill(1))
    expect(new Set([...seeds.values()].flatMap(s => [...s])).size).toBe(7)
  })

  test('go to the recorder before they count; what it cannot keep is not kept', async () => {
    const kept: Probing[] = []
    const recorder: Recorder = { record: () => {}, probe: probing => void kept.push(probing) }
    const run = harness({ recorder })
    await collect(run.run())
    expect(kept).toEqual(run.probings)

    recorder.probe = () => {
      throw new Error('disk full')
    }
    const failing = harness({ recorder })
    await expect(collect(failing.run())).rejects.toThrow('record failed on the probes before step 0: disk full')
    expect(failing.probings).toEqual([])
  })

  test('a stop while they are asked drops them all; going on asks them again', async () => {
    const run = harness()
    let asked = 0
    run.inferenceFn = (...args) => {
      // Asked before example 0, examples 0 and 1, then the first of two probes.
      if (++asked === 5) run.stop()
      return toy.inferenceFn(...args)
    }
    await collect(run.run())
    expect(run.results).toHaveLength(2)
    expect(run.probings.map(p => p.at)).toEqual([0])
    await collect(run.run())
    expect(run.probings.map(p => p.at)).toEqual([0, 2, 4, 5])
  })

  test('a limit is an end', async () => {
    const run = harness()
    await collect(run.run({ limit: 3 }))
    expect(run.results).toHaveLength(3)
    expect(run.probings.map(p => p.at)).toEqual([0, 2, 3])
    await collect(run.run())
    expect(run.probings.map(p => p.at)).toEqual([0, 2, 3, 4, 5])
  })

  test('rewind and fork keep the probings of the state that they go back to', async () => {
    const run = harness()
    await collect(run.run())
    const fork = run.fork({ at: 2, name: 'still', finetuneFn: () => null })
    expect(fork.probings).toEqual(run.probings.slice(0, 2))
    await collect(fork.run())
    expect(told(fork)).toEqual([
      [0, 0, 0],
      [2, 1, 0],
      [4, 1, 0], // It learned nothing after example 1.
      [5, 1, 0],
    ])
    expect(fork.probings.map(p => p.branch)).toEqual(['main', 'main', 'still', 'still'])

    run.rewind(3)
    expect(run.probings.map(p => p.at)).toEqual([0, 2])
    expect(run.branches.map(b => b.probings.length)).toEqual([4, 2])
    await collect(run.run())
    expect(run.probings.map(p => p.at)).toEqual([0, 2, 4, 5])
  })

  test('events of a probe name it, and one tells that all are done', async () => {
    const events: HarnessEvent[] = []
    const run = harness({
      exampleSource: numbered(1),
      inferenceFn: (_example, _lora, view) => {
        view.emit({ type: 'token', text: 'x' })
        return 'x'
      },
    })
    run.onEvent(event => events.push(event))
    await collect(run.run())
    expect(events.filter(e => e.type === 'token').map(e => [e.index, e.probe])).toEqual([
      [0, 'toy/train/100'],
      [0, 'toy/train/103'],
      [0, undefined],
      [1, 'toy/train/100'],
      [1, 'toy/train/103'],
    ])
    expect(events.filter(e => e.type === 'probing')).toEqual([
      { type: 'probing', index: 0, probes: 2 },
      { type: 'probing', index: 1, probes: 2 },
    ])
  })

  test('what goes wrong is named', async () => {
    expect(() => harness({ probes: { examples: [], every: 0 } })).toThrow(
      new InputError('probes: every is 0; it must be a positive integer'),
    )
    await expect(harness({ probes: { examples: [], every: 1 } }).step()).rejects.toThrow(
      'probes: reading the example source: it is empty',
    )
    const broken = harness({
      inferenceFn: () => {
        throw new Error('no memory')
      },
    })
    await expect(broken.step()).rejects.toThrow('infer failed on probe toy/train/100 (before step 0): no memory')
  })
})
