import { describe, expect, test } from 'vitest'
import {
  card,
  cardOf,
  cardText,
  svg,
  type TimelineData,
  timeline,
  timelineOf,
} from '../../../src/report/pictures/index.js'
import { leftAt } from '../../../src/report/pictures/timeline-data.js'
import { processorTime } from '../../helpers/measures.js'
import { recordOf, recordSteps } from '../record.js'
import { sampleSteps } from '../sample.js'

const data = (n: number, about: Partial<TimelineData> = {}): TimelineData => ({
  branch: 'main',
  metric: 'f1',
  outcomes: Array.from({ length: n }, (_, i) => (i % 50 === 7 ? 'failed' : i % 3 ? 'updated' : 'skipped')),
  adapter: { name: 'adapter', scores: Array.from({ length: n }, (_, i) => ((i * 7919) % 101) / 100) },
  baselines: [{ name: 'base', scores: Array.from({ length: n }, () => 0.25) }],
  others: [],
  edits: [],
  probes: [],
  ...about,
})
const drawn = (of: TimelineData) => svg(timeline(of)).text
/** How often the crosses, discs, bars of marks come up. */
const crosses = (text: string) => text.split('m-3.5-3.5l7 7m0-7l-7 7').length - 1
const discs = (text: string) => text.split('h.01').length - 1

describe('timeline', () => {
  test('draws one mark for each example while there is room', () => {
    const text = drawn(data(60))
    // One disc and one cross more are in the legend; mean lines of 60 points have no lone ones.
    expect(discs(text)).toBe(data(60).outcomes.filter(kind => kind === 'updated').length + 1)
    expect(crosses(text)).toBe(2 + 1)
  })

  test('merges marks beyond that, but never failed ones or the lines of edits', () => {
    const many = data(20_000, { edits: [100, 101, 9000] })
    const text = drawn(many)
    expect(crosses(text)).toBe(400 + 1)
    expect(discs(text)).toBeLessThan(6200) // 140 × 44 cells of 5 units
    expect(text.length).toBeLessThan(500_000)
    expect(text.match(/l1-3.2 6-6 2.2 2.2-6 6z/g)).toHaveLength(2 + 1) // of two at one place one pencil, and the legend's
    const hairlines = text.match(/stroke="#9a6700" stroke-opacity="0.7"/g)
    expect(hairlines).toHaveLength(3)
  })

  test('is linear: ten times the examples do not take a hundred times as long', () => {
    const time = (n: number) => {
      const of = data(n)
      return processorTime(() => timeline(of))
    }
    time(10_000)
    // Quadratic would be 100; garbage collection and other work on the machine may double a measurement or two.
    expect(Math.min(time(100_000), time(100_000)) / Math.min(time(10_000), time(10_000))).toBeLessThan(50)
  })

  test('nothing, one example, no score: there is a picture that says so', () => {
    const none = drawn(data(0, { metric: null, outcomes: [], adapter: { name: 'adapter', scores: [] }, baselines: [] }))
    expect(none).toContain('No example was finished.')
    expect(drawn(data(1))).not.toContain('NaN')
    const scoreless = drawn(
      data(3, { metric: null, adapter: { name: 'adapter', scores: [null, null, null] }, baselines: [] }),
    )
    expect(scoreless).toContain('Nothing was scored')
    expect(scoreless).not.toContain('NaN')
  })

  test('text from outside is text, and XML stays well-formed', () => {
    const hostile = '<script>\0\u001b[31m\ud800\u202e"\''
    const text = drawn(data(5, { metric: hostile, baselines: [{ name: hostile, scores: [1, 1, 1, 1, 1] }] }))
    expect(text).toContain('&lt;script&gt;')
    expect(text).not.toMatch(/<script|\p{Cc}(?<!\n)|\p{Cf}|\p{Cs}/u)
  })
})

test('what a timeline draws of a run: its line, edits on it, where others left', () => {
  const swapped = { retrieveLoraFn: 'a', inferenceFn: 'b', finetuneFn: 'c' }
  const record = recordOf(sampleSteps(2, 6).map((step, i) => (i >= 5 ? { ...step, callables: swapped } : step)))
  expect(timelineOf(record)).toMatchObject({ branch: 'main', metric: 'f1', edits: [5], others: [] })
  record.begin({ name: 'b1', parent: 'main', at: 8, skipUpdates: [] })
  record.begin({ name: 'b2', parent: 'b1', at: 3, skipUpdates: [] })
  expect(record.current).toBe('b2')
  // b1 has no example of its own yet; what main has from 3 on is not on b2.
  expect(timelineOf(record)).toMatchObject({ branch: 'b2', edits: [] })
  expect(timelineOf(record).others.map(({ name, at, leaves }) => [name, at, leaves])).toEqual([['main', 3, true]])
  recordSteps(record, sampleSteps(2, 6).slice(8), { name: 'b1', parent: 'main', at: 8, skipUpdates: [] })
  // Up to 8 b1 is drawn as a part of main, which it leaves; b2 is not what it leaves.
  const others = timelineOf(record, { branch: 'b2' }).others
  expect(others.map(({ name, at, leaves }) => [name, at, leaves])).toEqual([
    ['main', 3, true],
    ['b1', 8, false],
  ])
  expect(timelineOf(record, { branch: 'b1' }).edits).toEqual([5, 8]) // Before 8: back to the callables of the sample.
  expect(leftAt(record, 'main', 'b1')).toBe(8)

  const summary = cardOf(record, { branch: 'main', status: 'paused' })
  expect(cardText(summary)).toMatch(
    /^LoRA run \S+: 12 examples, f1 0\.\d\d \(base 0\.\d\d\) [+−]?0\.\d\d \[.*too few to say, 9 updated/,
  )
  expect(svg(card(summary), { ground: true }).text).toContain('width="1400" height="420"')
})
