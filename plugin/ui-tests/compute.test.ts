import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { ComputeOrder, ComputeWord, PART_BYTES, pull } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import { Compute } from '../src/compute/control.js'
import type { Engine } from '../src/compute/engine.js'
import { ComputeHost } from '../src/compute/host.js'
import { computeWords } from '../src/widgets/compute.js'

/** An engine whose model says its prompt back. */
class Model {
  device = 'webgpu'
  deviceReason = 'it was asked for'
  dtype = 'fp32'
  disposed = false
  static async load(id: string) {
    if (id.startsWith('broken')) throw new Error('the graph is damaged')
    return new Model()
  }
  async generate([{ content }]: { content: string }[], { onToken, signal, lora }: Record<string, never>) {
    ;(onToken as (text: string) => void)(content)
    if (content === 'hang')
      await new Promise((_, stop) => {
        ;(signal as AbortSignal).addEventListener('abort', () => stop(new Error('stopped')))
      })
    return { text: `${content} ${(lora as { identifier: string } | null)?.identifier ?? 'base'}`, newTokens: 3 }
  }
  async dispose() {
    this.disposed = true
  }
}
class LoRAHandle {
  identifier: string
  constructor({ identifier }: { identifier: string }) {
    this.identifier = identifier
  }
}
const provided: string[][] = []
const imported: number[] = []
const engine = {
  LoRAModel: Model,
  LoRAHandle,
  Skip: class {},
  provideModel: async (_: string, files: Map<string, Uint8Array>) => void provided.push([...files.keys()]),
  importAdapter: async (zip: Uint8Array) => {
    imported.push(zip.byteLength)
    return new LoRAHandle({ identifier: zip[0] === 1 ? 'a'.repeat(64) : 'b'.repeat(64) })
  },
} as unknown as Engine

const content = new TextEncoder().encode('{"a":1}')
const file = {
  name: 'config.json',
  bytes: content.byteLength,
  sha256: createHash('sha256').update(content).digest('hex'),
}
const question = (text: string) => [[{ role: 'user', content: text }], {}]

/** A host whose wishes for parts are granted from `files`; with all that it said. */
function setUp(files: Record<string, Uint8Array> = { 'config.json': content }) {
  const said: ComputeWord[] = []
  const host = new ComputeHost(
    'webgpu',
    word => {
      said.push(ComputeWord.parse(JSON.parse(JSON.stringify(word))))
      if (word.type !== 'want') return
      const { name, offset, length } = word
      const found = files[name]
      queueMicrotask(() =>
        found
          ? host.told({ type: 'part', name, offset }, [found.slice(offset, offset + length).buffer as ArrayBuffer])
          : host.told({ type: 'missing', name, why: 'it is not here' }),
      )
    },
    async () => engine,
  )
  const word = (type: string) => expect.poll(() => said.find(one => one.type === type))
  return { host, said, word }
}

describe('a browser that serves a model', () => {
  test('loads what the kernel lists, then answers call by call', async () => {
    const { host, said, word } = setUp()
    host.told({ type: 'serve', id: 'tiny', files: [file] })
    await word('ready').toMatchObject({ device: 'webgpu', dtype: 'fp32' })
    expect(provided.at(-1)).toEqual(['config.json'])
    host.told({ type: 'call', call: 0, method: 'generate', lora: null, args: question('one') })
    host.told({ type: 'call', call: 1, method: 'generate', lora: null, args: question('two') })
    await expect
      .poll(() => said.filter(({ type }) => type === 'done'))
      .toMatchObject([
        { call: 0, result: { text: 'one base' } },
        { call: 1, result: { text: 'two base' } },
      ])
    expect(said.filter(({ type }) => type === 'token')).toMatchObject([{ text: 'one' }, { text: 'two' }])
    expect(host.status).toMatchObject({ kind: 'ready', calls: 2 })
  })

  test('a file that is another one than its hash says is not used', async () => {
    const { host, word } = setUp({ 'config.json': new TextEncoder().encode('{"a":2}') })
    host.told({ type: 'serve', id: 'tiny', files: [file] })
    await word('failed').toMatchObject({ error: 'config.json did not come whole; try again' })
    expect(host.status.kind).toBe('failed')
  })

  test.each([
    ['a file that cannot be had', { files: [{ ...file, name: 'gone.json' }] }, 'it is not here'],
    ['a model that cannot be loaded', { id: 'broken', files: [file] }, 'the graph is damaged'],
  ])('%s is said in words', async (_, serve, error) => {
    const { host, word } = setUp()
    host.told({ type: 'serve', id: 'tiny', ...serve })
    await word('failed').toMatchObject({ error })
  })

  test('an adapter is pulled once; one that is not what its name says is refused', async () => {
    const names = ['a', 'b'].map(letter => letter.repeat(64))
    const zip = new Uint8Array(PART_BYTES + 10).fill(1)
    const { host, said, word } = setUp({
      'config.json': content,
      ...Object.fromEntries(names.map(name => [`adapter:${name}`, zip])),
    })
    host.told({ type: 'serve', id: 'tiny', files: [file] })
    await word('ready').toBeDefined()
    imported.length = 0
    const ask = (call: number, identifier: string) =>
      host.told({
        type: 'call',
        call,
        method: 'generate',
        lora: { identifier, bytes: zip.byteLength },
        args: question('hi'),
      })
    ask(0, names[0]!)
    ask(1, names[0]!)
    ask(2, names[1]!)
    await word('error').toMatchObject({ call: 2, message: expect.stringContaining('it is another one') })
    expect(imported).toEqual([zip.byteLength, zip.byteLength])
    expect(said.filter(({ type }) => type === 'done')).toMatchObject([{ call: 0 }, { call: 1 }])
  })

  test('a call is stopped; a call without a model is an error', async () => {
    const { host, said, word } = setUp()
    host.told({ type: 'call', call: 0, method: 'generate', lora: null, args: question('early') })
    await word('error').toMatchObject({ call: 0, message: 'no model is loaded in this browser' })
    host.told({ type: 'serve', id: 'tiny', files: [file] })
    await word('ready').toBeDefined()
    host.told({ type: 'call', call: 1, method: 'generate', lora: null, args: question('hang') })
    await word('token').toMatchObject({ call: 1 })
    host.told({ type: 'stop', call: 1 })
    await expect
      .poll(() => said.findLast(({ type }) => type === 'error'))
      .toMatchObject({ call: 1, message: 'stopped' })
  })

  test('whatever a kernel says, the host stays whole', () => {
    const order = fc.oneof(
      fc.anything(),
      fc.record({
        type: fc.constantFrom('wait', 'part', 'missing', 'want', 'stop'),
        name: fc.string(),
        offset: fc.nat(),
        length: fc.nat(),
        why: fc.string(),
        call: fc.integer(),
      }),
    )
    fc.assert(
      fc.property(fc.array(order, { maxLength: 20 }), orders => {
        const { host } = setUp()
        for (const one of orders) host.told(one)
        for (const one of orders)
          if (!ComputeOrder.safeParse(one).success)
            return host.status.kind === 'failed' || host.status.kind === 'waiting'
        return true
      }),
    )
  })
})

test('pulling gives the whole in parts, and refuses a part of another length', async () => {
  const whole = Uint8Array.from({ length: 3 * PART_BYTES + 7 }, (_, i) => i % 251)
  const lengths: number[] = []
  const got = await pull(whole.byteLength, async (offset, length) => {
    lengths.push(length)
    return whole.subarray(offset, offset + length)
  })
  expect(Buffer.compare(got, whole)).toBe(0)
  expect(lengths).toEqual([PART_BYTES, PART_BYTES, PART_BYTES, 7])
  await expect(pull(10, async () => new Uint8Array(9))).rejects.toThrow(
    'a part of 10 bytes was asked for, one of 9 came',
  )
})

test('a person starts and stops it, and is told in words', async () => {
  const trans = {
    __: (text: string, ...args: unknown[]) => text.replace(/%(\d)/g, (_, n) => String(args[n - 1])),
  } as never
  let line: { told: (data: unknown) => void; closed: () => void; device: string } | undefined
  let ended = 0
  const compute = new Compute(
    (device, told, closed) => {
      line = { told, closed, device }
      return { say: () => {}, close: () => void ended++ }
    },
    async () => engine,
  )
  expect(compute.status.kind).toBe('off')
  compute.start('webgpu')
  line!.told({ type: 'wait', why: 'No cell asks for a model yet.' })
  expect(computeWords(compute.status, trans)).toBe('This browser waits to serve a model. No cell asks for a model yet.')
  line!.told({ type: 'nonsense' })
  expect(computeWords(compute.status, trans)).toMatch(/could not serve the model: the kernel said something/)
  compute.start('wasm')
  expect([line!.device, ended]).toEqual(['wasm', 1])
  line!.closed()
  expect(compute.status.kind).toBe('off')
})
