import { expect, expectTypeOf, test } from 'vitest'
import { type ExampleView, type HarnessView, LoRAHarness } from '../../src/harness/index.js'
import { ask, collect, toy } from './toy.js'

/**
 * Everything that can be reached from `root` by reading properties, own and inherited, by key or symbol, getters
 * called, and the contents of maps and sets. What a closure holds cannot be reached by its caller, so it is no leak.
 */
function reachable(root: unknown): { path: string; value: unknown }[] {
  const found: { path: string; value: unknown }[] = []
  const seen = new Set<unknown>()
  const visit = (value: unknown, path: string): void => {
    found.push({ path, value })
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return
    seen.add(value)
    if (value instanceof Map || value instanceof Set)
      for (const [i, item] of [...value].entries()) visit(item, `${path}<${i}>`)
    for (let from: object | null = value; from; from = Object.getPrototypeOf(from))
      for (const key of Reflect.ownKeys(from)) {
        try {
          visit(Reflect.get(from, key, value), `${path}.${String(key)}`)
        } catch {
          // A getter or a poisoned property such as Function.prototype.caller that throws gives nothing away.
        }
      }
  }
  visit(root, '')
  return found
}

const SECRET = 'the-golden-answer'
const leaks = (root: unknown) =>
  reachable(root)
    .filter(({ path, value }) =>
      typeof value === 'function' ? path.endsWith('.evaluate') : typeof value === 'string' && value.includes(SECRET),
    )
    .map(({ path }) => path)

test('nothing that retrieve, infer or a baseline is given leads to the reference or the scorer', async () => {
  const given: [string, unknown[]][] = []
  const spy =
    <T>(name: string, result: T) =>
    (...args: unknown[]): T => {
      given.push([name, args])
      return result
    }
  const source = [ask(0, 'q0', 'a0', 'chat'), ask(1, 'q1', SECRET, 'chat')]
  const harness = new LoRAHarness({
    exampleSource: source,
    ...toy,
    retrieveLoraFn: spy('retrieve', null),
    inferenceFn: spy('infer', '?'),
    baselines: { base: spy('baseline', '?') },
  })
  const found: [string, string[]][] = []
  harness.onEvent(() => {})
  const finetuneFn = harness.finetuneFn
  harness.finetuneFn = (...args) => {
    // Here, before the example is finished: what was given then, not what has grown since.
    for (const [name, values] of given.splice(0)) found.push([name, leaks(values)])
    return finetuneFn(...args)
  }
  await collect(harness.run())
  expect(found).toEqual(
    Array(2)
      .fill(['retrieve', 'infer', 'baseline'].map(name => [name, []]))
      .flat(),
  )
})

test('the search itself finds what is there', () => {
  const getter = {
    get inner() {
      return { [Symbol('x')]: new Map([['k', [SECRET]]]) }
    },
  }
  expect(leaks([Object.create(getter)])).toContain('.0.inner.Symbol(x)<0>.1.0')
  expect(leaks({ evaluate: () => 1 })).toEqual(['.evaluate'])
  expect(leaks(ask(0, 'q', SECRET))).toEqual(['.target', '.info.golden', '.metadata.note', '.evaluate'])
})

test('finetune is given the reference and the scorer', async () => {
  let seen: unknown
  const run = new LoRAHarness({
    exampleSource: [ask(0, 'q', SECRET)],
    ...toy,
    finetuneFn: example => {
      seen = [example.target, example.evaluate(SECRET)]
      return null
    },
  })
  await collect(run.run())
  expect(seen).toEqual([SECRET, { exact: true, golden: SECRET }])
})

test('the types hold no reference either', () => {
  expectTypeOf<keyof ExampleView>().toEqualTypeOf<
    'datasetName' | 'split' | 'testIdx' | 'messages' | 'lang' | 'userPrompt' | 'chatId'
  >()
  expectTypeOf<keyof HarnessView>().toEqualTypeOf<'store' | 'index' | 'seed' | 'signal' | 'results' | 'emit'>()
})

test('callables cannot alter the example, the store, the results or the metrics', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: the types forbid each of these.
  const attempts: [string, (example: any, harness: any) => void][] = [
    ['message', e => Object.assign(e.messages[0], { content: 'hacked' })],
    ['messages', e => e.messages.push({})],
    ['chatId', e => Object.assign(e, { chatId: 'other' })],
    ['store', (_, h) => Object.assign(h.store, { getLast: () => null })],
    ['records', (_, h) => h.store.records.pop()],
    ['record', (_, h) => Object.assign(h.store.records[0], { response: '' })],
    ['results', (_, h) => h.results.pop()],
    ['result', (_, h) => Object.assign(h.results[0].metrics, { exact: 1 })],
  ]
  const given = ask(1, 'q1', 'a1', 'chat')
  const harness = new LoRAHarness({ exampleSource: [ask(0, 'q0', 'a0', 'chat'), given], ...toy })
  await harness.step()
  const survived: string[] = []
  harness.retrieveLoraFn = (...args) => {
    for (const [name, attempt] of attempts) {
      try {
        attempt(...args)
        survived.push(name)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }
    return null
  }
  harness.finetuneFn = (example, _lora, _response, metrics) => {
    expect(() => Object.assign(example.info, { golden: 'x' })).toThrow(TypeError)
    expect(() => Object.assign(metrics, { exact: 1 })).toThrow(TypeError)
    return null
  }
  const result = await harness.step()
  expect(survived).toEqual([])
  expect(result!.outcome).toEqual({ kind: 'unchanged' })
  // The run reads its own copy: a source that changes its object afterwards changes nothing.
  given.messages[0]!.content = 'changed'
  expect(harness.results[1]!.example.messages[0]!.content).toBe('q1')
})
