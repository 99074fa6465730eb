import fc from 'fast-check'
import { accuracies, choiceExamples, choiceResponse, readChoices } from 'lora-harness/adapters/choice'
import { describe, expect, test } from 'vitest'
import { constant } from '../../src/adapters/baselines.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, taught, toy } from '../harness/toy.js'

const rows = [
  { question: 'Capital of Norway?', choices: ['Oslo', 'Bergen on the sea'], answer: 'A', category: 'places' },
  { question: '2 + 2?', choices: ['3', '4', '5'], answer: 1, chatId: 'sums' },
]

describe('accuracies are argmax, over one, characters, bytes and tokens', () => {
  const question = { question: 'q', choices: ['ab', 'äbcd', 'x'], answer: 1 }
  const given = (logs: number[], tokens: number[]) =>
    accuracies(question, choiceResponse(question.choices, logs.map((logLikelihood, i) => ({ logLikelihood, tokens: tokens[i]! })))) // biome-ignore format: one thought

  test('by hand', () => {
    // Sums −2, −3, −4; by characters −1, −0.75, −4; by bytes −1, −0.6, −4; by tokens −2, −3, −0.5.
    expect(given([-2, -3, -4], [1, 1, 8])).toEqual({ acc: false, acc_norm: true, acc_bytes: true, acc_tokens: false })
    // By characters −1.05, −1.075; by bytes −1.05, −0.86.
    expect(given([-2.1, -4.3, -9], [2, 4, 1])).toEqual({
      acc: false,
      acc_norm: false,
      acc_bytes: true,
      acc_tokens: false,
    })
  })

  test('the first of equal ones', () => {
    expect(given([-1, -1, -1], [1, 1, 1]).acc).toBe(false)
    expect(given([-2, -1, -1], [1, 1, 1]).acc).toBe(true)
  })

  test('a response keeps every digit', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ max: 0, min: -1e6, noNaN: true }), { minLength: 3, maxLength: 3 }), logs => {
        const best = logs.indexOf(Math.max(...logs))
        expect(given(logs, [1, 1, 1]).acc).toBe(best === 1)
      }),
    )
  })
})

test('words name a choice by letter or text; others are wrong, never an error', () => {
  const question = { question: 'q', choices: ['A dog', 'B', 'Oslo\nfjord'], answer: 0 }
  const right = (response: string, answer: number) => accuracies({ ...question, answer }, response)
  for (const response of ['A', ' (a)', 'a. because', 'A: yes', 'a dog'])
    expect(right(response, 0)).toEqual({ acc: true })
  expect(right('B', 1)).toEqual({ acc: true })
  expect(right('a cat', 0)).toEqual({ acc: false })
  expect(right('Z', 0)).toEqual({ acc: false })
  // Scores of another question.
  expect(right('C. x\n[{"logLikelihood":-1,"tokens":1}]', 2)).toEqual({ acc: true })
  expect(right('A\n[{"logLikelihood":"x","tokens":0},1,2]', 2)).toEqual({ acc: false })
  fc.assert(fc.property(fc.string({ unit: 'binary' }), response => void right(response, 0)))
})

test('the source’s own inference scores every choice with the retrieved adapter, its baseline without', async () => {
  const asked: string[] = []
  const model = {
    // One token a letter; the right answer is likely with an adapter only.
    score: async (messages: readonly { content: string }[], choice: string, { lora }: { lora?: unknown } = {}) => {
      asked.push(`${messages.at(-1)!.content} ${choice} ${lora ? 'with' : 'without'}`)
      return { nll: lora && ['Oslo', '4'].includes(choice) ? 0.1 : 2, tokens: choice.length }
    },
  } as unknown as Parameters<typeof choiceExamples>[1]
  const { exampleSource, inferenceFn, base } = choiceExamples(rows, model)
  const harness = new LoRAHarness({
    ...toy,
    exampleSource,
    inferenceFn,
    retrieveLoraFn: () => taught(null, 'q', 'a'),
    baselines: { base, 'always A': constant('A') },
  })
  const results = await collect(harness.run())
  expect(results.map(({ response }) => response.split('\n')[0])).toEqual(['A. Oslo', 'B. 4'])
  expect(results.map(({ metrics }) => metrics)).toEqual(
    Array(2).fill({ acc: 1, acc_norm: 1, acc_bytes: 1, acc_tokens: 1 }),
  )
  expect(results.map(({ baselines }) => baselines.base!.metrics)).toEqual([
    { acc: 1, acc_norm: 1, acc_bytes: 1, acc_tokens: 1 },
    { acc: 0, acc_norm: 0, acc_bytes: 0, acc_tokens: 0 },
  ])
  expect(results.map(({ baselines }) => baselines['always A']!.metrics)).toEqual([{ acc: 1 }, { acc: 0 }])
  expect(results.map(({ details, example }) => [details.category, example.chatId, example.target])).toEqual([
    ['places', undefined, 'Oslo'],
    [undefined, 'sums', '4'],
  ])
  expect(asked.slice(0, 4)).toEqual([
    'Capital of Norway? Oslo with',
    'Capital of Norway? Bergen on the sea with',
    'Capital of Norway? Oslo without',
    'Capital of Norway? Bergen on the sea without',
  ])
})

test('answers by position, letter or text; a text that is a choice goes before its letter', () => {
  const choices = ['B', 'A', '1']
  const position = (answer: unknown) => readChoices([{ question: 'q', choices, answer }])[0]!.answer
  expect([0, 'A', 'C', '1', 1].map(position)).toEqual([0, 1, 2, 2, 1])
})

test.each([
  [{ question: 'q', choices: ['a', 'b'], answer: 2 }, 'row 1: answer 2 is none of its 2 choices'],
  [{ question: 'q', choices: ['a', 'b'], answer: -1 }, 'row 1: answer -1 is none'],
  [{ question: 'q', choices: ['a', 'b'], answer: 0.5 }, 'row 1: answer 0.5 is none'],
  [{ question: 'q', choices: ['a', 'b'], answer: 'c' }, 'row 1: answer "c" is none'],
  [{ question: 'q', choices: ['a'], answer: 0 }, 'row 1: ✖'],
  [{ question: 'q', answer: 0 }, 'at choices'],
])('a malformed row is refused with its place (%#)', (row, message) => {
  expect(() => readChoices([row])).toThrow(message)
})
