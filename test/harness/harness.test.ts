import { describe, expect, test } from 'vitest'
import { HarnessError, InputError } from '../../src/errors.js'
import { type ExampleContext, type HarnessEvent, LoRAHarness, type Recorder, toStep } from '../../src/harness/index.js'
import { LoRAHandle, skip } from '../../src/lora/handle.js'
import { seedOf } from '../../src/tensor.js'
import { ask, collect, numbered, taught, toy } from './toy.js'

const harness = (options: Partial<ConstructorParameters<typeof LoRAHarness>[0]> = {}) =>
  new LoRAHarness({ exampleSource: numbered(3), ...toy, ...options })

describe('the loop', () => {
  test('takes each example through the stages in order, scoring before training', async () => {
    const calls: string[] = []
    const example = {
      ...ask(0, 'q', 'a'),
      evaluate: () => {
        calls.push('evaluate')
        return { exact: 0 }
      },
    }
    const said = (name: string) => () => void calls.push(name)
    const run = harness({
      exampleSource: [example],
      retrieveLoraFn: said('retrieve'),
      inferenceFn: () => {
        calls.push('infer')
        return 'b'
      },
      finetuneFn: said('finetune'),
      recorder: { record: said('record') },
    })
    await collect(run.run())
    expect(calls).toEqual(['retrieve', 'infer', 'evaluate', 'finetune', 'record'])
  })

  test('answers a question only after it was told', async () => {
    const examples = [...numbered(3), ...numbered(3).map(e => ({ ...e, split: 'again' }))]
    const results = await collect(harness({ exampleSource: examples }).run())
    expect(results.map(r => r.metrics.exact)).toEqual([0, 0, 0, 1, 1, 1])
    const left = results.map(r => r.updatedLora ?? r.retrievedLora)
    expect(results.map(r => r.retrievedLora)).toEqual([null, ...left.slice(0, -1)])
  })

  test('two interleaved chats: each is answered with its own adapter, and the other one would be wrong', async () => {
    const name = (chat: string, i: number) => ask(i, 'What is my name?', chat === 'a' ? 'Ann' : 'Bob', chat)
    const examples = [name('a', 0), name('b', 1), name('a', 2), name('b', 3)]
    const own = await collect(harness({ exampleSource: examples }).run())
    expect(own.map(r => r.response)).toEqual(['?', '?', 'Ann', 'Bob'])

    const swap = { a: 'b', b: 'a' } as Record<string, string>
    const other = harness({
      exampleSource: examples,
      retrieveLoraFn: (example, { store }) => store.getLast(swap[example.chatId!]),
      finetuneFn: (example, _lora, _response, _metrics, { store }) =>
        taught(store.getLast(example.chatId) ?? null, 'What is my name?', example.target!),
    })
    expect((await collect(other.run())).map(r => r.response)).toEqual(['?', 'Ann', 'Bob', 'Ann'])
    expect(other.results.map(r => r.metrics.exact)).toEqual([0, 0, 0, 0])
  })

  test('baselines answer the same messages, are scored alike and never trained', async () => {
    const examples = [ask(0, 'q', 'a', 'chat'), ask(1, 'q', 'a', 'chat')]
    const seen: unknown[] = []
    const run = harness({
      exampleSource: examples,
      baselines: {
        base: (example, view) => {
          seen.push([example.messages[0]!.content, view.index])
          return { text: '?', promptTokens: 3, newTokens: 1, finishReason: 'stop' }
        },
        constant: () => 'a',
      },
    })
    const results = await collect(run.run())
    expect(seen).toEqual([
      ['q', 0],
      ['q', 1],
    ])
    expect(results.map(r => r.metrics.exact)).toEqual([0, 1])
    expect(results.map(r => r.baselines.base)).toEqual(Array(2).fill({ response: '?', metrics: { exact: 0 } }))
    expect(results.map(r => r.baselines.constant!.metrics.exact)).toEqual([1, 1])
  })

  test('callables are read anew for every example, and the step says which ones ran', async () => {
    const run = harness()
    const first = await run.step()
    run.inferenceFn = () => 'answer 1'
    run.baselines = { late: () => 'x' }
    const second = await run.step()
    expect([first!.response, second!.response]).toEqual(['?', 'answer 1'])
    expect(Object.keys(second!.baselines)).toEqual(['late'])
    expect(second!.callables.inferenceFn).not.toBe(first!.callables.inferenceFn)
    expect(second!.callables.finetuneFn).toBe(first!.callables.finetuneFn)
    run.code = 'another file'
    expect((await run.step())!.callables.finetuneFn).not.toBe(first!.callables.finetuneFn)
  })

  test('leaving the loop stops the run; a later run goes on with the next example', async () => {
    const run = harness()
    let signal: AbortSignal | undefined
    run.inferenceFn = (_example, _lora, view) => {
      signal = view.signal
      return ''
    }
    for await (const _ of run.run()) break
    expect(signal!.aborted).toBe(true)
    expect((await collect(run.run())).map(r => r.index)).toEqual([1, 2])
    expect(await run.step()).toBeNull()
  })

  test('the seed of a step depends on the run seed and the index only', async () => {
    const seeds: number[] = []
    const run = harness({ seed: 7, inferenceFn: (_e, _l, view) => String(seeds.push(view.seed)) })
    const results = await collect(run.run())
    expect(seeds).toEqual([seedOf(7, 0), seedOf(7, 1), seedOf(7, 2)])
    expect(results.map(r => r.seed)).toEqual(seeds)
  })

  test('events reach listeners with the index of the example, until they leave', async () => {
    const heard: HarnessEvent[] = []
    const run = harness({
      inferenceFn: (_e, _l, view) => {
        view.emit({ type: 'token', text: 'x' })
        return 'x'
      },
    })
    const leave = run.onEvent(event => heard.push(event))
    await run.step()
    await run.step()
    leave()
    await run.step()
    expect(heard.filter(e => e.type === 'token')).toEqual([0, 1].map(index => ({ type: 'token', text: 'x', index })))
    const stages = heard.filter(e => e.type === 'stage' && e.index === 1).map(e => e.stage)
    expect(stages).toEqual(['retrieve', 'infer', 'evaluate', 'finetune', 'record', 'record'])
  })
})

describe('outcomes', () => {
  const old = new LoRAHandle({ identifier: 'old' })
  const cases: [string, () => unknown, object][] = [
    ['a new adapter', () => new LoRAHandle({ identifier: 'new' }), { kind: 'updated' }],
    ['the retrieved adapter', () => old, { kind: 'unchanged' }],
    ['another handle of the same adapter', () => new LoRAHandle({ identifier: 'old' }), { kind: 'unchanged' }],
    ['null', () => null, { kind: 'unchanged' }],
    ['undefined', () => undefined, { kind: 'unchanged' }],
    ['skip(reason)', () => skip('no memory'), { kind: 'skipped', reason: 'no memory' }],
    [
      'a throw',
      () => {
        throw new Error('NaN')
      },
      { kind: 'failed', reason: 'NaN' },
    ],
  ]
  test.each(cases)('%s', async (_name, finetune, outcome) => {
    const run = harness({
      exampleSource: numbered(1),
      retrieveLoraFn: () => old,
      finetuneFn: async () => finetune() as LoRAHandle,
    })
    const [result] = await collect(run.run())
    expect(result!.outcome).toEqual(outcome)
    expect(result!.metrics).toEqual({ exact: 0 })
    const identifier = result!.outcome.kind === 'updated' ? 'new' : 'old'
    expect(run.store.getLast('chat')!.identifier).toBe(identifier)
    expect(result!.updatedLora?.identifier).toBe(result!.outcome.kind === 'updated' ? 'new' : undefined)
  })

  test('onError stop: the failed step is recorded with its score, then the run stops', async () => {
    const cause = new Error('out of memory')
    const run = harness({ onError: 'stop', finetuneFn: () => Promise.reject(cause) })
    await expect(collect(run.run())).rejects.toMatchObject({
      message: 'finetune failed on example toy/train/0 (step 0): out of memory',
      cause,
    })
    expect(run.results.map(r => [r.outcome.kind, r.metrics.exact])).toEqual([['failed', 0]])
  })
})

describe('a stage that throws stops the run, names stage, example and cause, and loses nothing', () => {
  const cause = new Error('no such luck')
  const fail = () => {
    throw cause
  }
  const broken: [string, Partial<ConstructorParameters<typeof LoRAHarness>[0]>][] = [
    ['retrieve', { retrieveLoraFn: fail }],
    ['infer', { inferenceFn: fail }],
    ['evaluate', { exampleSource: [...numbered(1), { ...numbered(2)[1]!, evaluate: fail }, ...numbered(3).slice(2)] }],
    ['baseline base', { baselines: { base: fail } }],
    ['record', { recorder: { record: fail } }],
    ['record', { recorder: { record: () => {}, keep: fail } }],
  ]
  test.each(broken)('%s', async (stage, { exampleSource = numbered(3), ...parts }) => {
    const run = harness({ exampleSource })
    const before = { retrieveLoraFn: run.retrieveLoraFn, inferenceFn: run.inferenceFn, recorder: run.recorder }
    await run.step()
    Object.assign(run, parts)
    const failed = run.run().next()
    await expect(failed).rejects.toBeInstanceOf(HarnessError)
    await expect(failed).rejects.toMatchObject({
      message: `${stage} failed on example toy/train/1 (step 1): no such luck`,
      cause,
    })
    expect(run.results).toHaveLength(1)
    expect(run.store.records).toHaveLength(1)
    if (stage === 'evaluate') return
    // Put right, the run goes on with the example that failed.
    Object.assign(run, before, { baselines: {} })
    expect((await collect(run.run())).map(r => r.index)).toEqual([1, 2])
  })
})

describe('nonsense from a callable is an error that says what is right', () => {
  const cases: [string, Partial<ConstructorParameters<typeof LoRAHarness>[0]>, RegExp][] = [
    [
      'retrieve',
      { retrieveLoraFn: () => 'id' as never },
      /retrieveLoraFn returned 'id'; it must return a LoRAHandle or/,
    ],
    ['infer', { inferenceFn: () => 42 as never }, /returned 42; it must return a string or \{ text/],
    ['infer', { inferenceFn: () => undefined as never }, /returned undefined/],
    ['infer', { inferenceFn: () => ({ text: 'x' }) as never }, /returned \{ text: 'x' \}/],
    [
      'finetune',
      { finetuneFn: () => ({ identifier: 'x' }) as never },
      /finetuneFn returned \{ identifier: 'x' \}; it must/,
    ],
    ['baseline b', { baselines: { b: () => [] as never } }, /baseline b failed .* returned \[\]/],
    [
      'evaluate',
      { exampleSource: [{ ...ask(0, 'q', 'a'), evaluate: () => 1 as never }] },
      /evaluate returned 1; it must/,
    ],
    [
      'evaluate',
      { exampleSource: [{ ...ask(0, 'q', 'a'), evaluate: () => ({ why: { deep: [() => 1] } }) }] },
      /why\.deep\[0\] is a function/,
    ],
  ]
  test.each(cases)('%s %#', async (_stage, parts, message) => {
    const run = harness(parts)
    await expect(run.run().next()).rejects.toThrow(message)
    expect(run.results).toHaveLength(0)
  })
})

describe('bad sources', () => {
  const bad: [string, unknown, RegExp][] = [
    ['empty', [], /it is empty; a run needs at least one example/],
    ['not iterable', 5, /must be iterable/],
    ['no messages', [{ ...ask(0, 'q', 'a'), messages: [] }], /reading example 0 .*\n.*messages/],
    ['no evaluate', [{ ...ask(0, 'q', 'a'), evaluate: undefined }], /expected a function\n.*evaluate/],
    ['a function in info', [{ ...ask(0, 'q', 'a'), info: { f: () => 1 } }], /toy\/train\/0.*must be plain data/],
    ['a repeated key', [ask(0, 'q', 'a'), ask(0, 'r', 'b')], /example 1 .*key toy\/train\/0 is that of example 0/],
  ]
  test.each(bad)('%s', async (_name, exampleSource, message) => {
    const run = harness({ exampleSource: exampleSource as ExampleContext[] })
    const failed = collect(run.run())
    await expect(failed).rejects.toBeInstanceOf(InputError)
    await expect(failed).rejects.toThrow(message)
  })

  test('a source that fails half way', async () => {
    const cause = new Error('socket closed')
    const run = harness({
      exampleSource: async function* () {
        yield* numbered(1)
        throw cause
      },
    })
    await expect(collect(run.run())).rejects.toMatchObject({
      message: 'reading example 1 of the source: socket closed',
      cause,
    })
    expect(run.results).toHaveLength(1)
  })

  test.each([
    ['array', () => numbered(2), 2],
    ['generator', () => numbered(2).values(), undefined],
    ['callable', () => () => numbered(2), 2],
    ['async callable', () => async () => new Set(numbered(2)), undefined],
    [
      'async generator',
      () =>
        async function* () {
          yield* numbered(2)
        },
      undefined,
    ],
  ])('%s is a source', async (_name, source, total) => {
    const run = harness({ exampleSource: source() })
    expect(await run.total()).toBe(total)
    expect(await collect(run.run())).toHaveLength(2)
  })
})

describe('steps', () => {
  test('are plain JSON with losses and target loss of the update', async () => {
    const training = { losses: [2, 1], gradientNorms: [1, 1], targetLoss: { before: 2, after: 0.5 } }
    const run = harness({
      exampleSource: [
        {
          ...ask(0, 'q', 'a', 'chat'),
          evaluate: () => ({ f1: 0.5, ok: true, nan: NaN, why: { x: [Infinity, null] } }),
        },
        ask(1, 'q', 'a'),
      ],
      runId: 'run',
      inferenceFn: () => ({ text: 'b', promptTokens: 7, newTokens: 2, finishReason: 'stop' }),
      finetuneFn: example =>
        example.testIdx === 0 ? new LoRAHandle({ identifier: 'new', metadata: { training } }) : null,
    })
    const [step, second] = (await collect(run.run())).map(toStep)
    expect(JSON.parse(JSON.stringify(step))).toEqual(step)
    expect(step).toMatchObject({
      v: 1,
      runId: 'run',
      branch: 'main',
      index: 0,
      key: 'toy/train/0',
      chatId: 'chat',
      messages: [{ role: 'user', content: 'q' }],
      response: 'b',
      metrics: { f1: 0.5, ok: 1 },
      details: { nan: 'NaN', why: { x: ['Infinity', null] } },
      retrievedLora: null,
      updatedLora: { identifier: 'new' },
      outcome: { kind: 'updated' },
      losses: [2, 1],
      targetLoss: { before: 2, after: 0.5 },
      tokens: { prompt: 7, new: 2 },
    })
    expect(Object.keys(step!.ms)).toEqual(['retrieve', 'infer', 'evaluate', 'finetune', 'record'])
    expect(second).toMatchObject({ chatId: null, updatedLora: null, losses: [], targetLoss: null })
  })

  test('listeners and the recorder get the step once it is finished; keep gets the new adapter first', async () => {
    const calls: string[] = []
    const recorder: Recorder = {
      keep: lora => void calls.push(`keep ${lora.identifier}`),
      record: (step, { branch }) => void calls.push(`record ${step.index} ${branch.name}`),
    }
    const run = harness({ exampleSource: numbered(1), recorder, finetuneFn: () => new LoRAHandle({ identifier: 'x' }) })
    run.onStep(step => calls.push(`step ${step.index} of ${run.results.length}`))
    await collect(run.run())
    expect(calls).toEqual(['keep x', 'record 0 main', 'step 0 of 1'])
  })
})
