import { describe, expect, test } from 'vitest'
import { frame, stepLine, type Tally, timeLeft, tokensPerSecond } from '../../src/cli/progress.js'
import { summaryText } from '../../src/cli/summary.js'
import { duration, plain, wrapped } from '../../src/cli/text.js'
import { summarise } from '../../src/report/series.js'
import { sampleSteps, stepOf } from '../report/sample.js'

/** A run of which `done` examples are finished, one every two seconds. */
const tally = (done: number, total: number | undefined): Tally => ({
  name: 'people',
  total,
  startedAt: 1000,
  steps: Array.from({ length: done }, (_, i) => stepOf(i, { metrics: { f1: i % 2 } })),
  doneAt: Array.from({ length: done }, (_, i) => 3000 + 2000 * i),
  stage: 'working',
  response: '',
  keys: '',
})

describe('progress', () => {
  test('time left follows the pace of the last 20 examples', () => {
    expect(timeLeft(tally(0, 10))).toBeUndefined()
    expect(timeLeft(tally(4, 10))).toBe(12_000)
    expect(timeLeft(tally(4, undefined))).toBeUndefined()
    const slow = tally(40, 50)
    slow.doneAt = slow.doneAt.map((at, i) => (i < 20 ? at / 1000 : at))
    expect(timeLeft(slow)).toBeCloseTo((10 * (slow.doneAt[39]! - slow.doneAt[19]!)) / 20)
  })

  test('tokens a second are new tokens over the time of inference', () => {
    expect(tokensPerSecond(tally(3, 3))).toBe(40) // 8 tokens in 200 ms
    expect(tokensPerSecond(tally(0, 3))).toBeUndefined()
  })

  test('the frame of a terminal', () => {
    const now = { ...tally(4, 10), stage: 'infer', response: 'It is\n\u001b[31mblue', keys: 'p pause' }
    expect(frame(now, 9000, 80)).toMatchInlineSnapshot(`
      "people ━━━━━━━━━━────────────── 4 of 10 examples, 8 s, about 12 s left
      f1: adapter 0.50, base 0.00 40 tokens/s
      #4 infer: It is blue
      p pause"
    `)
    expect(
      frame(now, 9000, 20)
        .split('\n')
        .every(line => [...line].length < 20),
    ).toBe(true)
    expect(frame(tally(0, undefined), 9000, 80)).toMatchInlineSnapshot(`
      "people 0 examples, 8 s
      #0 working"
    `)
  })

  test('the line of an example elsewhere', () => {
    expect(stepLine(tally(2, 10))).toBe(
      '2 of 10 people/train/1 f1 1.00 unchanged | so far f1: adapter 0.50, base 0.00 | 16 s left',
    )
    const failed = tally(1, undefined)
    failed.steps = [stepOf(0, { outcome: { kind: 'failed', reason: 'out of\nmemory' }, metrics: {}, baselines: {} })]
    expect(stepLine(failed)).toBe('1 people/train/0 failed (out of memory)')
  })
})

describe('the table at the end', () => {
  test('of a run', () => {
    expect(summaryText(summarise(sampleSteps(2, 14), 1))).toMatchInlineSnapshot(`
      "chat    examples  adapter  base  win/tie/loss  1st half  2nd half  updated  unchanged  skipped  failed
      chat-0        14     0.36  0.00         8/6/0      0.23      0.49       10          2        2       0
      chat-1        14     0.43  0.03         9/5/0      0.23      0.63       10          1        2       1
      all           28     0.39  0.01       17/11/0      0.23      0.56       20          3        4       1
      Mean f1. Win/tie/loss: adapter against base. Halves: the adapter in the first and second half of
      each chat.

      After 28 examples in 2 chats the adapter scored 0.39 (f1), base 0.01 on the same examples: +0.38
      (95 % +0.36 to +0.40).
      Second half of each chat: adapter 0.56, base 0.00: +0.56 (95 % +0.49 to +0.63), 14 pairs: too
      few to say.
      Intervals: paired by example, 10,000 seeded resamples of 2 chats; with so few chats only a rough
      guide."
    `)
  })

  test('shows the first 30 chats and says how many more there are', () => {
    const text = summaryText(summarise(sampleSteps(40, 2)))
    expect(text).toContain('chat-29 ')
    expect(text).not.toContain('chat-30 ')
    expect(text).toContain('(10 more chats are in the report)')
  })

  test('has a second one by category, where the scorer names them', () => {
    const steps = sampleSteps(2, 6).map((step, i) => ({ ...step, details: { category: String(i % 3) } }))
    const [, categories] = summaryText(summarise(steps)).split('\n\n')
    expect(categories).toMatchInlineSnapshot(`
      "category  examples  adapter  base
      0                4     0.50  0.05
      1                4     0.60  0.00
      2                4     0.60  0.05"
    `)
  })

  test('of a run that scored nothing', () => {
    expect(summaryText(summarise([stepOf(0, { metrics: {}, baselines: {} })]))).toContain('nothing was scored')
  })
})

describe('text', () => {
  test('plain takes out what moves the cursor, colours, turns the direction or breaks the line', () => {
    expect(plain('a\u001b[31mb\r\nc\u202ed\u200be\u0000f\u0007')).toBe('ab c d e f')
    expect(plain('abcdef', 4)).toBe('abc…')
  })

  test('wrapped breaks between words', () => {
    expect(wrapped('aa bb cc', 5)).toBe('aa bb\ncc')
    expect(wrapped('aaaaaaaa b', 5)).toContain('aaaaaaaa')
  })

  test.each([
    [900, '1 s'],
    [59_499, '59 s'],
    [200_000, '3 min 20 s'],
    [3_900_000, '1 h 5 min'],
  ])('duration %d', (ms, text) => expect(duration(ms)).toBe(text))
})
