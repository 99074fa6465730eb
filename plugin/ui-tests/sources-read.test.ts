import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RunStore } from '../src/model/store.js'
import { readAnswer, readEvent, readReply } from '../src/sources/read.js'
import { pointAt } from './fake-kernel.js'
import { stateOf } from './page/sample.js'

const branch = { name: 'main', parent: null, at: 0, skipUpdates: [] }
const told = { seq: 0, id: 'people' }
const good = [
  { ...told, type: 'state', state: stateOf() },
  { ...told, type: 'branches', branches: [branch, { ...branch, name: 'b', parent: 'main', at: 2 }], current: 'b' },
  { ...told, type: 'points', branch: 'main', from: 0, points: [pointAt(0), pointAt(1)] },
  { ...told, type: 'points', branch: 'b', from: 2, points: [pointAt(2)] },
  {
    ...told,
    type: 'event',
    n: 0,
    event: { type: 'swap', branch: 'main', index: 1, time: 't', changed: ['x'], diff: '' },
  },
  { ...told, type: 'token', index: 3, from: 0, text: 'an answer' },
  { ...told, type: 'ready' },
]

/** Reads every view of a store. */
function look(store: RunStore): void {
  for (const { name } of [...store.branches, { name: 'none' }]) {
    for (const point of store.line(name)) expect(Number.isInteger(point.index)).toBe(true)
    store.annotation(name, 0)
  }
  store.known()
}

test('what a kernel says is read as it is', () => {
  for (const message of good) expect(readEvent(structuredClone(message))).toEqual({ message })
  expect(readReply({ request: 1, ok: true, result: [1] })).toEqual({ request: 1, ok: true, result: [1] })
  expect(readAnswer('fork', { id: 'a@b' })).toEqual({ id: 'a@b' })
  // JSON has no NaN.
  const [loss] = [{ ...told, type: 'points', branch: 'main', from: 0, points: [{ ...pointAt(0), losses: [2, null] }] }]
  expect(readEvent(loss)).toMatchObject({ message: { points: [{ losses: [2, Number.NaN] }] } })
})

test('anything else is said to be wrong, and breaks nothing', () => {
  const store = new RunStore('people')
  const take = (data: unknown) => {
    const read = readEvent(data)
    if ('message' in read) store.apply(read.message)
    else expect(read.trouble).toMatch(/^.{1,300}$/su)
    readReply(data)
    look(store)
  }
  fc.assert(fc.property(fc.oneof(fc.anything(), fc.jsonValue()), take), { numRuns: 500 })
  // One place of a good message is another thing.
  const places = (value: unknown, path: string[] = []): string[][] =>
    typeof value === 'object' && value !== null
      ? [path, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))]
      : [path]
  const changed = fc.constantFrom(...good).chain(message =>
    fc
      .record({ place: fc.constantFrom(...places(message)), to: fc.oneof(fc.jsonValue(), fc.integer(), fc.string()) })
      .map(({ place, to }) => {
        const all = structuredClone({ message }) as Record<string, unknown>
        const way = ['message', ...place]
        let at = all
        for (const key of way.slice(0, -1)) at = at[key] as Record<string, unknown>
        at[way.at(-1)!] = to
        return all.message
      }),
  )
  fc.assert(fc.property(changed, take), { numRuns: 2000 })
})

test.each<[string, unknown]>([
  [
    'a circle of branches',
    { ...told, type: 'branches', current: 'a', branches: [{ ...branch, name: 'a', parent: 'a' }] },
  ],
  ['a branch twice', { ...told, type: 'branches', current: 'a', branches: [branch, branch] }],
  ['points that jump', { ...told, type: 'points', branch: 'main', from: 0, points: [pointAt(1)] }],
  [
    'too many points',
    { ...told, type: 'points', branch: 'm', from: 0, points: Array.from({ length: 10_001 }, (_, i) => pointAt(i)) },
  ],
  ['a name without end', { ...told, type: 'token', index: 0, from: 0, text: 'x'.repeat(20_000_001) }],
  ['a run without a name', { ...told, id: '', type: 'ready' }],
  ['a number that is none', { ...told, seq: 1.5, type: 'ready' }],
  ['deep', JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`)],
])('%s', (_, data) => {
  expect(readEvent(data)).toHaveProperty('trouble')
})

test('names of objects’ own parts are names like others', () => {
  const hostile = JSON.parse(`{"seq":0,"id":"people","type":"points","branch":"main","from":0,"points":[
    {"index":0,"key":"k","chatId":null,"metrics":{"__proto__":1,"constructor":2,"f1":1},"losses":[],"targetLoss":null,
     "outcome":"updated","baselines":{"__proto__":{"f1":0}},"finetuneFn":"f","lora":null}]}`)
  const read = readEvent(hostile)
  if (!('message' in read) || read.message.type !== 'points') throw new Error(JSON.stringify(read))
  const [point] = read.message.points
  expect(point!.metrics.f1).toBe(1)
  expect(Object.getPrototypeOf(point!.baselines)).toBe(Object.prototype)
  expect(({} as { f1?: unknown }).f1).toBeUndefined()
})

test('an answer of another shape is refused', () => {
  expect(() => readAnswer('example', { v: 2 })).toThrow('The answer of the kernel made no sense (v: ')
  expect(() => readAnswer('step', [])).toThrow('made no sense')
})

test('nothing is compiled: schemas are walked', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { readEvent } from './read.js'
        console.log(JSON.stringify({ read: messages.map(message => 'message' in readEvent(message)), made }))`,
      resolveDir: fileURLToPath(new URL('../src/sources', import.meta.url)),
    },
    banner: {
      js: `let made = 0; const messages = ${JSON.stringify(good)}
        globalThis.Function = new Proxy(Function, { construct() { made++; throw new Error('no') } })`,
    },
    alias: { 'lora-harness/protocol': fileURLToPath(new URL('../../src/protocol/index.ts', import.meta.url)) },
    ...{ bundle: true, write: false, format: 'esm', platform: 'browser', logLevel: 'silent', tsconfigRaw: {} },
  })
  const ran = promisify(execFile)(process.execPath, ['--input-type=module', '-'])
  ran.child.stdin!.end(outputFiles[0]!.text)
  const { stdout } = await ran
  expect(JSON.parse(stdout)).toEqual({ read: good.map(() => true), made: 0 })
})
