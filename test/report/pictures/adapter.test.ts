import { describe, expect, test } from 'vitest'
import { cosines, directions, spectraAxes, svg, way, where } from '../../../src/report/pictures/index.js'
import { inOrder, kindNames, placeOf } from '../../../src/report/pictures/modules.js'
import { endLabels, line, scale, ticks } from '../../../src/report/pictures/scale.js'

const module = (layer: number, kind: string, norm: number, baseNorm: number | null) => ({
  module: `model.layers.${layer}.${kind}`,
  norm,
  baseNorm,
  rank: 8,
  effectiveRank: 4,
  strongest: 0.5,
})

describe('modules', () => {
  test('a module has a layer and a kind, whose short name tells it apart', () => {
    expect(placeOf('model.layers.3.self_attn.q_proj')).toEqual({ layer: 3, kind: 'model.layers.self_attn.q_proj' })
    expect(placeOf('lm_head')).toEqual({ layer: null, kind: 'lm_head' })
    const kinds = ['l.mlp.down_proj', 'l.self_attn.q_proj', 'l.cross.k_proj', 'l.self_attn.k_proj', 'l.mlp.odd']
    expect([...kindNames(kinds).values()]).toEqual(['down', 'q', 'cross.k_proj', 'self_attn.k_proj', 'odd'])
    expect(inOrder(['l.mlp.odd', 'l.mlp.down_proj', 'l.attn.q_proj'])).toEqual([
      'l.attn.q_proj',
      'l.mlp.down_proj',
      'l.mlp.odd',
    ])
  })
})

describe('where', () => {
  const modules = [
    module(0, 'self_attn.q_proj', 1, 100),
    module(1, 'self_attn.q_proj', 4, 100),
    module(1, 'mlp.up_proj', 0, 100),
  ]
  const base = new Map(
    ['0.self_attn.q_proj', '1.self_attn.q_proj', '0.mlp.up_proj', '1.mlp.up_proj'].map(m => [`model.layers.${m}`, 100]),
  )

  test('colours by the square root: a quarter of the largest is half way up; zero has no colour', () => {
    const text = svg(where(modules, { base })).text
    const cells = [...text.matchAll(/<rect [^>]*height="(?:25|2[0-9])[^>]*class="((?:heat|fill-ground)[^"]*)"/g)].map(
      found => found[1],
    )
    expect(cells).toEqual(['heat-6', 'heat-11', 'fill-ground stroke-rule'])
  })

  test('says what the base model has and the adapter has not, by hatching', () => {
    const hatched = (of: string) => [...of.matchAll(/<path d="(?:M[\d. ]+L[\d. ]+)+" class="stroke-rule"/g)].length
    expect(hatched(svg(where(modules, { base })).text)).toBe(1 + 1) // One cell, and the legend's.
    // All that is known then are the adapter's own modules: the grid's free cell has none either.
    expect(hatched(svg(where(modules.map(m => ({ ...m, baseNorm: null })))).text)).toBe(1 + 1)
  })

  test('is in parts of the base weights only if all are known', () => {
    expect(svg(where(modules, { base })).text).toMatch(/>4 %<.*‖ΔW‖\/‖W₀‖/s)
    const absolute = svg(where([...modules.slice(1), module(0, 'mlp.up_proj', 2, null)])).text
    expect(absolute).toMatch(/>4<.*>‖ΔW‖</s)
    expect(absolute).not.toContain(' %')
  })

  test('an adapter of nothing, of one module without a layer, of 200 layers', () => {
    for (const of of [
      [],
      [{ module: 'lm_head', norm: 1, baseNorm: null }],
      Array.from({ length: 200 }, (_, i) => module(i, 'q', i, 1)),
    ])
      expect(svg(where(of)).text).not.toMatch(/NaN|Infinity|="-/)
  })
})

test('directions: a dot for each module on the track from 1 to r', () => {
  const text = svg(
    directions([module(0, 'q_proj', 1, 1), { ...module(1, 'q_proj', 1, 1), effectiveRank: null, strongest: null }]),
  ).text
  expect(text).toContain('1 to r = 8')
  expect(text.match(/h\.01/g)).toHaveLength(2) // One dot on each of the two tracks.
})

describe('spectra', () => {
  const of = (after: number[], before: number[] | null = null) => ({
    module: 'model.layers.3.mlp.up_proj',
    after,
    before,
    other: null,
  })
  const heights = (d: string) => [...d.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(found => Number(found[1]))

  test('a tenth is as far down everywhere; modules share their axes', () => {
    const { linesOf } = spectraAxes([of([1, 0.1, 0.01]), of([0.1])])
    const [one, tenth, hundredth] = heights(linesOf(of([1, 0.1, 0.01])).after)
    expect(tenth! - one!).toBeCloseTo(hundredth! - tenth!, 1)
    expect(heights(linesOf(of([0.1])).after)).toEqual([tenth])
    expect(linesOf(of([0.1])).after).toContain('h.01') // A lone value is a dot.
    expect(linesOf(of([1])).before).toBe('')
  })

  test('the picture has a line for each of its names, with its values; none for what is not there', () => {
    const text = svg(
      spectraAxes([of([2, 1], [1, 0.5])]).picture(of([2, 1], [1, 0.5]), { after: 'after #3', before: 'before #3' }),
    ).text
    expect([...text.matchAll(/data-line="(\w+)" d="M/g)].map(found => found[1])).toEqual(['before', 'after'])
    expect(text).toContain('before #3')
  })

  test('zeros, nothing, one value', () => {
    for (const values of [[], [0, 0], [3], [1, 1e-30]])
      expect(svg(spectraAxes([of(values)]).picture(of(values), { after: 'a' })).text).not.toMatch(/NaN|Infinity/)
  })

  test('cells of a heat map carry the numbers of their modules, and say what they are', () => {
    const modules = [module(0, 'q_proj', 1, 100), module(1, 'q_proj', 4, 100)]
    const text = svg(where(modules, { numbers: new Map([[modules[1]!.module, 7]]) })).text
    expect([...text.matchAll(/data-module="(\d+)"><title>([^<]*)</g)].map(found => found.slice(1))).toEqual([
      ['7', 'layer 1, layers.q_proj: 4 %'],
    ])
  })
})

test('way: a tick as long as the step, its solid part as long as what goes on or back', () => {
  const scores = { branch: 'main', metric: null, outcomes: [], baselines: [], others: [], edits: [], probes: [] }
  const text = svg(
    way(
      {
        updates: 3,
        lines: [{ name: 'adapter', norms: [1, null, 2] }],
        moves: [
          { at: 0, step: 2, onward: null },
          { at: 1, step: 2, onward: -0.5 },
          { at: 2, step: 1, onward: 0.5 },
        ],
      },
      { ...scores, adapter: { name: 'adapter', scores: [null, null, null] } },
    ),
  ).text
  const [whole, up, down] = [
    ...text.matchAll(/<path d="((?:M[\d.]+ [\d.]+V[\d.]+)+)" class="stroke-(?:quiet|updated|failed)"/g),
  ].map(found => [...found[1]!.matchAll(/ ([\d.]+)V([\d.]+)/g)].map(tick => Number(tick[1]) - Number(tick[2])))
  const unit = whole![0]! / 2
  // Drawn to a tenth of a unit.
  const near = (found: number[], wanted: number[]) =>
    found.forEach((v, i) => void expect(v / unit).toBeCloseTo(wanted[i]!, 1))
  near(whole!, [2, -2, 1])
  near(up!, [2, 0.5])
  near(down!, [-1])
})

test('cosines are printed', () => {
  expect(
    svg(
      cosines(
        ['a', 'b'],
        [
          [1, -0.25],
          [-0.25, null],
        ],
      ),
    ).text,
  ).toMatch(/>1\.00<.*>−0\.25<.*>–</s)
})

describe('scales and lines', () => {
  test.each([
    [0, 1, 5, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [1, 3, 8, 1, [1, 2, 3]],
    [1, 1, 8, 1, [1]],
    [1, 112, 8, 1, [20, 40, 60, 80, 100]],
    [-1, 10, 5, 0, [0, 5, 10]],
  ])('ticks from %d to %d', (low, high, wanted, least, expected) => {
    const found = ticks(low, high, wanted, least)
    expect(found).toHaveLength(expected.length)
    // Multiples of 0.2 are off by a rounding error.
    found.forEach((tick, i) => void expect(tick).toBeCloseTo(expected[i]!, 12))
  })

  const path = (values: (number | null)[], x = scale(0, values.length - 1, 0, 30)) =>
    /d="([^"]*)"/.exec(line(values, x, scale(0, 1, 100, 0), { colour: 'text' }).text)![1]

  test('a line leaves a gap where there is no value; a lone value is a dot', () => {
    expect(path([0, 1, null, 0.5])).toBe('M0 100L10 0M30 50h.01')
  })

  test('a line of many values keeps the least and greatest of each unit', () => {
    const values = Array.from({ length: 3000 }, (_, i) => (i === 1234 ? 1 : i === 2000 ? 0 : 0.5))
    const drawn = path(values)!
    expect(drawn).toContain('12 0')
    expect(drawn).toContain('20 100')
    expect(drawn.length).toBeLessThan(400)
  })

  test('names at the ends never cover each other, and stay within the plot', () => {
    const labels = [50, 98, 99, 100].map(y => ({ text: 'a', y, colour: 'text' as const }))
    const ys = endLabels(labels, 0, 0, 100).map(label => Number(/ y="([\d.]+)"/.exec(label.text)![1]))
    expect(ys).toEqual([54, 74, 89, 104])
  })
})
