import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NORMS } from '../../../src/adapters/memorybench/normal.js'
import { SETS, setsOf } from '../../../src/adapters/memorybench/sets.js'
import { aggregate, type EvaluationDetail, summarize } from '../../../src/adapters/memorybench/summarize.js'

const DATA = '../shared/data/memorybench'
const present = existsSync(`${DATA}/vectors.json`)
const json = (name: string) => (present ? JSON.parse(readFileSync(`${DATA}/${name}.json`, 'utf8')) : {})
const SECTION = 'memorybench.summary_results (merged LLM score supplied as metrics._judge)'

interface Vector {
  dataset_type: 'single' | 'domain' | 'task'
  name: string
  evaluate_details: EvaluationDetail[]
  out: unknown
}

/** Equal texts and shapes; numbers to 1e-12, for sums may be taken in another order. */
function expectClose(found: unknown, right: unknown, where = 'out'): void {
  if (typeof right === 'number') {
    expect(typeof found, where).toBe('number')
    expect(Math.abs((found as number) - right), where).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(right)))
  } else if (typeof right === 'object' && right !== null) {
    expect(Object.keys(Object(found)).sort(), where).toEqual(Object.keys(right).sort())
    for (const [key, value] of Object.entries(right))
      expectClose((found as Record<string, unknown>)[key], value, `${where}.${key}`)
  } else expect(found, where).toEqual(right)
}

describe.skipIf(!present)('the original', () => {
  test.each((json('vectors')[SECTION] ?? []) as Vector[])('summary_results of $dataset_type $name', vector => {
    const { dataset_type, name, evaluate_details, out } = vector
    const predictions = evaluate_details.map(({ dataset, test_idx }) => ({ dataset, test_idx, response: '' })).reverse()
    expectClose(summarize(dataset_type, name, predictions, evaluate_details), out)
  })

  test('its constants', () => {
    expect(json('vectors')[SECTION]).toHaveLength(4)
    expect(NORMS).toEqual(json('norm_constants').norm)
  })
})

test('every set of every domain and task has its constants', () => {
  for (const type of ['domain', 'task'] as const)
    for (const [name, norms] of Object.entries(NORMS[type])) {
      const sets = setsOf(type, name).map(set => (set.corpus && set.name.startsWith('Locomo') ? 'Locomo' : set.name))
      expect(Object.keys(norms).sort()).toEqual([...new Set(sets)].sort())
    }
  expect(SETS.map(({ domain }) => domain).every(domain => domain in NORMS.domain)).toBe(true)
})

const detail = (dataset: string, test_idx: number, metrics: Record<string, unknown>): EvaluationDetail => ({
  dataset,
  test_idx,
  metrics,
})

test('a task: scores by set and test_idx, normalised by constants, merged scores for sets with several metrics', () => {
  const found = summarize(
    'task',
    'Short-Short',
    [],
    [
      detail('NFCats', 10, { score: 5 }),
      detail('NFCats', 9, { score: 1 }),
      detail('NFCats', 2, { score: null }),
      detail('JRE-L', 0, { 'Rouge-L': 0.5, llm_as_judge_score: 2 }),
      detail('LexEval-QA', 0, { rougel: 0.3616236123342547 }),
    ],
  )
  expect(found.details).toEqual({ 'JRE-L': [2], 'LexEval-QA': [0.3616236123342547], NFCats: [0, 1, 5] })
  expect(found.average.NFCats).toBe(2)
  // Between 1 and 5: 0 lies outside, and is not clipped.
  expect(found.minmax_normalized_average.NFCats).toEqual([0.75, 3, 0.25])
  expect(found.minmax_normalized_average['JRE-L']).toEqual([0, 1, 0])
  expect(found.summary.average).toBeCloseTo((0 + 1 + 0.25) / 3, 12)
  expect(found.summary.weighted_average).toBeCloseTo((0 + 1 + 0.75) / 5, 12)
  expect(found.z_normalized_average['JRE-L']?.[0]).toBeCloseTo((2 - 7.85) / 0.4716990566028302, 12)
  expect(found).not.toHaveProperty('missing')
})

test('what is missing for want of a judge is left out by name, and counts nowhere as 0', () => {
  const without = { missing: { accuracy: 'needs a judge model' } }
  const details = [
    detail('DialSim-friends', 0, { accuracy: true }),
    detail('DialSim-friends', 1, without),
    detail('DialSim-friends', 2, without),
  ]
  expect(summarize('single', 'DialSim-friends', [], details)).toEqual({
    summary: { accuracy: 1 },
    missing: { accuracy: { count: 2, reason: 'needs a judge model' } },
  })
  const group = summarize(
    'domain',
    'Open-Domain',
    [],
    [...details, detail('NFCats', 0, { missing: { score: 'needs a judge model' } })],
  )
  expect(group.details).toEqual({ 'DialSim-friends': [1] })
  expect(group.summary.average).toBe(1)
  expect(group.missing).toEqual({
    'DialSim-friends': { metric: 'accuracy', count: 2, reason: 'needs a judge model' },
    NFCats: { metric: 'score', count: 1, reason: 'needs a judge model' },
  })
  expect(summarize('single', 'DialSim-friends', [], details.slice(1))).toEqual({
    summary: {},
    missing: { accuracy: { count: 2, reason: 'needs a judge model' } },
  })
})

test('no answers are 0, as in the original', () => {
  expect(summarize('single', 'NFCats', [], [])).toEqual({ summary: { score: 0 } })
  expect(summarize('task', 'Short-Short', [], []).summary).toEqual({ average: 0, weighted_average: 0, z_score: 0 })
})

test('JuDGE: single answers have no F1, so it is 0 there and made of means in the aggregate; null counts 0 or not', () => {
  const rates = (recall: number, precision: number, time_score: number | null) => ({
    crime_recall: recall,
    crime_precision: precision,
    time_score,
  })
  const details = [detail('JuDGE', 0, rates(1, 0.5, null)), detail('JuDGE', 1, rates(0, 0.5, 1))]
  expect(summarize('single', 'JuDGE', [], details).summary).toMatchObject({ crime_f1: 0, time_score: 0.5 })
  expect(aggregate('JuDGE', details)).toMatchObject({
    crime_recall: 0.5,
    crime_f1: 0.5,
    penalcode_index_f1: 0,
    time_score: 1,
    amount_score: null,
  })
})

test.each<[string, Parameters<typeof summarize>, string]>([
  ['an unknown name', ['domain', 'Legals' as string, [], []], 'there is no domain "Legals"'],
  ['a foreign set', ['task', 'Short-Short', [], [detail('JuDGE', 0, {})]], 'it has no set "JuDGE"'],
  [
    'the name of an object’s own',
    ['task', 'Short-Short', [], [detail('__proto__', 0, {})]],
    'it has no set "__proto__"',
  ],
  [
    'no merged score',
    ['task', 'Short-Short', [], [detail('JRE-L', 4, { 'Rouge-L': 1 })]],
    'the metrics of JRE-L 4 have no llm_as_judge_score; evaluateSingle gives it, with a judge model',
  ],
  [
    'fewer predictions',
    ['single', 'NFCats', [{ test_idx: 0, response: '' }], [detail('NFCats', 0, {}), detail('NFCats', 1, {})]],
    '1 predictions and 2 details',
  ],
  [
    'predictions of other examples',
    ['single', 'NFCats', [{ test_idx: 3, response: '' }], [detail('NFCats', 0, { score: 1 })]],
    'predictions and details are of different examples: NFCats 3, NFCats 0',
  ],
])('%s is an error', (_, given, message) => {
  expect(() => summarize(...given)).toThrow(message)
})
