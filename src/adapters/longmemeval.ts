import { basename } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.js'
import type { Evaluation, ExampleContext } from '../harness/example.js'
import type { Message } from '../protocol/index.js'
import { type Item, jsonItemAt, jsonItems } from './json-items.js'
import { f1Score } from './memorybench/locomo.js'
import { checked } from './rows.js'

const Kind = z.enum([
  'single-session-user',
  'single-session-assistant',
  'single-session-preference',
  'multi-session',
  'temporal-reasoning',
  'knowledge-update',
])
const Turn = z.looseObject({ role: z.string().min(1), content: z.string(), has_answer: z.boolean().nullish() })
const Row = z.looseObject({
  question_id: z.string().min(1),
  question_type: Kind,
  question: z.string().min(1),
  answer: z.union([z.string(), z.number()]),
  question_date: z.string(),
  haystack_session_ids: z.array(z.string()),
  haystack_dates: z.array(z.string()),
  haystack_sessions: z.array(z.array(Turn)),
  answer_session_ids: z.array(z.string()),
})

/** One session of the history before a question. */
export interface LongMemEvalSession {
  id: string
  /** `2023/05/20 (Sat) 02:21` */
  date: string
  turns: { role: string; content: string; hasAnswer: boolean }[]
}

export interface LongMemEvalQuestion {
  id: string
  type: z.infer<typeof Kind>
  /** Cannot be answered from the history; `answer` explains why. */
  isAbstention: boolean
  question: string
  /** The right answer; for single-session-preference a rubric for it. */
  answer: string
  date: string
  sessions: LongMemEvalSession[]
  /** The sessions that hold the answer. */
  evidence: string[]
}

/** Asks a model; gives its reply. */
export type AskJudge = (prompt: string) => string | Promise<string>

export interface LongMemEvalOptions {
  /** What the model is asked; by default the question with its date, without the history. */
  prompt?: (question: LongMemEvalQuestion) => readonly Message[]
  /** A model that says whether a response is right; without one there is no metric `correct`. */
  judge?: AskJudge
}

const closedBook = ({ question, date }: LongMemEvalQuestion): Message[] => [
  { role: 'user', content: `Current date: ${date}\n${question}` },
]

/**
 * LongMemEval (xiaowu0162/LongMemEval): `longmemeval_s.json`, `_m` or `_oracle`, 500 questions, each with a history of
 * its own, which is its chat. The file is read as the run goes, a question at a time; examples do not hold histories.
 * `history` reads that of an example read before, for training on it:
 *
 *     const { exampleSource, history } = longMemEvalExamples('longmemeval_s.json')
 *     retrieveLoraFn: async example => { const { sessions } = history(example.chatId!); … }
 *
 * @throws InputError naming file, record and field if something is malformed
 */
export function longMemEvalExamples(file: string, { prompt = closedBook, judge }: LongMemEvalOptions = {}) {
  const places = new Map<string, Omit<Item, 'value'>>()
  function* examples(): Generator<ExampleContext> {
    for (const { value, ...place } of jsonItems(file)) {
      const question = questionOf(value, place.where)
      const { id, type, answer, evidence } = question
      places.set(id, place)
      const known = { ...question, sessions: [] }
      yield {
        datasetName: basename(file, '.json'),
        testIdx: id,
        messages: [...prompt(question)],
        lang: 'en',
        userPrompt: question.question,
        target: answer,
        info: { answer, type, evidence },
        metadata: {},
        chatId: id,
        evaluate: response => scoreLongMemEval(known, response, judge),
      }
    }
  }
  const history = (id: string): LongMemEvalQuestion => {
    const place = places.get(id)
    if (!place) throw new InputError(`looking for the history of ${id}: no question of that id was read from ${file}`)
    return questionOf(jsonItemAt(file, place), place.where)
  }
  return { exampleSource: { [Symbol.iterator]: examples }, history }
}

function questionOf(value: unknown, where: string): LongMemEvalQuestion {
  const row = checked(Row, value, where)
  const { haystack_sessions: sessions, haystack_dates: dates, haystack_session_ids: ids } = row
  if (dates.length !== sessions.length || ids.length !== sessions.length)
    throw new InputError(
      `${where}: ${sessions.length} haystack_sessions, ${dates.length} haystack_dates, ${ids.length} haystack_session_ids; they must be as many`,
    )
  return {
    id: row.question_id,
    type: row.question_type,
    isAbstention: row.question_id.endsWith('_abs'),
    question: row.question,
    answer: String(row.answer),
    date: row.question_date,
    sessions: sessions.map((turns, i) => ({
      id: ids[i]!,
      date: dates[i]!,
      turns: turns.map(({ role, content, has_answer }) => ({ role, content, hasAnswer: has_answer === true })),
    })),
    evidence: row.answer_session_ids,
  }
}

/** A session as a passage for `bm25`: its date, then who said what. */
export const longMemEvalPassage = ({ date, turns }: LongMemEvalSession): string =>
  [date, ...turns.map(({ role, content }) => `${role}: ${content}`)].join('\n')

/** What people and models say when they do not know. */
const ABSTAINS =
  /\b(?:not (?:been )?(?:mentioned|provided|specified|stated|discussed)|(?:did|do|does|have|has)(?: not|n['’]t) (?:mention|know|provide|specify|have (?:any|that|this|enough|access))|no (?:information|record|mention)|(?:not enough|insufficient|incomplete) information|(?:can|could)(?:not|['’]t| not) (?:answer|determine|find|recall|tell)|unanswerable|unknown)\b/i

/**
 * - `f1`: LoCoMo's token F1 with the right answer, in [0, 1]. An abstention question scores 1 if the response says that
 *   it does not know, as LoCoMo's category 5 does; a preference question has none, for its answer is a rubric.
 * - `abstained`: does the response say that it does not know? By the usual phrases, no model.
 * - `correct`: what the judge says. Missing without one, and where its reply says neither yes nor no.
 *
 * The detail `category` is the question's type; abstention questions, which LongMemEval counts under their type and once
 * more apart, are one of their own here.
 */
export async function scoreLongMemEval(
  question: LongMemEvalQuestion,
  response: string,
  judge?: AskJudge,
): Promise<Evaluation> {
  const { answer, type, isAbstention } = question
  const abstained = ABSTAINS.test(response.slice(0, 100_000))
  const f1 = isAbstention
    ? Number(abstained)
    : type === 'single-session-preference'
      ? undefined
      : f1Score(response, answer)
  const reply = await judge?.(judgePrompt(question, response))
  const verdict = reply === undefined ? undefined : /^\W*(yes|no)\b/i.exec(reply)?.[1]
  return {
    f1,
    correct: verdict === undefined ? undefined : verdict.toLowerCase() === 'yes',
    abstained,
    golden_answer: answer,
    category: isAbstention ? 'abstention' : type,
    judge_reply: reply?.slice(0, 1000),
  }
}

/** What makes a response right, by type: LongMemEval's rules, in our words. */
const RULES: Record<LongMemEvalQuestion['type'] | 'abstention', string> = {
  'single-session-user': 'It is right if it contains the correct answer or says the same; part of it is not enough.',
  'single-session-assistant':
    'It is right if it contains the correct answer or says the same; part of it is not enough.',
  'multi-session': 'It is right if it contains the correct answer or says the same; part of it is not enough.',
  'temporal-reasoning':
    'It is right if it contains the correct answer or says the same; part of it is not enough. A number of days, weeks or months may be off by one.',
  'knowledge-update': 'It is right if it gives the correct, latest answer; it may mention what held before as well.',
  'single-session-preference':
    'The correct answer is a rubric. The response is right if it recalls what the user likes or said of themselves and makes proper use of it; it need not meet every point.',
  abstention:
    'The question cannot be answered from what was said; the correct answer explains why. The response is right if it says so, or says that it lacks the information.',
}

/** The question to a judge. Its reply should begin with yes or no. */
export function judgePrompt({ question, answer, type, isAbstention }: LongMemEvalQuestion, response: string): string {
  return [
    'Judge whether a response to a question is right.',
    RULES[isAbstention ? 'abstention' : type],
    `Question: ${question}`,
    `Correct answer: ${answer}`,
    `Response: ${response}`,
    'Is the response right? Answer with yes or no only.',
  ].join('\n\n')
}
