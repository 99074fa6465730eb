import { nullTranslator } from '@jupyterlab/translation'
import type { RunState, TimelinePoint } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import { COMMANDS, type Desk, perform } from '../src/model/commands.js'
import { noticesOf } from '../src/model/notices.js'
import { Rate } from '../src/model/rate.js'
import { doingOf, stageOf } from '../src/model/status.js'
import { freeName, leave, whyNot } from '../src/model/steer.js'
import { View } from '../src/model/view.js'
import { durationOf, secondsOf } from '../src/model/words.js'
import { FakeSource, pointOf, sample, stateOf } from './page/sample.js'

const trans = nullTranslator.load('')
const NOW = 1_000_000

/** A panel without a page. */
function desk(state: Partial<RunState> = {}, { examples = 12, fork }: { examples?: number; fork?: number } = {}) {
  const source = new FakeSource(sample(examples, fork), tell => tell())
  source.store.apply({ type: 'state', state: stateOf({ index: examples, status: 'paused', ...state }) })
  const copied: string[] = []
  const copy = async (text: string) => void copied.push(text)
  const all: Desk = { source, view: new View(), trans, focus: () => {}, copy, address: 'http://here/lab' }
  return { ...all, source, copied }
}
const notices = ({ source, view }: Desk) => noticesOf(source, view.state, NOW, trans)
const append = ({ source: { store } }: Desk, about: Partial<TimelinePoint>) => {
  const from = store.line(store.current).length
  const point = { ...pointOf(sample(4).steps[0]!), index: from, ...about }
  store.apply({ type: 'points', branch: store.current, from, points: [point] })
}

describe('what can be asked of a run', () => {
  test.each([
    ['running', ['pause', 'stop', 'rewind', 'fork']],
    ['pausing', ['resume', 'stop', 'rewind', 'fork']],
    ['paused', ['resume', 'step', 'stop', 'rewind', 'fork']],
    ['idle', ['resume', 'step', 'rewind', 'fork']],
    ['failed', ['resume', 'step', 'rewind', 'fork']],
    ['finished', ['rewind', 'fork']],
  ] as const)('%s: %s', (status, can) => {
    const it = desk({ status })
    const all = ['pause', 'resume', 'step', 'stop', 'rewind', 'fork'] as const
    expect(all.filter(type => whyNot(it, type) === null)).toEqual(can)
  })

  test('the reason is the source’s, else the state’s', () => {
    const it = desk({ status: 'running' })
    expect(whyNot(it, 'step')).toBe('Pause first: example #12 is being worked on')
    it.source.reasons.step = 'this is a saved run'
    expect(whyNot(it, 'step')).toBe('this is a saved run')
    const forked = desk({}, { fork: 8 })
    forked.view.select(10, { branch: 'main' })
    expect(whyNot(forked, 'rewind')).toBe('Example #10 is on branch main; the run works on main-2')
    forked.view.select(7, { branch: 'main' })
    expect(whyNot(forked, 'rewind')).toBeNull()
  })

  test('a command that cannot be done says why', () => {
    const it = desk({ status: 'running' })
    perform('step', it)
    expect(it.view.state.said).toEqual({ kind: 'info', text: 'Step: Pause first: example #12 is being worked on.' })
    expect(it.source.asked).toEqual([])
  })

  test('a command that fails shows its error, and can be asked again', async () => {
    const it = desk({ status: 'running' })
    it.source.answers.pause = () => {
      throw new Error('the kernel said no')
    }
    await perform('pause', it)
    expect(it.view.state).toMatchObject({ asking: [], said: { kind: 'error', text: 'the kernel said no' } })
    expect(whyNot(it, 'pause')).toBeNull()
  })

  test('pausing is said at once', () => {
    const it = desk({ status: 'running' })
    it.source.answers.pause = () => new Promise<RunState>(() => {})
    expect(COMMANDS.pause.words(trans, it)).toBe('Pause')
    void perform('pause', it)
    expect(COMMANDS.pause.words(trans, it)).toBe('Pausing after #12…')
    expect(whyNot(it, 'pause')).toBe('Asked already; the kernel has not answered yet')
  })

  test('rewind, retrain and fork leave where a person thinks they do', async () => {
    const it = desk()
    Object.assign(it.source.answers, {
      ...{ rewind: () => stateOf(), step: () => ({ index: 5 }), fork: () => ({ id: 'people@f' }) },
    })
    expect(freeName(it)).toBe('main-2')
    await leave(it, 'rewind', 5, 'a')
    await leave(it, 'retrain', 5, 'b')
    await leave(it, 'fork', 5, 'f')
    expect(it.source.asked).toEqual([
      { type: 'rewind', at: 6, name: 'a' },
      { type: 'rewind', at: 5, name: 'b' },
      { type: 'step' },
      { type: 'fork', at: 6, name: 'f' },
    ])
    expect(it.view.state.said).toMatchObject({ run: 'people@f' })
  })

  test('a link holds words and a place', async () => {
    const it = desk()
    it.view.select(4, { tab: 'update' })
    await perform('link', it)
    expect(it.copied).toEqual([
      'LoRA run r7, branch main, example #4: updated, f1 0.40\nhttp://here/lab#lora=r7/main/4/update',
    ])
  })
})

describe('what a person should know', () => {
  const names = (it: Desk) => notices(it).map(({ name }) => name.split(' ')[0])

  test('nothing, while all is well', () => {
    expect(notices(desk({ status: 'running' }))).toEqual([])
  })

  test('the connection', () => {
    const it = desk()
    it.source.store.set({ connection: { kind: 'lost', since: NOW - 14_000 } })
    expect(notices(it)).toMatchObject([
      { text: 'Connection to the kernel lost 14 s ago. Showing up to #11; the run may be going on.', lasting: true },
    ])
    expect(notices(it)[0]!.actions).toEqual([{ words: 'Reconnect now', do: 'reconnect' }])
    it.source.store.set({ connection: { kind: 'restarted' } })
    expect(notices(it)[0]!.text).toBe('The kernel restarted; this run stopped at #11. What was recorded is shown.')
    it.source.store.apply({ type: 'state', state: stateOf({ index: 20_000 }) })
    it.source.store.set({ connection: { kind: 'loading' } })
    expect(notices(it)[0]!.text).toBe('Loading earlier examples… 12 of 20,000.')
  })

  test('an empty run, a failed run, a busy kernel', () => {
    const empty = desk({ status: 'running', index: 0 }, { examples: 0 })
    empty.source.store.since = NOW - 12_000
    expect(notices(empty)[0]!.text).toBe('Loading the model (12 s). The first example starts when it is ready.')
    empty.source.store.apply({ type: 'state', state: { ...empty.source.store.state!, stage: 'infer' } })
    expect(empty.source.store.since).toBeGreaterThan(NOW) // By the clock: another stage began.
    expect(notices(empty)[0]!.text).toBe('The first example is being worked on (0 s).')
    expect(names(desk({ status: 'idle', index: 0 }, { examples: 0 }))).toEqual(['empty'])
    expect(notices(desk({ status: 'failed', error: 'no memory' }))[0]!.text).toMatch(
      /^The run failed at #12: no memory /,
    )
    const busy = desk({ status: 'running' })
    busy.view.set({ asking: [{ type: 'pause', since: NOW - 3000 }] })
    expect(notices(busy)[0]!.text).toBe('The kernel is busy. Pause takes effect after this example.')
    busy.view.set({ asking: [{ type: 'pause', since: NOW - 1000 }] })
    expect(notices(busy)).toEqual([])
  })

  test('a failure is news for a few examples, and can be put away', () => {
    const it = desk({ status: 'running' })
    append(it, { outcome: 'failed' })
    expect(names(it)).toEqual(['failed'])
    it.view.set({ dismissed: [notices(it)[0]!.name] })
    expect(names(it)).toEqual([])
    it.view.set({ dismissed: [] })
    for (let i = 0; i < 5; i++) append(it, {})
    expect(names(it)).toEqual([])
  })

  test('a loss that is no number', () => {
    const it = desk({ status: 'running' })
    append(it, { losses: [2.3, 2.1, null as unknown as number] }) // As JSON carries NaN.
    expect(notices(it)[0]!.text).toBe('Loss became NaN at step 3 of #12. A lower learning rate may help.')
  })
})

describe('the status line', () => {
  test('a run that its notebook closed is told from a kernel that restarted', () => {
    const it = desk({ status: 'idle' })
    it.source.store.apply({ type: 'closed' })
    expect(doingOf(it.source.store, trans)).toEqual(['stored', 'closed'])
    expect(notices(it).map(({ text }) => text)).toEqual([
      'This run was closed after #11; what was read of it is shown. Run the cell that opens it to go on.',
    ])
  })

  test('what the run is doing', () => {
    const { store } = desk({ status: 'running', stage: 'infer' }).source
    expect(doingOf(store, trans)).toEqual(['running', 'running'])
    expect(stageOf(store, trans)).toBe('#12: generating')
    store.set({ connection: { kind: 'lost', since: 0 } })
    expect(doingOf(store, trans)[0]).toBe('lost')
    expect(stageOf(store, trans)).toBeNull()
  })

  test('the rate is of examples that came one by one', () => {
    const rate = new Rate()
    rate.note(400, 0, true)
    rate.note(401, 3000, true)
    expect(rate.each).toBeNull()
    rate.note(402, 6100, true)
    expect(rate.each).toBe(3050)
    rate.note(402, 7000, true) // Drawn again, nothing came.
    expect(rate.each).toBe(3050)
    rate.note(1402, 8000, true) // A snapshot.
    expect(rate.each).toBeNull()
    for (let i = 1; i < 30; i++) rate.note(1402 + i, 8000 + i * 10, true)
    expect(rate.each).toBe(10)
    rate.note(1431, 9000, false)
    expect(rate.each).toBeNull()
  })

  test('times in words', () => {
    expect([0, 40_000, 12 * 60_000, 4_920_000, 3_599_999].map(durationOf)).toEqual([
      '0 s',
      '40 s',
      '12 min',
      '1 h 22',
      '1 h 00',
    ])
    expect([310, 3100, 31_000].map(secondsOf)).toEqual(['0.31', '3.1', '31'])
  })
})
