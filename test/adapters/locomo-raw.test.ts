import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { locomoExamples, locomoPassage, locomoQuestion, readLocomo } from 'lora-harness/adapters/locomo'
import { expect, test } from 'vitest'
import { bm25, constant } from '../../src/adapters/baselines.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
const sample = {
  sample_id: 'conv-1',
  conversation: {
    speaker_a: 'Ana',
    speaker_b: 'Bo',
    session_10_date_time: '1 pm on 2 May, 2023',
    session_10: [{ speaker: 'Bo', dia_id: 'D10:1', text: 'Look!', img_url: ['x'], blip_caption: 'a red kite' }],
    session_2_date_time: '9 am on 1 May, 2023',
    session_2: [
      { speaker: 'Ana', dia_id: 'D2:1', text: 'I moved to Oslo last week.' },
      { speaker: 'Bo', dia_id: 'D2:2', text: 'I paint boats.' },
    ],
    session_11_date_time: 'a session that never was',
  },
  event_summary: {},
  qa: [
    { question: 'When did Ana move?', answer: 2023, evidence: ['D2:1; D10:1', 'D:2:02', 'D9:9', 'D'], category: 2 },
    { question: 'What does Bo paint?', answer: 'boats', evidence: ['D2:2'], category: 4 },
    { question: 'What did Bo sell?', adversarial_answer: 'a kite', evidence: ['D10:1'], category: 5 },
    { question: 'Is it blue?', answer: 'No', adversarial_answer: 'Yes', evidence: [], category: 5 },
  ],
}
const write = (value: unknown) => {
  const file = join(folder, 'locomo10.json')
  writeFileSync(file, JSON.stringify(value))
  return file
}

test('turns follow the sessions; evidence names them, however it is written', () => {
  const [{ id, turns, questions } = { id: '', turns: [], questions: [] }] = readLocomo(write([sample]))
  expect(id).toBe('conv-1')
  expect(turns.map(locomoPassage)).toEqual([
    '(9 am on 1 May, 2023) Ana said, "I moved to Oslo last week."',
    '(9 am on 1 May, 2023) Bo said, "I paint boats."',
    '(1 pm on 2 May, 2023) Bo said, "Look!" and shared a red kite.',
  ])
  expect(questions[0]!.evidence.map(({ diaId }) => diaId)).toEqual(['D2:1', 'D10:1', 'D2:2'])
  expect(questions[0]!.unresolved).toEqual(['D9:9', 'D'])
  expect(questions.map(locomoQuestion)).toEqual([
    'When did Ana move? Use DATE of CONVERSATION to answer with an approximate date.',
    'What does Bo paint?',
    'What did Bo sell? Select the correct answer: (a) Not mentioned in the conversation (b) a kite.',
    'Is it blue? Select the correct answer: (a) Yes (b) Not mentioned in the conversation.',
  ])
})

test('its questions run with their baselines, scored by category', async () => {
  const conversations = readLocomo(write([sample]))
  const said = conversations[0]!.turns.map(turn => ({ text: locomoPassage(turn), answer: turn.text }))
  const harness = new LoRAHarness({
    ...toy,
    exampleSource: locomoExamples(conversations),
    baselines: { bm25: bm25({ passages: said }), no: constant('not mentioned'), '(a)': constant('(a)') },
  })
  const results = await collect(harness.run())
  expect(results.map(({ example }) => [example.testIdx, example.chatId, example.target])).toEqual([
    ['conv-1:0', 'conv-1', '2023'],
    ['conv-1:1', 'conv-1', 'boats'],
    ['conv-1:2', 'conv-1', 'Not mentioned in the conversation'],
    ['conv-1:3', 'conv-1', 'Not mentioned in the conversation'],
  ])
  const f1 = (name: string) => results.map(({ baselines }) => baselines[name]!.metrics.f1)
  // "I paint boats." shares one of its three words with "boats": 2 · 1/3 · 1 / (1/3 + 1).
  expect(f1('bm25')).toEqual([0, 0.5, 0, 0])
  expect(f1('no')).toEqual([0, 0, 1, 1])
  expect(f1('(a)')).toEqual([0, 0, 1, 0])
  expect(results.map(({ details }) => details.category)).toEqual(['2', '4', '5', '5'])
})

test('what the model is asked is up to the caller', () => {
  const prompt = ({ evidence, question }: { evidence: { text: string }[]; question: string }) => [
    { role: 'user' as const, content: [...evidence.map(({ text }) => text), question].join('\n') },
  ]
  const [, example] = locomoExamples(write([sample]), { prompt })
  expect(example!.messages).toEqual([{ role: 'user', content: 'I paint boats.\nWhat does Bo paint?' }])
})

test.each([
  [{ ...sample, qa: [{ question: 'q', category: 1 }] }, 'record 1: qa[0] of category 1 has no answer'],
  [{ ...sample, qa: [{ question: 'q', category: 5, answer: 'No' }] }, 'qa[0] of category 5 has no adversarial_answer'],
  [{ ...sample, qa: [{ question: 'q', category: 6, answer: 'No' }] }, 'record 1: ✖ Invalid'],
  [{ ...sample, conversation: { session_1: [] } }, 'record 1, session_1_date_time: ✖ Invalid'],
  [{ ...sample, conversation: { session_1: [{}], session_1_date_time: 'x' } }, 'record 1, session_1: ✖ Invalid'],
])('a broken sample is refused with its place (%#)', (broken, message) => {
  expect(() => readLocomo(write([broken]))).toThrow(message)
})

const rebuilt = '../shared/data/memorybench/locomo_memorybench_rebuilt.json'
const released = process.env.LOCOMO_PATH ?? ''
test.skipIf(!existsSync(rebuilt) || !existsSync(released))(
  'the released file (LOCOMO_PATH) has 1,986 questions, among them those of MemoryBench as it asks them',
  () => {
    const conversations = readLocomo(released)
    const questions = conversations.flatMap(({ questions }) => questions)
    expect(questions).toHaveLength(1986)
    expect(questions.flatMap(({ unresolved }) => unresolved)).toEqual(['D10:19', 'D', 'D4:36'])
    const asked = new Set(questions.map(question => locomoQuestion(question).trim()))
    const text = readFileSync(rebuilt, 'utf8')
    const prompts = [...text.matchAll(/"input_prompt": ?("(?:[^"\\]|\\.)*")/g)].map(
      ([, cell]) => JSON.parse(cell!) as string,
    )
    expect(prompts.length).toBeGreaterThan(0)
    const missing = prompts.filter(prompt => !asked.has(/Question: (.*?) Short answer:/s.exec(prompt)![1]!.trim()))
    expect(missing).toEqual([])
  },
)
