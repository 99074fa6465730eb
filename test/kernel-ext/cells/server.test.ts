import { beforeEach, describe, expect, test } from 'vitest'
import { outbox } from '../../../kernel-ext/src/cells/outbox.js'
import { control, follow } from '../../../kernel-ext/src/cells/server.js'
import { harness, type NotebookHarness, type NotebookOptions } from '../../../kernel-ext/src/index.js'
import type { ControlReply, EventMessage, TimelinePoint } from '../../../src/protocol/index.js'
import { numbered, toy } from '../../harness/toy.js'
import { closing, fakePage, gate } from './page.js'

beforeEach(() => void fakePage())
const closes = closing()
let runs = 0
const open = async (more: Partial<NotebookOptions> = {}): Promise<NotebookHarness> =>
  closes(await harness({ id: `served-${runs++}`, exampleSource: () => numbered(6), folder: null, ...toy, ...more }))

/** A front that follows. */
function front(client?: string, slow = () => Promise.resolve()) {
  const got: EventMessage[] = []
  const end = follow(async message => {
    await slow()
    got.push(JSON.parse(JSON.stringify(message)))
  }, client)
  closes({ close: end })
  const of = (id: string) => got.filter(message => message.id === id)
  return {
    got,
    of,
    end,
    /** A branch's points as the front knows them. */
    points: (id: string, branch = 'main') => {
      const points: TimelinePoint[] = []
      for (const message of of(id))
        if (message.type === 'points' && message.branch === branch)
          for (const [i, point] of message.points.entries()) points[message.from + i] = point
      return points
    },
    state: (id: string) => of(id).findLast(message => message.type === 'state')?.state,
  }
}
let request = 0
const ask = (id: string, asked: Record<string, unknown>, client = 'front'): Promise<ControlReply> =>
  control(client, { request: request++, id, ...asked })

describe('events', () => {
  test('a front that comes late is told all there is, then what happens', async () => {
    const h = await open()
    await h.run({ until: 3 })
    const late = front()
    await expect.poll(() => late.of(h.id).map(({ type }) => type)).toContain('ready')
    expect(late.points(h.id).map(({ index }) => index)).toEqual([0, 1, 2])
    expect(late.state(h.id)).toMatchObject({ status: 'idle', index: 3, total: 6 })
    h.finetuneFn = () => null
    await h.step()
    await expect.poll(() => late.points(h.id)).toHaveLength(4)
    await expect
      .poll(() => late.of(h.id).find(({ type }) => type === 'event'))
      .toMatchObject({
        event: { type: 'swap', index: 3 },
      })
    expect(late.of(h.id).map(({ seq }) => seq)).toEqual(late.of(h.id).map((_, i) => i))
  })

  test('many fronts at once, one of which comes and goes', async () => {
    const h = await open()
    const [a, b] = [front(), front()]
    await h.step()
    await expect.poll(() => b.points(h.id)).toHaveLength(1)
    b.end()
    const before = b.got.length
    await h.run()
    await expect.poll(() => a.points(h.id)).toHaveLength(6)
    expect(b.got).toHaveLength(before)
    const again = front()
    await expect.poll(() => again.points(h.id)).toHaveLength(6)
  })

  test('a front that has stopped reading does not slow the run, and gets all of it in the end', async () => {
    let read = () => {}
    const slow = new Promise<void>(resolve => {
      read = resolve
    })
    const h = await open({
      exampleSource: () => numbered(50),
      inferenceFn: (_example, _lora, view) => {
        for (const text of 'a long answer'.split('')) view.emit({ type: 'token', text })
        return '?'
      },
    })
    const behind = front(undefined, () => slow)
    await h.run()
    expect(h.results).toHaveLength(50)
    read()
    await expect.poll(() => behind.points(h.id)).toHaveLength(50)
    await expect.poll(() => behind.state(h.id)?.status).toBe('finished')
    // Fifty examples of a dozen tokens and five stages each came to a handful of messages.
    expect(behind.of(h.id).length).toBeLessThan(20)
  })

  test('tokens are joined, and belong to one example', async () => {
    const gates = gate()
    const h = await open({
      inferenceFn: async (_example, _lora, view) => {
        for (const text of ['to', 'ken', 's']) view.emit({ type: 'token', text })
        await gates.pass()
        return '?'
      },
    })
    const one = front()
    const step = h.step()
    await expect
      .poll(() =>
        one
          .of(h.id)
          .flatMap(message => (message.type === 'token' ? [message.text] : []))
          .join(''),
      )
      .toBe('tokens')
    gates.let()
    await step
  })

  test('a long run comes in parts', async () => {
    const got: EventMessage[] = []
    const out = outbox(async message => void got.push(message))
    const point = (index: number) => ({ index }) as TimelinePoint
    const points = Array.from({ length: 1234 }, (_, i) => point(i))
    out.push('r', { type: 'points', branch: 'main', from: 0, points })
    out.push('r', { type: 'points', branch: 'main', from: 1234, points: [point(1234)] })
    await expect.poll(() => got).toHaveLength(7)
    expect(got.map(message => message.type === 'points' && [message.from, message.points.length])).toEqual([
      ...[0, 200, 400, 600, 800, 1000].map(from => [from, 200]),
      [1200, 35],
    ])
  })

  test('a line that breaks is given up', async () => {
    const h = await open()
    let tries = 0
    closes({
      close: follow(async () => {
        tries++
        throw new Error('broken')
      }),
    })
    await expect.poll(() => tries).toBe(1)
    await h.run()
    expect([h.results.length, tries]).toEqual([6, 1])
  })
})

describe('control', () => {
  test('pause, step, resume, stop: each step is one example exactly', async () => {
    const gates = gate()
    const h = await open({
      inferenceFn: async () => {
        await gates.pass()
        return '?'
      },
    })
    expect(await ask(h.id, { type: 'resume' })).toMatchObject({ ok: true, result: { status: 'running' } })
    await gates.reached()
    expect(await ask(h.id, { type: 'pause' })).toMatchObject({ ok: true, result: { status: 'pausing' } })
    gates.let()
    await expect.poll(() => h.state.status).toBe('paused')

    // The same request again, as after a lost connection, and one from another front meanwhile.
    const step = { request: request++, id: h.id, type: 'step' }
    const twice = Promise.all([control('front', step), control('front', step)])
    await gates.reached()
    expect(await ask(h.id, { type: 'step' }, 'other')).toMatchObject({
      ok: false,
      error: expect.stringContaining('an example is being worked on'),
    })
    gates.let()
    const [one, other] = await twice
    expect(one).toEqual({ request: step.request, ok: true, result: { index: 1 } })
    expect(other).toBe(one)
    expect(await control('front', step)).toBe(one)
    expect(h.state).toMatchObject({ status: 'paused', index: 2 })

    await ask(h.id, { type: 'resume' })
    await gates.reached()
    const stop = ask(h.id, { type: 'stop' })
    gates.let()
    expect(await stop).toMatchObject({ ok: true, result: { status: 'idle', index: 2 } })
  })

  test('a run of a cell is held and goes on, and ends with its cell', async () => {
    const h = await open({ inferenceFn: () => new Promise(resolve => setImmediate(() => resolve('?'))) })
    const cell = h.run()
    await ask(h.id, { type: 'pause' })
    await expect.poll(() => h.state.status).toBe('paused')
    expect(await ask(h.id, { type: 'resume' })).toMatchObject({ ok: true, result: { status: 'running' } })
    await cell
    expect(h.results).toHaveLength(6)
  })

  test('rewind and fork', async () => {
    const h = await open()
    const one = front()
    await h.run({ until: 4 })
    expect(await ask(h.id, { type: 'rewind', at: 2, name: 'again' })).toMatchObject({
      ok: true,
      result: { branch: 'again', index: 2 },
    })
    const fork = await ask(h.id, { type: 'fork', at: 1, name: 'other', skipUpdates: [1] })
    expect(fork).toMatchObject({ ok: true, result: { id: `${h.id}@other` } })
    expect(await ask(`${h.id}@other`, { type: 'step' })).toMatchObject({ ok: true, result: { index: 1 } })
    await expect.poll(() => one.points(`${h.id}@other`, 'other')[1]).toMatchObject({ outcome: 'skipped' })
    await expect
      .poll(() => one.of(h.id).findLast(message => message.type === 'branches'))
      .toMatchObject({ current: 'again', branches: [{ name: 'main' }, { name: 'again' }, { name: 'other' }] })
    expect(await ask(h.id, { type: 'rewind', at: 9 })).toMatchObject({
      ok: false,
      error: expect.stringContaining('integer from 0 to 2'),
    })
  })

  test('example, callables, runs; adapters without files', async () => {
    const h = await open()
    await h.run({ until: 2 })
    await h.rewind(1, 'again')
    expect(await ask(h.id, { type: 'example', branch: 'main', index: 1 })).toMatchObject({
      ok: true,
      result: { key: 'toy/train/1', branch: 'main' },
    })
    expect(await ask(h.id, { type: 'example', branch: 'again', index: 0 })).toMatchObject({ ok: true })
    expect(await ask(h.id, { type: 'example', branch: 'again', index: 1 })).toMatchObject({
      ok: false,
      error: `branch again of run ${h.id} has no example 1`,
    })
    const [first] = h.record.adapters()
    expect(await ask(h.id, { type: 'adapters', a: null, b: first!.identifier })).toMatchObject({
      ok: false,
      error: expect.stringContaining('has no files'),
    })
    const hash = h.results[0]!.callables.finetuneFn
    expect(await ask(h.id, { type: 'callables', hash })).toMatchObject({
      ok: true,
      result: { hash, source: String(toy.finetuneFn) },
    })
    expect(await ask(h.id, { type: 'callables', hash: 'none' })).toMatchObject({ ok: false })
    expect(await ask('', { type: 'runs', id: undefined })).toMatchObject({ ok: true, result: [{ id: h.id, index: 1 }] })
  })

  test('a snapshot goes to the front that asked, from the example on that it names', async () => {
    const h = await open()
    await h.run({ until: 3 })
    const [mine, theirs] = [front('mine'), front('theirs')]
    const ready = (of: typeof mine) => of.of(h.id).filter(({ type }) => type === 'ready').length
    await expect.poll(() => [ready(mine), ready(theirs)]).toEqual([1, 1])
    mine.got.length = 0
    await ask(h.id, { type: 'snapshot', runId: h.state.runId, known: { main: 2, gone: 7 } }, 'mine')
    await expect.poll(() => ready(mine)).toBe(1)
    expect(Object.keys(mine.points(h.id))).toEqual(['2'])
    await ask(h.id, { type: 'snapshot', runId: 'another', known: { main: 2 } }, 'mine')
    await expect.poll(() => Object.keys(mine.points(h.id))).toHaveLength(3)
    expect(ready(theirs)).toBe(1)
  })

  test.each<[unknown, string]>([
    [null, 'reading a request'],
    ['step', 'reading a request'],
    [{ request: 1, type: 'rm -rf' }, 'reading a request'],
    [{ request: 2, type: 'rewind', at: -1, id: 'x' }, 'at: '],
    [{ request: 3, type: 'rewind', at: 1.5, id: 'x' }, 'at: '],
    [{ request: 4, type: 'example', branch: 'x'.repeat(501), index: 0 }, 'branch: '],
    [{ request: 5, type: 'step' }, 'there is no run (none was named)'],
    [{ request: 6, type: 'step', id: '__proto__' }, 'there is no run __proto__'],
  ])('%j is answered with what is wrong', async (asked, error) => {
    expect(await control('hostile', asked)).toMatchObject({ ok: false, error: expect.stringContaining(error) })
  })
})
