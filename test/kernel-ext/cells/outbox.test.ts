import { expect, test } from 'vitest'
import { outbox } from '../../../kernel-ext/src/cells/outbox.js'
import type { EventMessage, RunState, TimelinePoint } from '../../../src/protocol/index.js'

const point = (index: number): TimelinePoint => ({
  ...{ index, key: `toy/train/${index}`, chatId: 'a', metrics: { f1: 0.5 }, losses: [2, 1], targetLoss: null },
  ...{ outcome: 'updated', baselines: {}, finetuneFn: 'f'.repeat(64), lora: 'a'.repeat(64) },
})
const state = (index: number) => ({ status: 'running', index }) as RunState
/** Lets what is due leave. */
const turn = () => new Promise(resolve => setTimeout(resolve, 5))

test('a front that never reads: what waits is the points themselves, one text and one state', async () => {
  let read = () => {}
  const got: EventMessage[] = []
  const out = outbox(async message => {
    await new Promise<void>(resolve => {
      read = resolve
    })
    got.push(message)
  }, 0)
  out.push('r', { type: 'state', state: state(0) })
  await turn()
  // The run's own points: what is told of them may not be copies.
  const points = Array.from({ length: 20_000 }, (_, i) => point(i))
  const from = performance.now()
  for (const [i, each] of points.entries()) {
    for (let k = 0; k < 20; k++) out.push('r', { type: 'token', index: i, from: 5 * k, text: 'word ' })
    out.push('r', { type: 'points', branch: 'main', from: i, points: [each] })
    out.push('r', { type: 'state', state: state(i + 1) })
  }
  for (let k = 0; k < 3; k++) out.push('r', { type: 'token', index: 20_000, from: 5 * k, text: 'word ' })
  const spent = performance.now() - from
  expect(got).toEqual([])
  while (!got.some(message => message.type === 'state' && message.state.index === 20_000)) {
    read()
    await turn()
  }
  const parts = got.flatMap(message => (message.type === 'points' ? [message] : []))
  expect(parts.flatMap(({ points }) => points).every((each, i) => each === points[i])).toBe(true)
  expect(got.filter(({ type }) => type === 'token')).toMatchObject([
    { index: 20_000, from: 0, text: 'word word word ' },
  ])
  // 100 parts of 200 points, the state that was on its way, the text, the last state.
  expect(got).toHaveLength(103)
  const events = 22 * points.length
  const bytes = JSON.stringify(parts[0]).length / 200
  console.log(`${((1e3 * spent) / events).toFixed(2)} µs an event told to a front, ${bytes.toFixed(0)} bytes a point`)
  // Some hundred times what it takes: a slow machine is none of our business.
  expect((1e3 * spent) / events).toBeLessThan(100)
}, 60_000)

test('a snapshot begins with the state; what comes again replaces what has its place', async () => {
  const got: EventMessage[] = []
  const out = outbox(async message => void got.push(message))
  const event = (n: number) => ({ type: 'swap', branch: 'main', index: n, time: 't' })
  out.push('r', { type: 'event', n: 0, event: event(0) })
  out.push('r', { type: 'token', index: 3, from: 6, text: 'told' })
  out.push('r', { type: 'branches', branches: [], current: 'main' })
  out.push('r', { type: 'points', branch: 'main', from: 0, points: [point(0), point(1)] })
  for (const n of [0, 1]) out.push('r', { type: 'event', n, event: event(n) })
  out.push('r', { type: 'token', index: 3, from: 0, text: 'whole told' })
  out.push('r', { type: 'state', state: state(3) })
  out.push('r', { type: 'ready' })
  out.push('r', { type: 'token', index: 3, from: 10, text: ' more' })
  await expect.poll(() => got.map(({ type }) => type)).toContain('ready')
  expect(got.map(({ type }) => type)).toEqual(['state', 'branches', 'points', 'event', 'event', 'token', 'ready'])
  expect(got.find(({ type }) => type === 'token')).toMatchObject({ from: 0, text: 'whole told more' })
  expect(got.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6])
})
