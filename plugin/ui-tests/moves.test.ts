import type { Branch, RunEvent, TimelinePoint } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import type { Texts } from '../src/model/details.js'
import {
  followLive,
  nextExample,
  nextInLane,
  nextLane,
  nextMark,
  nextNotable,
  pick,
  rangeOf,
  toEnd,
  zoomAll,
  zoomBack,
  zoomIn,
  zoomOut,
  zoomTo,
} from '../src/model/moves.js'
import { indexOf, marksOf, partsOf } from '../src/model/shown.js'
import { RunStore } from '../src/model/store.js'
import { FIRST_VIEW, type ViewState } from '../src/model/view.js'

const pointOf = (index: number, about: Partial<TimelinePoint> = {}): TimelinePoint => ({
  ...{ index, key: `k/${index}`, chatId: 'ab'[index % 2]!, metrics: { f1: 0 }, baselines: { base: { f1: 0 } } },
  ...{ losses: [], targetLoss: null, outcome: 'updated', finetuneFn: 'c', lora: null },
  ...about,
})
const branchOf = (name: string, parent: string | null, at: number): Branch => ({ name, parent, at, skipUpdates: [] })
const swap = (branch: string, index: number): RunEvent => ({ type: 'swap', branch, index, time: '' })

/** A run of `examples`; 5 failed, 8 is better than the baseline. */
function runOf(examples: number, branches: Branch[] = [branchOf('main', null, 0)], events: RunEvent[] = []): RunStore {
  const run = new RunStore('r')
  run.apply({ type: 'branches', branches, current: branches.at(-1)!.name })
  for (const { name, at } of branches) {
    const points = Array.from({ length: examples - at }, (_, i) =>
      pointOf(at + i, at + i === 5 ? { outcome: 'failed' } : at + i === 8 ? { metrics: { f1: 1 } } : {}),
    )
    run.apply({ type: 'points', branch: name, from: at, points })
  }
  for (const [n, event] of events.entries()) run.apply({ type: 'event', n, event })
  return run
}
const view = (about: Partial<ViewState> = {}): ViewState => ({ ...FIRST_VIEW, follow: false, ...about })

describe('moves along a run', () => {
  test('step to the next example, and no further than the ends', () => {
    const run = runOf(10)
    expect(nextExample(run, view({ index: 3 }), 1)).toEqual({ index: 4, follow: false })
    expect(nextExample(run, view({ index: 0 }), -1)).toBeNull()
    expect(nextExample(run, view({ index: 9 }), 1)).toBeNull()
    expect(toEnd(run, view({ index: 4 }), 1)).toMatchObject({ index: 9 })
    expect(toEnd(run, view({ index: 4 }), -1)).toMatchObject({ index: 0 })
    expect(nextExample(runOf(0), view(), 1)).toBeNull()
  })

  test('pass over what the filters hide: texts, tags and what differs from the baseline', () => {
    const run = runOf(10)
    const texts = (index: number, response: string, same: boolean): Texts => ({
      ...{ question: `what is ${index}`, response, reference: '', reason: '' },
      baselines: new Map([['base', { response: '', same }]]),
    })
    run.texts = ({ index }) =>
      index < 9 ? texts(index, index % 3 === 0 ? 'green tea' : 'black', index !== 6) : undefined
    const from = (about: Partial<ViewState>) => nextExample(run, view({ index: 1, ...about }), 1)?.index
    expect(from({ search: 'TEA' })).toBe(3)
    expect(from({ search: 'k/9' })).toBe(9) // Its name is known without its texts.
    expect(from({ search: 'tea what', onlyDifferent: true })).toBe(6)
    run.apply({ type: 'event', n: 0, event: { ...swap('main', 4), type: 'annotation', tags: ['odd'], note: '' } })
    expect(from({ tag: 'odd' })).toBe(4)
    expect(from({ tag: 'odd', search: 'tea' })).toBeUndefined()
    expect(toEnd(run, view({ search: 'tea' }), 1)).toMatchObject({ index: 6 })
  })

  test('from the newest, while it is followed, and then hold', () => {
    const run = runOf(10)
    expect(indexOf(run, view(followLive()))).toBe(9)
    expect(nextExample(run, view({ follow: true }), -1)).toEqual({ index: 8, follow: false })
  })

  test('pass over what the filters hide', () => {
    const run = runOf(10)
    const shown = view({ index: 4, outcomes: ['updated'] })
    expect(nextExample(run, shown, 1)).toMatchObject({ index: 6 })
    expect(nextExample(run, view({ index: 4, chat: 'a' }), 1)).toMatchObject({ index: 6 })
    expect(nextExample(run, view({ index: 0, onlyWorse: true }), 1)).toBeNull()
  })

  test('find what failed or changed', () => {
    const run = runOf(10)
    expect(nextNotable(run, view({ index: 0 }), 1)).toMatchObject({ index: 5 })
    expect(nextNotable(run, view({ index: 5 }), 1)).toMatchObject({ index: 8 })
    expect(nextNotable(run, view({ index: 8 }), 1)).toBeNull()
    expect(nextNotable(run, view({ follow: true }), -1)).toMatchObject({ index: 8 })
  })

  test('find edits and forks of the line, which has those of its parents before it left', () => {
    const branches = [branchOf('main', null, 0), branchOf('two', 'main', 6), branchOf('three', 'main', 4)]
    const run = runOf(10, branches, [swap('main', 2), swap('main', 7), swap('two', 8)])
    expect(marksOf(run, 'two')).toEqual([
      { kind: 'edit', index: 2, n: 1 },
      { kind: 'fork', index: 4, branch: 'three' },
      { kind: 'fork', index: 6, branch: 'two' },
      { kind: 'edit', index: 8, n: 3 },
    ])
    expect(partsOf(branches, 'two')).toEqual([
      { name: 'main', end: 6 },
      { name: 'two', end: Number.POSITIVE_INFINITY },
    ])
    const at = (index: number) => view({ branch: 'two', index })
    expect(nextMark(run, at(2), 1)).toMatchObject({ index: 4 })
    expect(nextMark(run, at(8), 1)).toBeNull()
    expect(nextMark(run, at(8), -1)).toMatchObject({ index: 6 })
  })

  test('keep to a chat, or go to the next one at the same time', () => {
    const run = runOf(10)
    expect(nextInLane(run, view({ index: 3 }), 1)).toMatchObject({ index: 5 })
    expect(nextLane(run, view({ index: 4 }), 1)).toMatchObject({ index: 5 })
    expect(nextLane(run, view({ index: 4 }), -1)).toBeNull()
    expect(nextLane(run, view({ index: 9 }), -1)).toMatchObject({ index: 8 })
  })
})

describe('ranges of the timeline', () => {
  test('hold the examples and room for some more, no more than there will be', () => {
    expect(rangeOf(runOf(3), view())).toEqual([0, 39])
    const [, last] = rangeOf(runOf(500), view())
    expect(last).toBeGreaterThanOrEqual(499)
    expect(last).toBeLessThan(500 * 1.125 + 8)
  })

  test('halve about what is looked at, double back, and go back range by range', () => {
    const run = runOf(40)
    const once = view(zoomIn(run, view({ index: 10 })))
    expect(once.zoom).toEqual([[5, 25]])
    const twice = { ...once, ...zoomIn(run, once) }
    expect(twice.zoom).toEqual([
      [5, 25],
      [8, 18],
    ])
    expect(zoomBack(run, twice)).toMatchObject({ zoom: [[5, 25]] })
    expect(zoomAll(twice)).toEqual({ zoom: [] })
    // A range as wide is no step on the way back.
    expect(zoomOut(run, twice)).toMatchObject({ zoom: [[6, 26]] })
    expect(zoomOut(run, view())).toBeNull()
    expect(zoomTo(run, view(), -5, 99)).toMatchObject({ zoom: [] })
    expect(zoomTo(run, view(), 38, 39)).toMatchObject({ zoom: [[32, 39]] })
  })

  test('stay while examples come, unless the newest is followed', () => {
    const run = runOf(100)
    const zoomed = { ...view(), ...zoomTo(run, view(), 60, 99) }
    const follows = { ...zoomed, ...followLive() }
    run.apply({ type: 'points', branch: 'main', from: 100, points: [pointOf(100)] })
    expect(rangeOf(run, zoomed)).toEqual([60, 99])
    // By an eighth, so that not every example moves it.
    expect(rangeOf(run, follows)).toEqual([65, 104])
  })

  test('go where an example is picked that they do not hold', () => {
    const run = runOf(100)
    const zoomed = { ...view(), ...zoomTo(run, view(), 60, 79) }
    expect(pick(run, zoomed, 70)).toEqual({ index: 70, follow: false })
    expect(pick(run, zoomed, 20)).toMatchObject({ index: 20, zoom: [[11, 30]] })
  })
})
