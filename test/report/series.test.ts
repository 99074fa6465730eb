import { describe, expect, test } from 'vitest'
import { summarise } from '../../src/report/series.js'
import { resultSentences } from '../../src/report/words.js'
import { sampleSteps, stepOf } from './sample.js'

/** Steps of chats `a` and `b` with the adapter's and the base's f1. */
const two = (rows: [chat: string | null, own: number, base: number | null][]) =>
  rows.map(([chatId, f1, base], i) =>
    stepOf(i, {
      chatId,
      metrics: { f1 },
      baselines: base === null ? {} : { base: { response: '', metrics: { f1: base } } },
    }),
  )

describe('summarise', () => {
  const summary = summarise(
    two([
      ['a', 0, 0],
      ['b', 0, 0.5],
      ['a', 1, 0],
      ['b', 0.5, 0.5],
      ['a', 1, 1],
    ]),
  )

  test('has a row for each chat and one for all', () => {
    expect(summary.chats.map(row => [row.chat, row.examples, row.win, row.tie, row.loss])).toEqual([
      ['a', 3, 1, 2, 0],
      ['b', 2, 0, 1, 1],
    ])
    expect(summary.overall).toMatchObject({ examples: 5, win: 1, tie: 3, loss: 1, means: [0.5, 0.4] })
  })

  test('halves each chat by its own length; the middle example belongs to the second half', () => {
    expect(summary.chats[0]).toMatchObject({ firstHalf: [0, 0], secondHalf: [1, 0.5] })
    expect(summary.overall).toMatchObject({ firstHalf: [0, 0.25], secondHalf: [2.5 / 3, 0.5] })
  })

  test('pairs by example: one that the baseline did not answer is left out and counted', () => {
    const found = summarise(
      two([
        ['a', 1, 0],
        ['a', 1, null],
        ['b', 1, 0],
      ]),
    )
    expect(found.differences[0]).toMatchObject({ baseline: 'base', all: { mean: 1, n: 2 } })
    expect(resultSentences(found)).toContain('base has no score for 1 of 3 examples; the difference uses the other 2.')
  })

  test('a baseline may be called adapter', () => {
    const steps = [stepOf(0, { metrics: { f1: 1 }, baselines: { adapter: { response: '', metrics: { f1: 0 } } } })]
    expect(summarise(steps)).toMatchObject({ overall: { means: [1, 0], win: 1 }, differences: [{ all: { mean: 1 } }] })
    expect(resultSentences(summarise(steps))[0]).toContain('the adapter scored 1.00 (f1), adapter 0.00')
  })

  test('other metrics have means over the examples that have them', () => {
    const step = (i: number, metrics: Record<string, number>) =>
      stepOf(i, { metrics, baselines: { base: { response: '', metrics: { bleu: 0 } } } })
    const summary = summarise([step(0, { f1: 1 }), step(1, { bleu: 1 }), step(2, { bleu: 0 })])
    expect(summary.others).toEqual([{ metric: 'bleu', examples: 2, means: [0.5, 0] }])
    expect(resultSentences(summary)[0]).toBe('After 3 examples the adapter scored 1.00 (f1 of 1); no baseline.')
  })

  test('categories are those of the scorer, with how many examples each has', () => {
    const steps = ['10', '9', null, '9', '__proto__'].map((category, i) =>
      stepOf(i, {
        metrics: { f1: i % 2 },
        details: category === null ? {} : { category },
        baselines: i === 0 ? {} : { none: { response: '', metrics: { f1: 0 } } },
      }),
    )
    expect(summarise(steps).categories).toEqual([
      { category: '__proto__', examples: 1, means: [0, 0] },
      { category: '9', examples: 2, means: [1, 0] },
      { category: '10', examples: 1, means: [0, null] },
      { category: null, examples: 1, means: [0, 0] },
    ])
    expect(summarise([stepOf(0)]).categories).toEqual([])
  })

  test('nothing finished, nothing scored', () => {
    expect(resultSentences(summarise([]))).toEqual(['No example was finished.'])
    expect(resultSentences(summarise([stepOf(0, { metrics: {}, baselines: {} })]))[0]).toContain('nothing was scored')
  })
})

test('sentences of a run that learned, and of one that did not', () => {
  const sentences = resultSentences(summarise(sampleSteps(8, 14)))
  expect(sentences[0]).toMatch(
    /^After 112 examples in 8 chats the adapter scored 0\.\d\d \(f1\), base 0\.\d\d on the same examples: \+0\.\d\d \(95 % \+0\.\d\d to \+0\.\d\d\)\.$/,
  )
  expect(sentences[1]).toMatch(/^Second half of each chat: adapter 0\.\d\d, base 0\.\d\d: \+/)
  const same = summarise(two(Array.from({ length: 30 }, (_, i) => [`c${i % 3}`, i % 2, 1 - (i % 2)])))
  expect(resultSentences(same)[0]).toContain('no clear difference')
  expect(
    resultSentences(
      summarise(
        two([
          ['a', 1, 0],
          ['b', 1, 0],
        ]),
      ),
    )[0],
  ).toContain('2 pairs: too few to say')
})
