import { z } from 'zod'
import { InputError, messageOf } from '../../errors.js'
import type { Evaluation, ExampleContext } from '../../harness/example.js'
import { dialogOf } from './feedback.js'
import { optionsOf } from './locomo.js'
import { parseColumn, parsePython } from './python.js'

/** Columns of a record beside its dialogs. */
export const COLUMNS: readonly string[] = [
  'dataset_name',
  'split',
  'test_idx',
  'input_prompt',
  'input_chat_messages',
  'origin_question',
  'lang',
  'info',
  'id',
  'category',
  'domain',
]

const Answer = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())])
const Golden = z.looseObject({ golden_answer: z.string() })
/** What the scorer of a set must have, by the part of its name before the first hyphen. */
const INFO = {
  Locomo: z
    .looseObject({
      golden_answer: Answer,
      category: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)]),
      evidence: z.array(z.unknown()).default([]),
    })
    .transform(info => ({ ...info, golden_answer: answerText(info.golden_answer) })),
  DialSim: Golden,
  JuDGE: Golden,
  LexEval: Golden,
  WritingPrompts: Golden,
  HelloBench: z.looseObject({ checklist: z.array(z.unknown()) }),
  WritingBench: z.looseObject({ criteria: z.array(z.unknown()) }),
  LimitGen: z.looseObject({ ground_truth: z.string(), category: z.string() }),
  IdeaBench: z.looseObject({ abstract: z.string() }),
  JRE: z.looseObject({ 'pr-abstract': z.string() }),
  NFCats: z.looseObject({}),
}
type Family = keyof typeof INFO
const familyOf = (name: string) => name.split('-')[0] as Family

const Cell = (name: string) => z.preprocess((cell, context) => parsed(name, cell, context), z.unknown())
const Chat = z.array(z.object({ role: z.string().min(1), content: z.string() })).min(1)
const Scalar = z.union([z.string(), z.number()])
const Row = z
  .looseObject({
    dataset_name: z.string().min(1),
    split: z.enum(['train', 'test']).optional(),
    test_idx: z.number().int().nonnegative(),
    input_prompt: z.string().min(1).nullish(),
    input_chat_messages: Cell('input_chat_messages').pipe(Chat.nullish()),
    origin_question: z.string().nullish(),
    lang: z.string().min(1),
    info: Cell('info').pipe(z.record(z.string(), z.unknown())),
    id: Scalar.nullish(),
    category: Scalar.nullish(),
    domain: Scalar.nullish(),
  })
  .refine(row => row.input_prompt || row.input_chat_messages, 'needs input_prompt or input_chat_messages')

/** One row of a set, its cells parsed; columns that MemoryBench may add later stay as they are. */
export type MemoryBenchRecord = z.infer<typeof Row>

function parsed(name: string, cell: unknown, context: z.RefinementCtx): unknown {
  const value = parseColumn(name, cell)
  if (typeof value !== 'string') return value
  try {
    parsePython(value)
  } catch (cause) {
    context.addIssue({ code: 'custom', message: `neither JSON nor a Python literal: ${messageOf(cause)}` })
  }
  return z.NEVER
}

/** Answers as MemoryBench has them after loading: `str(answer)`, or `json.dumps` of the options for category 5. */
function answerText(answer: z.infer<typeof Answer>): string {
  if (typeof answer === 'object') {
    const items = Object.entries(answer).map(([name, value]) => `${asciiJson(name)}: ${asciiJson(value)}`)
    return `{${items.join(', ')}}`
  }
  if (typeof answer === 'boolean') return answer ? 'True' : 'False'
  return String(answer)
}

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u0080-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/**
 * A row of a set, its columns read (`parseColumn`) and checked, its answer as MemoryBench's loader leaves it.
 *
 * @throws InputError saying where, and which field is wrong
 */
export function parseRecord(row: unknown, where: string): MemoryBenchRecord {
  const wrong = (error: z.ZodError) => new InputError(`${where}: ${z.prettifyError(error)}`)
  const { data, error } = Row.safeParse(row)
  if (error) throw wrong(error)
  const info = z.object({ info: INFO[familyOf(data.dataset_name)] }).safeParse(data)
  if (info.error) throw wrong(info.error)
  return { ...data, info: info.data.info }
}

/** How a response to a record is scored, and what else an example of it is given. */
export interface ExampleParts {
  evaluate: (record: MemoryBenchRecord, userPrompt: string, response: string) => Evaluation | Promise<Evaluation>
  chatId: string | undefined
  /** The memory system whose dialog goes along as `metadata.feedback`. */
  feedback: string | undefined
}

/**
 * The example that a record stands for: its prompt as one user turn, or its chat; as the target the golden answer
 * where there is one: of Locomo, DialSim, JuDGE, LexEval and WritingPrompts `golden_answer` (for LoCoMo's category 5
 * the text of the option that says "Not mentioned"), of JRE-L and IdeaBench the abstract that answers are compared
 * with. HelloBench, WritingBench, NFCats and LimitGen have none.
 *
 * @throws InputError saying where, if a record of category 5 has no such option, or there is no such dialog
 */
export function exampleOf(record: MemoryBenchRecord, where: string, parts: ExampleParts): ExampleContext {
  const { dataset_name, split, test_idx, input_prompt, input_chat_messages, lang, info } = record
  const messages = input_prompt ? [{ role: 'user', content: input_prompt }] : input_chat_messages!
  const userPrompt = messages.findLast(({ role }) => role === 'user')?.content ?? ''
  const { origin_question, id, category, domain } = record
  const known = Object.entries({ origin_question, id, category, domain }).filter(([, value]) => value != null)
  const feedback = parts.feedback === undefined ? {} : { feedback: dialogOf(record, parts.feedback, where) }
  return {
    datasetName: dataset_name,
    split,
    testIdx: test_idx,
    messages,
    lang,
    userPrompt,
    target: targetOf(record, where),
    info,
    metadata: { ...Object.fromEntries(known), ...feedback },
    chatId: parts.chatId,
    evaluate: response => parts.evaluate(record, userPrompt, response),
  }
}

function targetOf({ dataset_name, info }: MemoryBenchRecord, where: string): string | undefined {
  const family = familyOf(dataset_name)
  if (family === 'Locomo' && info.category === 5) return notMentioned(info.golden_answer as string, where)
  const key = { JRE: 'pr-abstract', IdeaBench: 'abstract' }[family as string] ?? 'golden_answer'
  return info[key] as string | undefined
}

function notMentioned(answerKey: string, where: string): string {
  let options: { a: string; b: string }
  try {
    options = optionsOf(answerKey)
  } catch (cause) {
    throw new InputError(`${where}: ${messageOf(cause)}`, { cause })
  }
  const found = [options.a, options.b].find(option => /not mentioned/i.test(option))
  if (found !== undefined) return found
  throw new InputError(`${where}: no option of ${answerKey} says "Not mentioned", as one of category 5 must`)
}
