/** Metrics and baselines are called what an evaluator and a user call them. */
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { DISPLAY, harness } from '../../../kernel-ext/src/index.js'
import { toStep } from '../../../src/harness/index.js'
import { type Card, MIME } from '../../../src/protocol/index.js'
import { compare } from '../../../src/record/compare.js'
import { listRuns } from '../../../src/record/list.js'
import { transfer } from '../../../src/record/transfer.js'
import { reportData } from '../../../src/report/data.js'
import { renderReport } from '../../../src/report/html.js'
import { ask, toy } from '../../harness/toy.js'
import { temporaryFolder } from '../../helpers/folder.js'
import { closing, fakePage } from './page.js'

beforeEach(() => void fakePage())
const closes = closing()
const home = temporaryFolder()
const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '0', '<b>', 'a\u0000b', 'length']

/** An object with one field of any name. */
const field = <T>(name: string, value: T) => Object.fromEntries([[name, value]])
const bundle = async (of: { [DISPLAY](): unknown }) =>
  (await of[DISPLAY]()) as Record<string, string> & { [MIME]: Card }

/** Four examples; every other one has the metric, with 1 and 0, the others have another metric. */
test.each(NAMES)('%j is a name as any other: on cards, in the report, in a comparison', async name => {
  const examples = [1, 0, 1, 0].map((score, i) => ({
    ...ask(i, `question ${i}`, 'answer', 'chat'),
    evaluate: (response: string) =>
      i < 2 ? field(name, response === 'base' ? 0 : score) : field(`${name} else`, score),
  }))
  const h = closes(
    await harness({
      id: `names-${NAMES.indexOf(name)}`,
      folder: null,
      exampleSource: () => examples,
      ...toy,
      baselines: field(name, () => 'base'),
    }),
  )
  await h.run()

  const run = await bundle(h)
  if (run[MIME].kind !== 'run') throw new Error('no card of a run')
  expect(run[MIME].summary).toMatchObject({ metric: name, score: 0.5, baselines: [{ name, score: 0 }] })
  expect(run[MIME].columns.scores).toEqual([1, 0, null, null])
  expect(run[MIME].columns.baselines).toEqual([{ name, scores: [0, 0, null, null] }])
  expect(run['text/plain']).toContain('4 examples, score 0.50 (')

  const data = await reportData(h.record)
  expect(data.summary.arms).toEqual([
    { name: 'adapter', scores: [1, 0, null, null] },
    { name, scores: [0, 0, null, null] },
  ])
  expect(data.branches[0]).toMatchObject({ score: 0.5, baseline: 0 })
  const html = await renderReport(h.record)
  expect(html).toContain('the adapter scored 0.50')
  expect(html).not.toContain('native code')

  const steps = h.results.map(toStep)
  const changed = steps.map(step => ({ ...step, metrics: field(name, 1) }))
  const { metrics } = compare(steps, changed)
  expect(metrics).toMatchObject([{ metric: name, n: 2, means: { a: 0.5, b: 1 } }])
  expect((await bundle(h.compare(h)))['text/plain']).not.toMatch(/NaN|native code/)
  const probe = { key: 'k', chatId: null, response: '', lora: null }
  const probings = [1, 0].map((score, at) => ({
    at,
    probes: [
      { ...probe, metrics: field(name, score) },
      { ...probe, metrics: {} },
    ],
  }))
  expect(transfer([], probings as never).tasks[0]!.scores).toEqual([1, 0])
})

test('in the list of runs', async () => {
  const folder = join(home, 'runs', 'one')
  const h = await harness({
    ...{ id: 'listed', folder, ...toy },
    exampleSource: () =>
      [0, 1].map(i => ({ ...ask(i, 'q', 'a'), evaluate: () => (i ? { x: 0 } : { constructor: 1 }) })),
    baselines: { toString: () => 'base' },
  })
  await h.run()
  await h.close()
  expect((await listRuns(join(home, 'runs')))[0]).toMatchObject({
    score: { metric: 'constructor', adapter: 1, baseline: { name: 'toString', mean: 1 } },
  })
})
