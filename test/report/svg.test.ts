import { describe, expect, test } from 'vitest'
import { renderChart, ticks } from '../../src/report/svg.js'

const chart = (about: Partial<Parameters<typeof renderChart>[0]>) =>
  renderChart({ title: 't', xLabel: 'example', yLabel: 'f1', lines: [], ...about }).text

describe('ticks', () => {
  test.each([
    [0, 1, 5, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [1, 3, 8, 1, [1, 2, 3]],
    [1, 1, 8, 1, [1]],
    [1, 112, 8, 1, [20, 40, 60, 80, 100]],
    [-1, 10, 5, 0, [0, 5, 10]],
  ])('%d to %d', (low, high, wanted, least, expected) => {
    const found = ticks(low, high, wanted, least)
    expect(found).toHaveLength(expected.length)
    // Multiples of 0.2 are off by a rounding error.
    found.forEach((tick, i) => void expect(tick).toBeCloseTo(expected[i]!, 12))
  })
})

describe('renderChart', () => {
  test('a line leaves a gap where there is no value; a lone value is a dot', () => {
    const svg = chart({ lines: [{ name: 'a', values: [0, 1, null, 0.5] }] })
    expect(svg).toContain('d="M46 222L267.33 12M710 117h0"')
  })

  test('axes widen for scores outside 0..1', () => {
    const svg = chart({ lines: [{ name: 'a', values: [-2, 8] }] })
    expect(svg).toContain('d="M46 222L710 12"')
    expect(svg).toMatch(/>-2<.*>8</s)
  })

  test('labels never cover each other', () => {
    const lines = ['a', 'b', 'c'].map(name => ({ name, values: [0.5, 0.5] }))
    const ys = [...chart({ lines }).matchAll(/class="label[^"]*" x="[\d.]+" y="([\d.]+)"/g)].map(found =>
      Number(found[1]),
    )
    expect(ys[1]! - ys[0]!).toBe(15)
    expect(ys[2]! - ys[1]!).toBe(15)
  })

  test('outcomes differ by shape; many marks in one place are drawn once, failed ones never merged', () => {
    const marks = Array.from({ length: 3000 }, (_, index) => ({
      index,
      value: 0,
      outcome: index % 1000 === 0 ? ('failed' as const) : index % 2 ? ('updated' as const) : ('skipped' as const),
      title: 'x',
    }))
    const svg = chart({ lines: [{ name: 'a', values: Array(3000).fill(0) }], marks })
    expect(svg.match(/class="mark failed"/g)).toHaveLength(3)
    expect(svg.match(/class="mark/g)!.length).toBeLessThan(400)
    const shapes = ['updated', 'skipped', 'failed'].map(
      kind => svg.match(new RegExp(`mark ${kind}"[^>]* d="([^"]+)"`))![1],
    )
    expect(new Set(shapes).size).toBe(3)
    expect(svg.lastIndexOf('mark updated')).toBeLessThan(svg.indexOf('mark failed'))
  })

  test('an empty chart and one value are charts', () => {
    expect(chart({ lines: [{ name: 'a', values: [] }] })).not.toContain('NaN')
    expect(chart({ lines: [{ name: 'a', values: [1] }] })).not.toContain('NaN')
  })
})
