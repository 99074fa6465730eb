import { describe, expect, test } from 'vitest'
import {
  type ExampleContext,
  type HarnessEvent,
  LoRAHarness,
  type LoRAHarnessOptions,
  rehearse,
} from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { itemHashes } from '../../src/lora/trained.js'
import type { Message, RunEvent } from '../../src/protocol/index.js'
import { ask, collect, numbered, toy } from './toy.js'

type Item = { messages: readonly Message[]; target?: string }

let made = 0
/** An adapter whose trainer says what it trained on, as ours does. */
const trainedOn = (...items: Item[]) =>
  new LoRAHandle({
    identifier: `made-${made++}`,
    metadata: { training: { losses: [1], items: items.flatMap(item => itemHashes(item)) } },
  })
const item = ({ messages, target }: Pick<ExampleContext, 'messages' | 'target'>): Item => ({
  messages,
  target: target!,
})

/** Runs to the end, and the leaks that were told: [index, key, trainedAt]. */
async function leaksOf(options: Partial<LoRAHarnessOptions>) {
  const events: HarnessEvent[] = []
  const noted: RunEvent[] = []
  const run = new LoRAHarness({
    exampleSource: numbered(4),
    ...toy,
    recorder: { record: () => {}, note: event => void noted.push(event) },
    ...options,
  })
  run.onEvent(event => event.type === 'leak' && events.push(event))
  await collect(run.run())
  expect(noted.map(({ branch: _b, time: _t, ...event }) => event)).toEqual(events)
  return { run, noted, leaks: events.map(({ index, key, trainedAt }) => [index, key, trainedAt]) }
}

describe('a leak', () => {
  test('is an example that was trained on before it was scored', async () => {
    const examples = numbered(4)
    const { leaks } = await leaksOf({
      exampleSource: examples,
      // Learns each example and, too early, the one after the next.
      finetuneFn: (example, _lora, _response, _metrics, { index }) =>
        trainedOn(item(example), ...examples.slice(index + 2, index + 3).map(item)),
    })
    expect(leaks).toEqual([
      [2, 'toy/train/2', 0], // Through the adapter of example 1, which was made from that of example 0.
      [3, 'toy/train/3', 1],
    ])
  })

  test('is found in whichever form the item was given', async () => {
    const [, , , last] = numbered(4)
    const { leaks } = await leaksOf({
      finetuneFn: (_e, _lora, _r, _m, { index }) =>
        index === 0
          ? trainedOn({ messages: [...last!.messages, { role: 'assistant', content: last!.target! }] })
          : trainedOn(),
    })
    expect(leaks).toEqual([[3, 'toy/train/3', 0]])
  })

  test('is the same question with the same answer under another key, for adapters of other stacks too', async () => {
    const { leaks } = await leaksOf({
      exampleSource: [ask(0, 'q', 'a', 'chat'), ask(1, 'other', 'a', 'chat'), ask(2, 'q', 'a', 'chat')],
    })
    expect(leaks).toEqual([[2, 'toy/train/2', 0]])
  })

  test('is what an adapter from outside brings along, even when it has been trained on since', async () => {
    const outside = trainedOn(item(numbered(3)[2]!))
    const { run, leaks } = await leaksOf({
      retrieveLoraFn: (example, harness) => harness.store.getLast(example.chatId) ?? outside,
      finetuneFn: example => trainedOn(item(example)),
    })
    expect(leaks).toEqual([[2, 'toy/train/2', null]])
    // A fork knows it from the results alone.
    const fork = run.fork({ at: 2 })
    const told: HarnessEvent[] = []
    fork.onEvent(event => event.type === 'leak' && told.push(event))
    await collect(fork.run())
    expect(told).toMatchObject([{ key: 'toy/train/2', trainedAt: null, adapter: outside.identifier }])
  })

  test('is a probe that a run learns, told of once', async () => {
    const { run, leaks, noted } = await leaksOf({
      probes: { examples: [ask(100, 'question 1', 'answer 1', 'chat'), ask(101, 'unseen', 'x', 'chat')], every: 1 },
    })
    expect(run.probings).toHaveLength(5)
    expect(leaks).toEqual([[2, 'toy/train/100', 1]])
    expect(noted.map(({ probe }) => probe)).toEqual(['toy/train/100'])
  })
})

describe('no leak', () => {
  test('is rehearsal of examples that were scored', async () => {
    const { leaks } = await leaksOf({
      finetuneFn: (example, _l, _r, _m, { results, seed }) =>
        trainedOn(item(example), ...rehearse(results, { count: 3, seed })),
    })
    expect(leaks).toEqual([])
  })

  test('is what another line of adapters was trained on', async () => {
    const examples = numbered(4).map((example, i) => ({ ...example, chatId: i % 2 ? 'odd' : 'even' }))
    const { leaks } = await leaksOf({
      exampleSource: examples,
      // The even chat's adapter learns the odd chat's next question, which it is never asked.
      finetuneFn: (_e, _l, _r, _m, { index }) => trainedOn(item(examples[Math.min(3, index + 1)]!)),
    })
    expect(leaks).toEqual([])
  })

  test('is an example that is answered again after a rewind, or an answer without an adapter', async () => {
    const { run, leaks } = await leaksOf({})
    expect(leaks).toEqual([])
    const found: HarnessEvent[] = []
    run.onEvent(event => event.type === 'leak' && found.push(event))
    run.rewind(1)
    await collect(run.run())
    const base = run.fork({ at: 4, retrieveLoraFn: () => null })
    await collect(base.run())
    expect(found).toEqual([])
  })

  test('is an adapter that names itself among its ancestors', async () => {
    // Of another stack, which gives two names in turn.
    const { leaks, run } = await leaksOf({
      finetuneFn: (_e, _l, _r, _m, { index }) => new LoRAHandle({ identifier: `slot ${index % 2}` }),
    })
    expect(run.results).toHaveLength(4)
    expect(leaks).toEqual([])
  })
})
