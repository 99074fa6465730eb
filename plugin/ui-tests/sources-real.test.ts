/** A page's side of the protocol against the kernel's, with nothing between them but a connection. */

import { LoRAHandle } from 'lora-harness'
import type { ControlRequest } from 'lora-harness/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { control, follow } from '../../kernel-ext/src/cells/server.js'
import { harness, type NotebookHarness } from '../../kernel-ext/src/index.js'
import { numbered, toy } from '../../test/harness/toy.js'
import { fakePage } from '../../test/kernel-ext/cells/page.js'
import { aloneCell, withoutCell } from '../src/model/reproduce.js'
import { KernelRuns } from '../src/sources/kernel.js'
import type { KernelSource } from '../src/sources/kernel-source.js'
import { FakeConnection, type KernelSide, pointAt } from './fake-kernel.js'

/** The kernel's side, as its comms serve it. */
class Kernel implements KernelSide {
  comms = new Map<string, { target: string }>()
  deliver: ((comm: string, data: unknown) => void) | undefined
  bytes: number[] = []
  /** Holds messages to the page back until it is resolved: a page that does not read. */
  slow: Promise<void> | undefined
  readonly #ends: (() => void)[] = []

  opened(comm: string, target: string): void {
    this.comms.set(comm, { target })
    if (!target.includes('events')) return
    const send = async (message: unknown) => {
      await this.slow
      const text = JSON.stringify(message)
      this.bytes.push(text.length)
      this.deliver?.(comm, JSON.parse(text))
    }
    this.#ends.push(follow(send, 'page'))
  }
  said(comm: string, data: ControlRequest): void {
    void control('page', data).then(reply => this.deliver?.(comm, JSON.parse(JSON.stringify(reply))))
  }
  restart(): void {
    this.comms.clear()
    for (const end of this.#ends.splice(0)) end()
  }
}

const open: { close(): unknown }[] = []
beforeEach(() => void fakePage())
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

let runs = 0
async function following(examples: number, more = {}) {
  const kernel = new Kernel()
  const id = `real-${runs++}`
  const h = await harness({ ...toy, id, folder: null, exampleSource: () => numbered(examples), ...more })
  const connection = new FakeConnection(kernel)
  const page = new KernelRuns(connection.typed)
  open.push({ close: () => page.dispose() }, { close: () => kernel.restart() }, h)
  connection.announce()
  await expect.poll(() => page.sources.find(({ store }) => store.id === id)?.store.connection.kind).toBe('live')
  return { kernel, connection, page, h, source: page.expect(id) }
}
const agrees = async (h: NotebookHarness, { store }: KernelSource) => {
  await expect
    .poll(() => [store.state, store.line(store.current), store.events, store.branches])
    .toEqual(JSON.parse(JSON.stringify([h.state, h.points, h.events, h.record.branches])))
  expect([store.trouble, store.token]).toEqual([null, null])
}

test('a run is followed and steered: step, resume, pause, rewind, fork, annotate, look', async () => {
  const { h, page, source, connection } = await following(300, {
    inferenceFn: (...[example, lora, view]: Parameters<typeof toy.inferenceFn>) =>
      new Promise(resolve => {
        view.emit({ type: 'token', text: 'an ' })
        view.emit({ type: 'token', text: 'answer' })
        setTimeout(() => resolve(toy.inferenceFn(example, lora, view) as string), 5)
      }),
  })
  expect(await source.ask({ type: 'step' })).toEqual({ index: 0 })
  await agrees(h, source)
  expect(await source.ask({ type: 'resume' })).toMatchObject({ status: 'running' })
  await expect.poll(() => source.store.line('main').length).toBeGreaterThan(2)
  await source.ask({ type: 'pause' })
  await expect.poll(() => source.store.state!.status).toBe('paused')
  await source.ask({ type: 'stop' })
  await agrees(h, source)

  await source.ask({ type: 'rewind', at: 1, name: 'again' })
  await source.ask({ type: 'step' })
  h.finetuneFn = () => null
  connection.lose()
  await h.step()
  connection.regain()
  await agrees(h, source)
  const { id } = await source.ask({ type: 'fork', at: 2, name: 'other' })
  const fork = page.expect(id)
  await fork.ask({ type: 'step' })
  await expect.poll(() => source.store.line('other').length).toBe(3)

  await source.ask({ type: 'annotate', branch: 'main', index: 1, tags: ['odd'], note: '<b>look</b>' })
  await expect.poll(() => source.store.annotation('main', 1)).toMatchObject({ tags: ['odd'], note: '<b>look</b>' })
  expect(await source.ask({ type: 'example', branch: 'main', index: 1 })).toMatchObject({ key: 'toy/train/1' })
  const lineage = await source.ask({ type: 'lineage' })
  expect(lineage.branches.map(({ name }) => name)).toEqual(['main', 'again', 'other'])
  const { finetuneFn } = source.store.line('again')[2]!
  expect(await source.ask({ type: 'callables', hash: finetuneFn })).toMatchObject({ source: '() => null' })
  await expect(source.ask({ type: 'path', branch: 'main' })).rejects.toThrow('has no files')
  await expect(source.ask({ type: 'rewind', at: 99 })).rejects.toThrow('integer from 0')
  await agrees(h, source)
})

test('a page that never reads: the run does not wait, and what waits is points that the run keeps anyway', async () => {
  const { kernel, h, source } = await following(200, {
    finetuneFn: () => null,
    inferenceFn: (...[, , view]: Parameters<typeof toy.inferenceFn>) => {
      for (let i = 0; i < 20; i++) view.emit({ type: 'token', text: 'word ' })
      return '?'
    },
  })
  let read = () => {}
  kernel.slow = new Promise(resolve => {
    read = resolve
  })
  const before = kernel.bytes.length
  await h.run()
  expect(h.results).toHaveLength(200)
  expect(kernel.bytes.length - before).toBe(0)
  read()
  kernel.slow = undefined
  await agrees(h, source)
  // 4,000 tokens and 1,200 changes of state came to this: the last round of the page before it, and one after.
  expect(kernel.bytes.length - before).toBeLessThan(30)
})

test('a page takes single messages as fast as a kernel can send them', async () => {
  const { kernel, source } = await following(1)
  await source.ask({ type: 'step' })
  const events = [...kernel.comms].findLast(([, { target }]) => target.includes('events'))![0]
  await expect.poll(() => source.store.line('main').length).toBe(1)
  const texts = Array.from({ length: 2000 }, (_, i) => {
    const points = { type: 'points', branch: 'main', from: i + 1, points: [pointAt(i + 1)] }
    return JSON.stringify({ seq: 1000 + i, id: source.store.id, ...points })
  })
  const from = performance.now()
  for (const text of texts) kernel.deliver!(events, JSON.parse(text))
  const each = (performance.now() - from) / texts.length
  expect(source.store.line('main')).toHaveLength(2001)
  console.log(`${(1e3 / each).toFixed(0)} messages a second, ${texts[0]!.length} bytes each`)
  // The kernel sends some twenty rounds a second.
  expect(1e3 / each).toBeGreaterThan(100)
})

test('the cell that scores a baseline on all examples: nothing is trained, and the panel can compare', async () => {
  const { h, source } = await following(8)
  await h.run()
  expect(h.points.some(({ baselines }) => 'base' in baselines)).toBe(false)
  h.baselines = { base: () => 'what base says' }
  const cell = new Function('h', `return (async () => {${aloneCell('base')}})()`) as (of: typeof h) => Promise<void>
  await cell(h)
  await expect.poll(() => source.store.branches.map(({ name }) => name)).toContain('base-alone')
  await expect.poll(() => source.store.line('base-alone').length).toBe(8)
  const alone = source.store.line('base-alone')
  expect(
    alone.every(({ outcome, lora, metrics }) => outcome === 'unchanged' && lora === null && metrics.exact === 0),
  ).toBe(true)
})

test('the cell that answers an example again without a module: on a branch of its own, nothing is trained', async () => {
  const served: (string | undefined)[] = []
  const { h, source } = await following(4, {
    inferenceFn: (_: unknown, lora: LoRAHandle | null) => {
      served.push(lora?.identifier)
      return 'an answer'
    },
  })
  await h.run()
  const code = withoutCell(2, 'a.q_proj')
  const [first, ...rest] = code.split('\n')
  expect(first).toBe("import { withoutModules } from 'lora-harness'")
  const cell = new Function('h', 'withoutModules', `return (async () => {${rest.join('\n')}})()`)
  const name = '#2 without a.q_proj'
  await cell(
    h,
    (lora: LoRAHandle, [module]: string[]) => new LoRAHandle({ identifier: `${lora.identifier} - ${module}` }),
  )
  await expect.poll(() => source.store.line(name).length).toBe(3)
  expect(served.at(-1)).toBe(`${served[2]} - a.q_proj`)
  expect(source.store.line(name)[2]).toMatchObject({ outcome: 'unchanged', key: source.store.line('main')[2]!.key })
  expect(source.store.line('main')).toHaveLength(4)
})

test('a run that is closed says so, and goes on when its cell is run again', async () => {
  const { h, source, page } = await following(6)
  await h.step()
  await agrees(h, source)
  await h.close()
  await expect.poll(() => source.store.connection).toEqual({ kind: 'closed' })
  expect(source.store.line('main')).toHaveLength(1)
  expect(source.cannot('step')).toContain('was closed')
  // A page that was away when it was told finds no such run in a kernel that still has its comms.
  source.store.set({ connection: { kind: 'live' } })
  page.reconnect()
  await expect.poll(() => source.store.connection).toEqual({ kind: 'closed' })
  const again = await harness({ ...toy, id: h.id, folder: null, exampleSource: () => numbered(6) })
  open.push(again)
  await expect.poll(() => source.store.connection).toEqual({ kind: 'live' })
  await agrees(again, source)
})
