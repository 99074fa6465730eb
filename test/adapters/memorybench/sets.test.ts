import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SETS, setsOf } from '../../../src/adapters/memorybench/index.js'

const names = (sets: readonly { name: string }[]) => sets.map(({ name }) => name)

test('28 sets, of 17, 5 and 6 to a domain and 16, 3, 6 and 3 to a task', () => {
  expect(SETS).toHaveLength(28)
  expect(['Open-Domain', 'Legal', 'Academic&Knowledge'].map(name => setsOf('domain', name).length)).toEqual([17, 5, 6])
  const tasks = ['Long-Short', 'Short-Long', 'Long-Long', 'Short-Short']
  expect(tasks.map(name => setsOf('task', name).length)).toEqual([16, 3, 6, 3])
  expect(names(setsOf('domain', 'Open-Domain')).slice(9)).toEqual([
    'Locomo-9',
    'DialSim-friends',
    'DialSim-bigbang',
    'DialSim-theoffice',
    'HelloBench-Creative&Design',
    'WritingPrompts',
    'WritingBench-Creative&Design',
    'NFCats',
  ])
})

test('an answer is merged to one of its metrics, or by a judge', () => {
  for (const { name, merged, metrics } of SETS) expect(merged === 'judge' || metrics.includes(merged), name).toBe(true)
  expect(names(SETS.filter(({ merged }) => merged === 'judge'))).toEqual(['JuDGE', 'IdeaBench', 'JRE-L'])
})

const CONSTANTS = '../shared/data/memorybench/norm_constants.json'
test.skipIf(!existsSync(CONSTANTS))(
  'sets, their order, groups, metrics and limits are those of the configuration',
  () => {
    const { datasets, groups } = JSON.parse(readFileSync(CONSTANTS, 'utf8'))
    expect(names(SETS)).toEqual(Object.keys(datasets))
    for (const { name, domain, task, metrics, maxOutputTokens } of SETS)
      expect({ domain, task, test_metrics: metrics, max_output_len: maxOutputTokens }, name).toEqual(datasets[name])
    for (const type of ['domain', 'task'] as const)
      for (const [name, sets] of Object.entries(groups[type])) expect(names(setsOf(type, name))).toEqual(sets)
  },
)
