import { appendFileSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  judgePrompt,
  longMemEvalExamples,
  longMemEvalPassage,
  scoreLongMemEval,
} from 'lora-harness/adapters/longmemeval'
import { describe, expect, test } from 'vitest'
import { bm25, constant } from '../../src/adapters/baselines.js'
import { jsonItemAt, jsonItems } from '../../src/adapters/json-items.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
const row = (id: string, about: object = {}) => ({
  question_id: id,
  question_type: 'single-session-user',
  question: 'Where have I moved to?',
  answer: 'Oslo',
  question_date: '2023/05/30 (Tue) 23:40',
  haystack_session_ids: ['s1', 's2'],
  haystack_dates: ['2023/05/20 (Sat) 02:21', '2023/05/21 (Sun) 10:00'],
  haystack_sessions: [
    [{ role: 'user', content: 'I paint boats.' }],
    [
      { role: 'user', content: 'I moved to Oslo.', has_answer: true },
      { role: 'assistant', content: 'Good luck!' },
    ],
  ],
  answer_session_ids: ['s2'],
  ...about,
})
const write = (value: unknown, name = 'longmemeval_s.json') => {
  const file = join(folder, name)
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return file
}

test('questions run with their histories for retrieval, which examples do not hold', async () => {
  const rows = [
    row('q1'),
    row('q2', { question: 'What do I paint?', answer: 7, question_type: 'multi-session' }),
    row('q3_abs', { question: 'When did I fly to Mars?', answer: 'You never said that you flew to Mars.' }),
    row('q4', { question_type: 'single-session-preference', answer: 'Likes Oslo.' }),
  ]
  const { exampleSource, history } = longMemEvalExamples(write(rows), {
    judge: prompt => (/Response: I paint/.test(prompt) ? 'Yes.' : /Mars/.test(prompt) ? 'Perhaps.' : 'no'),
  })
  const passages = ({ chatId }: { chatId?: string | undefined }) =>
    history(chatId!).sessions.map(session => ({ text: longMemEvalPassage(session), answer: session.turns[0]!.content }))
  const baselines = { bm25: bm25({ passages }), unknown: constant('I do not know.') }
  const results = await collect(new LoRAHarness({ ...toy, exampleSource, baselines }).run())
  expect(results.map(({ example }) => [example.datasetName, example.testIdx, example.chatId, example.target])).toEqual([
    ['longmemeval_s', 'q1', 'q1', 'Oslo'],
    ['longmemeval_s', 'q2', 'q2', '7'],
    ['longmemeval_s', 'q3_abs', 'q3_abs', 'You never said that you flew to Mars.'],
    ['longmemeval_s', 'q4', 'q4', 'Likes Oslo.'],
  ])
  expect(results[0]!.example.messages.at(-1)!.content).toBe(
    'Current date: 2023/05/30 (Tue) 23:40\nWhere have I moved to?',
  )
  expect(JSON.stringify(results.map(({ example }) => example))).not.toContain('boats')
  expect(results.map(({ baselines }) => baselines.bm25!.response)).toEqual([
    'I moved to Oslo.',
    'I paint boats.',
    'I moved to Oslo.',
    'I moved to Oslo.',
  ])
  // "i move to oslo" has four stems, one of them Oslo: 2 · 1/4 · 1 / (1/4 + 1).
  expect(results.map(({ baselines }) => baselines.bm25!.metrics)).toEqual([
    { f1: 0.4, correct: 0, abstained: 0 },
    { f1: 0, correct: 1, abstained: 0 },
    { f1: 0, abstained: 0 },
    { correct: 0, abstained: 0 },
  ])
  expect(results.map(({ baselines }) => baselines.unknown!.metrics.f1)).toEqual([0, 0, 1, undefined])
  expect(results.map(({ details }) => details.category)).toEqual([
    'single-session-user',
    'multi-session',
    'abstention',
    'single-session-preference',
  ])
  expect(results[2]!.details.judge_reply).toBe('Perhaps.')
  expect(history('q3_abs').sessions[1]!.turns[0]).toEqual({
    role: 'user',
    content: 'I moved to Oslo.',
    hasAnswer: true,
  })
  expect(() => history('q9')).toThrow('the history of q9: no question of that id was read')
})

describe('scores', () => {
  const question = (about = {}) => {
    const { exampleSource, history } = longMemEvalExamples(write([row('q', about)], 'one.json'))
    for (const { testIdx } of exampleSource) return history(String(testIdx))
    throw new Error('no example')
  }

  test.each([
    ['I do not know.', true],
    ["You didn't mention that.", true],
    ['That was not mentioned in our conversations.', true],
    ['There is no information about this.', true],
    ['I don’t have enough information to say.', true],
    ['I cannot determine that.', true],
    ['Oslo, as you know.', false],
    ['You mentioned no other town: Oslo.', false],
    ['', false],
  ])('%s: abstained %s', async (response, abstained) => {
    expect((await scoreLongMemEval(question(), response)).abstained).toBe(abstained)
  })

  test('a judge is asked with the rule of the type; without one there is no metric', async () => {
    const prompts = ['temporal-reasoning', 'knowledge-update', 'single-session-preference'].map(question_type =>
      judgePrompt(question({ question_type }), 'in May'),
    )
    expect(prompts[0]).toContain('off by one')
    expect(prompts[1]).toContain('latest')
    expect(prompts[2]).toContain('rubric')
    for (const prompt of prompts) expect(prompt).toMatch(/Question: Where have I moved to\?[\s\S]*Oslo[\s\S]*in May/)
    expect((await scoreLongMemEval(question(), 'Oslo')).correct).toBeUndefined()
    expect((await scoreLongMemEval(question(), 'Oslo', async () => ' **Yes**')).correct).toBe(true)
    expect((await scoreLongMemEval(question(), 'Oslo', async () => 'No, yes')).correct).toBe(false)
    expect((await scoreLongMemEval(question(), 'Oslo', async () => 'nobody knows')).correct).toBeUndefined()
  })
})

test.each([
  [[row('q', { haystack_dates: [] })], 'record 1: 2 haystack_sessions, 0 haystack_dates'],
  [[row('q', { question_type: 'x' })], 'at question_type'],
  [[row('q'), {}], 'record 2: ✖'],
])('a malformed record is refused with its place (%#)', (rows, message) => {
  expect(() => [...longMemEvalExamples(write(rows, 'broken.json')).exampleSource]).toThrow(message)
})

describe('items of an array', () => {
  const read = (text: string | Uint8Array) => {
    const file = join(folder, 'items.json')
    writeFileSync(file, text)
    return { file, items: [...jsonItems(file)] }
  }

  test('any array, however it is written, gives what JSON.parse does', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', ' ', 'é', '😀', '\n', 'a') })
    const { value } = fc.letrec(tie => ({
      value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('record')),
      list: fc.array(tie('value'), { maxLength: 4 }),
      record: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
    }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), fc.constantFrom(0, 1, '\t'), (values, indent) => {
        const plain = JSON.parse(JSON.stringify(values)) as unknown[]
        const { file, items } = read(`\n ${JSON.stringify(values, null, indent)}\r\n`)
        expect(items.map(item => item.value)).toEqual(plain)
        expect(items.map(item => jsonItemAt(file, item))).toEqual(plain)
      }),
    )
  })

  test('items that cross the blocks it is read in, characters of several bytes too', () => {
    for (const shift of [0, 1, 2, 3, 4]) {
      const values = [`${'x'.repeat(2 ** 20 - 8 + shift)}"\\😀😀`, ['é'.repeat(2 ** 20)], { a: 1 }]
      expect(read(JSON.stringify(values)).items.map(({ value }) => value)).toEqual(values)
    }
  })

  test.each([
    ['', 'it ends within its array, after 0 records'],
    ['[1, 2', 'it ends within its array, after 1 records'],
    ['["a]', 'it ends within its array'],
    ['{"a": 1}', 'byte 0 is outside of an array'],
    ['[1] x', 'byte 4 is outside of an array'],
    ['[1][2]', 'byte 3 is outside of an array'],
    ['[1}', 'byte 2 closes an object that was not opened'],
    ['[1,]', 'record 2: no JSON'],
    ['[,1]', 'record 1: no JSON'],
    ['[{"a": 1]}]', 'byte 9 closes an object that was not opened'],
    ['[{"a": 1]]', 'record 1: no JSON'],
    ['[1, nope]', 'record 2: no JSON'],
  ])('%s is refused', (text, message) => {
    expect(() => read(text)).toThrow(message)
  })

  test('a file of 200 MB is read in little memory', () => {
    const file = join(folder, 'large.json')
    const one = JSON.stringify(
      row('q', { haystack_sessions: [[], [{ role: 'user', content: 'word '.repeat(400_000) }]] }),
    )
    const opened = openSync(file, 'w')
    for (let i = 0; i < 100; i++) writeSync(opened, `${i === 0 ? '[' : ','}${one.replace('"q"', `"q${i}"`)}`)
    closeSync(opened)
    appendFileSync(file, ']')
    const held: unknown[] = []
    const before = process.memoryUsage.rss()
    let most = 0
    for (const example of longMemEvalExamples(file).exampleSource) {
      held.push(example)
      most = Math.max(most, process.memoryUsage.rss() - before)
    }
    rmSync(file)
    expect(held).toHaveLength(100)
    // Ten times less than the file; most of it is what the collector has not taken yet.
    expect(most).toBeLessThan(150e6)
  }, 120_000)
})
