import { readFileSync } from 'node:fs'
import type { AdapterPair, TimelinePoint } from 'lora-harness/protocol'
import { darkTheme, lightTheme } from 'lora-harness/report'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sampleSteps } from '../../test/report/sample.js'
import { choose, held, onwardOf, panesOf, thinned, ticksOf, useOf } from '../src/model/adapters.js'
import { Latest } from '../src/model/latest.js'
import { pointOf } from './page/sample.js'
import { ALL, chained, pairOf } from './page/weights.js'

const steps = chained(sampleSteps(2, 10), 'main')
const line: TimelinePoint[] = steps.map(pointOf)

describe('which adapters are looked at', () => {
  test('an update: what the example was answered with, and what it left behind', () => {
    expect(choose('update', line, 7, steps[7]!, null)).toEqual({
      ...{ a: steps[7]!.retrievedLora!.identifier, b: steps[7]!.updatedLora!.identifier, other: null },
    })
    expect(choose('update', line, 0, steps[0]!, null)).toMatchObject({ a: null, b: steps[0]!.updatedLora!.identifier })
    expect(choose('update', line, 7, null, null)).toEqual({ why: 'loading' })
    expect(choose('update', line, 5, steps[5]!, null)).toEqual({ why: { kept: 'skipped' } })
  })

  test('in total: against nothing', () => {
    expect(choose('total', line, 5, null, null)).toEqual({ a: null, b: line[5]!.lora, other: null })
    expect(choose('total', [{ ...line[0]!, lora: null }], 0, null, null)).toEqual({ why: 'none' })
  })

  test('against a branch: after the same example, or its last one; nothing to see where they share it', () => {
    const forked = chained(sampleSteps(2, 10), 'other', 6).map(pointOf)
    expect(choose('against', line, 9, null, forked)).toEqual({ a: forked[9]!.lora, b: line[9]!.lora, other: 9 })
    expect(choose('against', line, 9, null, forked.slice(0, 8))).toMatchObject({ a: forked[7]!.lora, other: 7 })
    expect(choose('against', line, 4, null, forked)).toEqual({ why: 'same' })
    expect(choose('against', line, 4, null, null)).toEqual({ why: 'alone' })
    const none = { ...line[0]!, lora: null }
    expect(choose('against', [none], 0, null, [none])).toEqual({ why: 'none' })
    expect(choose('against', line, 4, null, [none])).toMatchObject({ a: null, b: line[4]!.lora })
  })
})

describe('numbers', () => {
  test('use of the rank: medians; modules that are zero do not count', () => {
    const module = { module: 'm', norm: 1, baseNorm: 1, values: [1, 0, 0] }
    const of = [1, 2, 4, 8].map(v => ({ ...module, rank: 8, effectiveRank: v, strongest: 1 / v }))
    expect(useOf(of)).toEqual({ effectiveRank: 3, rank: 8, isBound: false, strongest: 0.375 })
    expect(useOf([{ ...module, rank: 16, effectiveRank: null, strongest: null }])).toEqual({
      ...{ effectiveRank: null, rank: 16, isBound: false, strongest: null },
    })
    // Between two adapters: as many directions as there are values.
    expect(useOf([{ ...module, rank: null, effectiveRank: 1, strongest: 1 }])).toMatchObject({ rank: 3, isBound: true })
    expect(useOf([])).toEqual({ effectiveRank: null, rank: null, isBound: false, strongest: null })
  })

  test('onward: the cosine of the step with what was there before', () => {
    // Vectors in the plane: a = (2, 0), b = (2, 1): the step goes sideways; b = (3, 0) onward; b = (1, 0) back.
    const pair = (a: [number, number], b: [number, number]) => {
      const norms = { a: Math.hypot(...a), b: Math.hypot(...b), change: Math.hypot(b[0] - a[0], b[1] - a[1]) }
      return { norms, cosine: (a[0] * b[0] + a[1] * b[1]) / (norms.a * norms.b) } as AdapterPair
    }
    expect(onwardOf(pair([2, 0], [2, 1]))).toBeCloseTo(0, 12) // Rounding of float64 only.
    expect(onwardOf(pair([2, 0], [3, 0]))).toBe(1)
    expect(onwardOf(pair([2, 0], [1, 0]))).toBe(-1)
    expect(onwardOf(pair([2, 0], [3, 1]))).toBeCloseTo(Math.SQRT1_2, 12)
    expect(onwardOf({ ...pair([2, 0], [3, 0]), cosine: null })).toBeNull()
  })

  test('ticks: up for onward, down for back; the first has no part along', () => {
    const moves = [null, 0.5, -0.25].map((onward, at) => ({ at, step: 2, onward }))
    expect(ticksOf(moves)).toEqual([
      { at: 0, whole: 2, along: 0 },
      { at: 1, whole: 2, along: 1 },
      { at: 2, whole: -2, along: -0.5 },
    ])
    expect(held([null, 1, null, 3])).toEqual([null, 1, 1, 3])
  })

  test('a long line is drawn by its least, greatest and last values', () => {
    const short = [1, null, 3, 2]
    expect(thinned(short, [0, 3], 100)).toEqual({ x: [0, 1, 2, 3], y: short })
    expect(thinned(short, [2, 2], 100)).toEqual({ x: [1, 2, 3], y: [null, 3, 2] })
    const long = Array.from({ length: 20_000 }, (_, i) => (i < 500 ? null : i === 7777 ? 9 : i === 8888 ? -9 : i % 2))
    const { x, y } = thinned(long, [0, 19_999], 300)
    expect(x.length).toBeLessThanOrEqual(900)
    expect(x).toEqual(x.toSorted((a, b) => a - b))
    expect([x[y.indexOf(9)], x[y.indexOf(-9)], x.at(-1)]).toEqual([7777, 8888, 19_999])
    expect(y).toEqual(x.map(i => long[i]))
    // Zoomed in, every value is there again.
    expect(thinned(long, [7700, 7800], 300).x).toEqual(Array.from({ length: 103 }, (_, i) => 7699 + i))
  })

  test('heat maps: what is compared has one scale and the same rows and columns', () => {
    const pair = pairOf('aaaaaa', 'bbbbbb')
    pair.modules.a = pair.modules.a.filter(({ module }) => !module.endsWith('q_proj'))
    const { panes, most } = panesOf('against', pair)
    expect(panes.map(({ kind }) => kind)).toEqual(['b', 'a', 'change'])
    for (const { grid } of panes) expect([grid.layers.length, grid.kinds.length]).toEqual([30, 7])
    expect(panes[1]!.grid.cells[3]![0]).toBeNull()
    expect(panes[0]!.grid.cells[3]![0]).toMatchObject({ module: ALL[21] })
    expect(most).toBe(Math.max(...panes.map(({ grid }) => grid.most)))
    expect(panesOf('total', pair).panes.map(({ kind }) => kind)).toEqual(['b'])
    expect(panesOf('update', pair).panes.map(({ kind }) => kind)).toEqual(['change'])
  })
})

describe('questions to a kernel', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('one is on its way at a time; then the last that was wanted; what is known is not asked again', async () => {
    const latest = new Latest<string>(8)
    const asked: string[] = []
    const ask = (key: string) => async () => {
      asked.push(key)
      await new Promise(resolve => setTimeout(resolve, 300))
      return key.toUpperCase()
    }
    for (const key of ['a', 'b', 'c', 'd']) latest.want(key, ask(key))
    expect(asked).toEqual(['a'])
    await vi.advanceTimersByTimeAsync(300)
    expect(latest.get('a')).toEqual({ value: 'A' })
    expect(asked).toEqual(['a', 'd'])
    latest.want('d', ask('d'))
    latest.want('a', ask('a'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(asked).toEqual(['a', 'd'])
  })

  test('while a run goes on, questions take a tenth of the kernel; a person does not wait', async () => {
    const latest = new Latest<number>(8)
    let asked = 0
    const ask = async () => {
      await new Promise(resolve => setTimeout(resolve, 100))
      return asked++
    }
    for (let ms = 0; ms < 9_900; ms += 20) {
      latest.want(`at ${ms}`, ask, { patient: true })
      await vi.advanceTimersByTimeAsync(20)
    }
    expect(asked).toBe(10)
    latest.want('picked', ask)
    await vi.advanceTimersByTimeAsync(200)
    expect(latest.get('picked')).toEqual({ value: 10 })
  })

  test('keeps why there is no answer, and asks again when that is forgotten', async () => {
    const latest = new Latest<number>(2)
    const told = vi.fn()
    latest.subscribe(told)
    latest.want('a', () => Promise.reject(new Error('adapter 12ab has no files')))
    await vi.advanceTimersByTimeAsync(0)
    expect(latest.get('a')).toEqual({ error: 'adapter 12ab has no files' })
    latest.forget('a')
    latest.want('a', async () => 1)
    await vi.advanceTimersByTimeAsync(0)
    expect(latest.get('a')).toEqual({ value: 1 })
    expect(told).toHaveBeenCalledTimes(3)
  })
})

test('heat maps have the report’s colours, the most being the furthest from the ground', () => {
  const css = readFileSync(new URL('../style/adapter.css', import.meta.url), 'utf8')
  const ramps = [...css.matchAll(/--lh-heat: (.+);/g)].map(([, list]) => list!.split(', '))
  const rampOf = (theme: string) => [...theme.matchAll(/--heat-\d+:(#[0-9a-f]{6})/g)].map(([, colour]) => colour)
  expect(ramps).toEqual([rampOf(lightTheme), rampOf(darkTheme)])
})
