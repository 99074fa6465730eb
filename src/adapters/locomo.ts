import { z } from 'zod'
import { InputError } from '../errors.js'
import type { ExampleContext } from '../harness/example.js'
import type { Message } from '../protocol/index.js'
import { evaluateSingle, type LocomoInfo } from './memorybench/locomo.js'
import { checked, readRows } from './rows.js'

/** One thing that was said. */
export interface LocomoTurn {
  /** `D3:7`: the seventh turn of the third session. */
  diaId: string
  speaker: string
  text: string
  /** What a picture that was sent shows, by a model. */
  caption?: string | undefined
  session: number
  /** When the session was, in words: `1:56 pm on 8 May, 2023`. */
  date: string
}

export interface LocomoQuestion {
  question: string
  /** The right answer; for category 5 "Not mentioned in the conversation". */
  answer: string
  category: 1 | 2 | 3 | 4 | 5
  /** The turns that hold the answer. */
  evidence: LocomoTurn[]
  /** References that name no turn: in the released file 3 of 2,824. */
  unresolved: string[]
  /** Category 5: the answers to choose from, as (a) and (b). */
  options?: { a: string; b: string } | undefined
}

/** One of the ten conversations, with its questions. */
export interface LocomoConversation {
  id: string
  /** In the order of the sessions. */
  turns: LocomoTurn[]
  questions: LocomoQuestion[]
}

const NOT_MENTIONED = 'Not mentioned in the conversation'
const Text = z.string()
const Turn = z.looseObject({ speaker: Text, dia_id: Text, text: Text, blip_caption: Text.optional() })
const Question = z.looseObject({
  question: Text.min(1),
  answer: z.union([Text, z.number()]).optional(),
  adversarial_answer: Text.optional(),
  evidence: z.array(Text).default([]),
  category: z.literal([1, 2, 3, 4, 5]),
})
const Sample = z.looseObject({
  sample_id: Text.min(1),
  conversation: z.record(Text, z.unknown()),
  qa: z.array(Question),
})

/**
 * The conversations of LoCoMo's own file, `locomo10.json` (snap-research/locomo).
 *
 * Questions of category 5 ask for what was never said; they have an `adversarial_answer` instead of an `answer` (two have
 * both, and count as the others). As in MemoryBench the two answers to choose from change places from one such question
 * of a conversation to the next, beginning with "Not mentioned in the conversation" as (a).
 *
 * @throws InputError naming file, sample and field if something is missing or malformed
 */
export function readLocomo(path: string): LocomoConversation[] {
  return readRows(path).map(({ value, where }) => {
    const { sample_id, conversation, qa } = checked(Sample, value, where)
    const turns = turnsOf(conversation, where)
    const known = new Map(turns.map(turn => [turn.diaId, turn]))
    let adversarial = 0
    const questions = qa.map(({ question, answer, adversarial_answer, evidence, category }, i): LocomoQuestion => {
      const named = evidence.flatMap(idsIn)
      const about = {
        question,
        category,
        evidence: named.flatMap(id => known.get(id) ?? []),
        unresolved: named.filter(id => !known.has(id)),
      }
      const needed = category === 5 ? adversarial_answer : answer
      if (needed === undefined)
        throw new InputError(
          `${where}: qa[${i}] of category ${category} has no ${category === 5 ? 'adversarial_answer' : 'answer'}`,
        )
      if (category !== 5) return { ...about, answer: String(needed) }
      const other = String(needed)
      const options = adversarial++ % 2 === 0 ? { a: NOT_MENTIONED, b: other } : { a: other, b: NOT_MENTIONED }
      return { ...about, answer: NOT_MENTIONED, options }
    })
    return { id: sample_id, turns, questions }
  })
}

/** The turns that a reference names: `D8:6; D9:17`, `D9:1 D4:4`, `D:11:26` and `D30:05` all occur. */
function idsIn(reference: string): string[] {
  const found = [...reference.matchAll(/D:?(\d+):(\d+)/g)].map(
    ([, session, turn]) => `D${Number(session)}:${Number(turn)}`,
  )
  return found.length > 0 ? found : [reference]
}

/** Turns of `session_1`, `session_2`, …, each with `session_N_date_time`. A date without a session says nothing. */
function turnsOf(conversation: Record<string, unknown>, where: string): LocomoTurn[] {
  return Object.keys(conversation)
    .flatMap(key => /^session_(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap(session => {
      const at = `${where}, session_${session}`
      const date = checked(Text, conversation[`session_${session}_date_time`], `${at}_date_time`)
      return checked(z.array(Turn), conversation[`session_${session}`], at).map(
        ({ speaker, dia_id, text, blip_caption: caption }) => ({
          diaId: dia_id,
          speaker,
          text,
          caption,
          session,
          date,
        }),
      )
    })
}

/** A turn as a passage: date, who, what; and what a picture shows. The form of LoCoMo's own prompts. */
export const locomoPassage = ({ date, speaker, text, caption }: LocomoTurn): string =>
  `(${date}) ${speaker} said, "${text}"${caption === undefined ? '' : ` and shared ${caption}.`}`

/** A question as LoCoMo asks it: a date where one is wanted (2), two answers to choose from (5). */
export function locomoQuestion({ question, category, options }: LocomoQuestion): string {
  if (category === 2) return `${question} Use DATE of CONVERSATION to answer with an approximate date.`
  return options ? `${question} Select the correct answer: (a) ${options.a} (b) ${options.b}.` : question
}

export interface LocomoOptions {
  /** What the model is asked; by default the question alone (closed-book), for a short phrase. */
  prompt?: (question: LocomoQuestion, conversation: LocomoConversation) => readonly Message[]
}

const closedBook = (question: LocomoQuestion): Message[] => [
  { role: 'system', content: 'Answer with a short phrase.' },
  { role: 'user', content: locomoQuestion(question) },
]

/**
 * LoCoMo's questions, 1,986 in the released file, one conversation after the other; a chat is a conversation. Scored as
 * LoCoMo does (`f1`, see `locomo` of `lora-harness/adapters/memorybench`), with the category as a detail.
 *
 *     const conversations = readLocomo('locomo10.json')
 *     const said = new Map(conversations.map(({ id, turns }) => [id, turns.map(locomoPassage)]))
 *     new LoRAHarness({
 *       exampleSource: locomoExamples(conversations),
 *       baselines: { bm25: bm25({ passages: ({ chatId }) => said.get(chatId!)! }) }, …
 *
 * @throws InputError as `readLocomo` does
 */
export function locomoExamples(
  from: string | readonly LocomoConversation[],
  { prompt = closedBook }: LocomoOptions = {},
): ExampleContext[] {
  const conversations = typeof from === 'string' ? readLocomo(from) : from
  return conversations.flatMap(conversation =>
    conversation.questions.map((question, i) => {
      const { answer, category, evidence, unresolved, options } = question
      const golden_answer = options ? JSON.stringify(options) : answer
      const info: LocomoInfo = { golden_answer, category, evidence: evidence.map(({ diaId }) => diaId) }
      return {
        datasetName: 'locomo',
        testIdx: `${conversation.id}:${i}`,
        messages: prompt(question, conversation),
        lang: 'en',
        userPrompt: question.question,
        target: answer,
        info: { ...info, unresolved },
        metadata: {},
        chatId: conversation.id,
        evaluate: response => evaluateSingle(info, response),
      }
    }),
  )
}
