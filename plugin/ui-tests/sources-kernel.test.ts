import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { KernelRuns } from '../src/sources/kernel.js'
import type { KernelSource } from '../src/sources/kernel-source.js'
import { FakeConnection, FakeKernel, type Fate } from './fake-kernel.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
/** Lets what was begun come to its end. */
const settle = (time = 60_000) => vi.advanceTimersByTimeAsync(time)

const storage = () => {
  const kept = new Map<string, string>()
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  }
}

async function following(kernel = new FakeKernel(), kept = storage()) {
  const connection = new FakeConnection(kernel)
  const runs = new KernelRuns(connection.typed, { kept })
  connection.announce()
  await settle(0)
  return { kernel, connection, runs, kept, source: runs.sources[0]! }
}

/** What a store knows, and what the kernel knows. */
const told = ({ store }: KernelSource) => ({
  ...{ state: store.state, branches: store.branches, current: store.current, events: store.events },
  token: store.token,
  lines: store.branches.map(({ name }) => store.line(name)),
})
const truth = (kernel: FakeKernel) => ({
  ...{ state: kernel.state, branches: kernel.branches, current: kernel.current, events: kernel.events },
  token: kernel.answer.text === '' ? null : kernel.answer,
  lines: kernel.branches.map(({ name }) => kernel.line(name)),
})

describe('a run of a kernel', () => {
  test('nothing is opened in a kernel without runs; its first word brings them', async () => {
    const kernel = new FakeKernel()
    const connection = new FakeConnection(kernel)
    const runs = new KernelRuns(connection.typed)
    await settle()
    expect([kernel.comms.size, runs.sources]).toEqual([0, []])
    const appeared = vi.fn()
    runs.appeared.connect((_, source) => appeared(source.store.id))
    kernel.step()
    connection.announce()
    await settle(0)
    expect(appeared.mock.calls).toEqual([['people']])
    const [source] = runs.sources
    expect(source!.store.connection).toEqual({ kind: 'live' })
    kernel.speak('to')
    kernel.speak('ken')
    expect(source!.store.token).toEqual({ index: 1, text: 'token' })
    kernel.step()
    expect(source!.store.line('main').map(({ index }) => index)).toEqual([0, 1])
    expect(told(source!)).toEqual(truth(kernel))
  })

  test('a page that joins late, and one more tab', async () => {
    const { kernel, source } = await following()
    for (let i = 0; i < 5; i++) kernel.step()
    const first = kernel.deliver!
    const other = new FakeConnection(kernel)
    const second = kernel.deliver!
    kernel.deliver = (id, data) => {
      first(id, data)
      second(id, data)
    }
    const runs = new KernelRuns(other.typed, { kept: storage() })
    await settle(0)
    kernel.step()
    for (const each of [source, runs.sources[0]!]) expect(told(each)).toEqual(truth(kernel))
  })

  test('a lost message is asked for once, by one snapshot of what is missing', async () => {
    const { kernel, source } = await following()
    for (let i = 0; i < 10; i++) kernel.step()
    kernel.fate = () => 'lost'
    kernel.step()
    kernel.fate = () => 'comes'
    expect(source.store.line('main')).toHaveLength(10)
    kernel.step()
    kernel.step()
    await settle(0)
    const asked = kernel.asked.filter(({ type }) => type === 'snapshot')
    expect(asked).toMatchObject([{ runId: 'r7', known: { main: 10 } }])
    expect(told(source)).toEqual(truth(kernel))
  })

  test('a lost connection is said at once, what is known stays, and what was missed comes', async () => {
    const { kernel, connection, source } = await following()
    kernel.step()
    vi.setSystemTime(1000)
    connection.lose()
    kernel.step()
    expect(source.store.connection).toEqual({ kind: 'lost', since: 1000 })
    expect(source.store.line('main')).toHaveLength(1)
    expect(source.cannot('pause')).toContain('lost')
    source.reconnect()
    expect(connection.reconnects).toBe(1)
    connection.regain()
    await settle(0)
    expect(source.store.connection).toEqual({ kind: 'live' })
    expect(told(source)).toEqual(truth(kernel))
  })

  test('a request that was not answered before the connection was lost is sent again by its number', async () => {
    const { kernel, connection, source } = await following()
    kernel.answers = ({ request }) => ({ request, ok: true, result: { index: 7 } })
    const step = source.ask({ type: 'step' })
    connection.lose() // The kernel had it, and its answer is on its way no more.
    const meanwhile = source.ask({ type: 'step' })
    connection.regain()
    await settle(0)
    expect(await Promise.all([step, meanwhile])).toEqual([{ index: 7 }, { index: 7 }])
    expect(kernel.asked.filter(({ type }) => type === 'step')).toHaveLength(2)
  })

  test('a page that is loaded again takes its comms up again; nothing is left behind', async () => {
    const { kernel, connection, kept } = await following()
    kernel.step()
    const before = [...kernel.comms.keys()]
    const again = new KernelRuns(new FakeConnection(kernel).typed, { kept })
    await settle(0)
    expect([...kernel.comms.keys()]).toEqual(before)
    expect(told(again.sources[0]!)).toEqual(truth(kernel))
    again.dispose()
    expect([...kernel.comms.keys()]).toEqual(['announced'])
    expect(connection.isDisposed).toBe(false)
  })

  test('two notebooks with one kernel: each has a line of its own, and keeps it when the other closes', async () => {
    const { kernel, source, runs, kept } = await following()
    const first = kernel.deliver!
    const connection = new FakeConnection(kernel)
    const second = kernel.deliver!
    kernel.deliver = (id, data) => {
      first(id, data)
      second(id, data)
    }
    connection.handleComms = false // JupyterLab lets one connection of a page have comms.
    const beside = new KernelRuns(connection.typed, { kept, place: 'beside.ipynb' })
    await settle(0)
    const other = beside.sources[0]!
    expect([kernel.comms.size, other === source]).toEqual([5, false]) // The announced one, and two of each.
    kernel.step()
    for (const each of [source, other]) expect(told(each)).toEqual(truth(kernel))
    kernel.answers = ({ request }) => ({ request, ok: true, result: { index: 1 } })
    expect(await Promise.all([source.ask({ type: 'step' }), other.ask({ type: 'step' })])).toHaveLength(2)

    runs.dispose()
    kernel.step()
    expect(source.store.connection.kind).toBe('lost')
    expect(other.store.connection).toEqual({ kind: 'live' })
    expect(told(other)).toEqual(truth(kernel))
    // Each finds its own again after a reload.
    const again = new KernelRuns(connection.typed, { kept, place: 'beside.ipynb' })
    await settle(0)
    expect(kernel.comms.size).toBe(3)
    expect(again.sources[0]!.store.connection).toEqual({ kind: 'live' })
    beside.dispose()
    expect([...kernel.comms.keys()]).toEqual(['announced'])
  })

  test('a notebook beside another learns of the first run, and of a kernel that was started again', async () => {
    const kernel = new FakeKernel()
    const connection = new FakeConnection(kernel)
    connection.handleComms = false
    const runs = new KernelRuns(connection.typed)
    await settle(0)
    expect(runs.sources).toEqual([])
    kernel.step()
    connection.announce()
    await settle(0)
    expect(runs.sources[0]!.store.connection).toEqual({ kind: 'live' })
    connection.restart()
    expect(runs.sources[0]!.store.connection).toEqual({ kind: 'restarted' })
  })

  test('a kernel that was started again', async () => {
    const { kernel, connection, runs, source } = await following()
    kernel.step()
    kernel.answers = () => undefined
    const asked = source.ask({ type: 'step' })
    const failed = expect(asked).rejects.toThrow('started anew')
    connection.restart()
    await failed
    await settle()
    expect(source.store.connection).toEqual({ kind: 'restarted' })
    expect(source.store.line('main')).toHaveLength(1)
    expect(source.cannot('step')).toContain('run the cell')

    // Its cell is run again: the run goes on where its record ends.
    connection.announce()
    await settle(0)
    expect(runs.sources).toEqual([source])
    expect(source.store.connection).toEqual({ kind: 'live' })
    kernel.step()
    expect(told(source)).toEqual(truth(kernel))
  })

  test('another run of that name replaces what is known', async () => {
    const { kernel, connection, source } = await following()
    for (let i = 0; i < 3; i++) kernel.step()
    kernel.note()
    connection.restart()
    const other = new FakeKernel()
    Object.assign(kernel, { points: other.points, events: [], state: { ...kernel.state, runId: 'r8', index: 0 } })
    connection.announce()
    await settle(0)
    expect(told(source)).toEqual(truth(kernel))
    expect(source.store.line('main')).toEqual([])
  })

  test('a run that was expected, and is not there', async () => {
    const { runs } = await following()
    const gone = runs.expect('gone')
    expect(gone.store.connection).toEqual({ kind: 'loading' })
    runs.reconnect()
    await settle(0)
    expect(gone.store.connection).toEqual({ kind: 'closed' })
  })

  test('a kernel that is busy is said to be, until it answers', async () => {
    const { kernel, source } = await following()
    kernel.answers = () => undefined
    void source.ask({ type: 'pause' })
    void source.ask({ type: 'step' })
    await settle(2999)
    expect(source.store.busy).toBeNull()
    await settle(1)
    expect(source.store.busy).toContain('busy')
    const { request } = kernel.asked.find(({ type }) => type === 'pause')!
    const control = [...kernel.comms].find(([, { target }]) => target.includes('control'))![0]
    kernel.reply(control, { request, ok: true, result: kernel.state as never })
    expect(source.store.busy).toBeNull()
  })

  test('answers: what was asked for, the kernel’s words, or that it makes no sense', async () => {
    const { kernel, source } = await following()
    kernel.answers = ({ request }) => ({ request, ok: false, error: 'reading branch x: there is none' })
    await expect(source.ask({ type: 'path', branch: 'x' })).rejects.toThrow('there is none')
    kernel.answers = ({ request }) => ({ request, ok: true, result: { lines: 'many' } })
    await expect(source.ask({ type: 'path', branch: 'x' })).rejects.toThrow('made no sense (lines')
  })

  test('messages that make no sense are left out and said; a run goes on', async () => {
    const { kernel, source } = await following()
    const events = [...kernel.comms].findLast(([, { target }]) => target.includes('events'))![0]
    kernel.deliver!(events, { seq: 5, id: 'people', type: 'points', branch: 'main', from: 0, points: 'all' })
    expect(source.store.trouble).toContain('points')
    kernel.step()
    await settle(0)
    expect(told(source)).toEqual(truth(kernel))
  })

  test('what cannot be asked, in words', async () => {
    const { kernel, source } = await following()
    const cannot = () => (['pause', 'resume', 'step', 'stop', 'rewind', 'fork'] as const).map(t => source.cannot(t))
    expect(cannot()).toEqual([
      ...[null, 'It is running', 'Pause the run first', null],
      ...['No example is done yet', 'No example is done yet'],
    ])
    kernel.step()
    kernel.change({ status: 'paused', stage: null })
    expect(cannot()).toEqual(['Nothing is running', null, null, null, null, null])
    kernel.change({ status: 'finished' })
    expect(cannot()).toEqual([
      ...['Nothing is running', 'All examples are done', 'All examples are done', 'Nothing is running', null, null],
    ])
  })
})

type Op = { do: 'step' | 'speak' | 'note' } | { do: 'rewind'; part: number } | { do: 'lose' }
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('step' as const, 'speak' as const) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'note' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rewind' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'lose' as const }) },
)
const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fate>('comes') },
  { weight: 3, arbitrary: fc.constantFrom<Fate>('lost', 'late', 'twice') },
)

test('whatever is lost, late or comes twice: in the end the page knows what the kernel knows', async () => {
  let [snapshots, lost] = [0, 0]
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 40 }), fc.infiniteStream(fate), async (ops, fates) => {
      const { kernel, connection, source } = await following()
      kernel.fate = () => {
        const { value } = fates.next()
        if (value === 'lost') lost++
        return value
      }
      for (const [i, what] of ops.entries()) {
        if (what.do === 'rewind') kernel.rewind(what.part)
        else if (what.do === 'speak') kernel.speak(`${i} `)
        else if (what.do === 'lose') {
          connection.lose()
          kernel.step()
          connection.regain()
          await settle(0)
        } else kernel[what.do]()
        if (i % 5 === 0) {
          kernel.flush()
          await settle(100)
        }
      }
      // From here on all comes; a last word shows what is missing.
      kernel.fate = () => 'comes'
      kernel.flush()
      kernel.change({})
      await settle()
      expect(told(source)).toEqual(truth(kernel))
      expect(source.store.connection).toEqual({ kind: 'live' })
      snapshots += kernel.asked.filter(({ type }) => type === 'snapshot').length
    }),
    { numRuns: 150 },
  )
  expect(lost).toBeGreaterThan(100)
  console.log(`${lost} messages lost, ${snapshots} snapshots asked for`)
})
