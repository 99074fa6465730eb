import { z } from 'zod'
import { InputError, messageOf } from '../../errors.js'
import type { ExampleContext } from '../../harness/example.js'
import { evaluateSingle, type LocomoInfo, optionsOf } from './locomo.js'
import { parsePython } from './python.js'

/** The LoCoMo sets, one for each conversation. */
export const LOCOMO = Array.from({ length: 10 }, (_, i) => `Locomo-${i}`)

const Answer = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())])
const Info = z.object({
  golden_answer: Answer,
  category: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)]),
  evidence: z.array(z.unknown()).default([]),
})
const Row = z.object({
  dataset_name: z.string().min(1),
  split: z.enum(['train', 'test']).optional(),
  test_idx: z.number().int().nonnegative(),
  input_prompt: z.string().min(1),
  origin_question: z.string().optional(),
  lang: z.string().min(1),
  info: z.preprocess(parseCell, Info).transform(normalise),
})

/** One row of a LoCoMo set, its cells parsed. */
export type LocomoRecord = z.infer<typeof Row>

/** MemoryBench's string cells are Python literals or JSON; they are tried in that order, as MemoryBench does. */
function parseCell(cell: unknown, context: z.RefinementCtx): unknown {
  if (typeof cell !== 'string') return cell
  try {
    return parsePython(cell)
  } catch (cause) {
    try {
      return JSON.parse(cell)
    } catch {
      context.addIssue({ code: 'custom', message: `neither JSON nor a Python literal: ${messageOf(cause)}` })
      return z.NEVER
    }
  }
}

/** Answers as MemoryBench has them after loading: `str(answer)`, or the JSON of the options for category 5. */
function normalise(info: z.infer<typeof Info>): LocomoInfo {
  return { ...info, golden_answer: answerText(info.golden_answer) }
}

function answerText(answer: z.infer<typeof Answer>): string {
  if (typeof answer === 'object') {
    const items = Object.entries(answer).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    return `{${items.join(', ')}}`
  }
  if (typeof answer === 'boolean') return answer ? 'True' : 'False'
  return String(answer)
}

/** @throws InputError saying where, and which field is wrong */
export function parseRecord(row: unknown, where: string): LocomoRecord {
  const { data, error } = Row.safeParse(row)
  if (error) throw new InputError(`${where}: ${z.prettifyError(error)}`)
  return data
}

/**
 * The example that a record stands for: its prompt as one user turn, the golden answer as the target, and LoCoMo's
 * score. For category 5 the target is the text of the option that says "Not mentioned".
 *
 * @throws InputError saying where, if a record of category 5 has no such option
 */
export function exampleOf(record: LocomoRecord, chatId: string | undefined, where: string): ExampleContext {
  const { dataset_name, split, test_idx, input_prompt, origin_question, lang, info } = record
  return {
    datasetName: dataset_name,
    split,
    testIdx: test_idx,
    messages: [{ role: 'user', content: input_prompt }],
    lang,
    userPrompt: input_prompt,
    target: info.category === 5 ? notMentioned(info.golden_answer, where) : info.golden_answer,
    info: { ...info },
    metadata: origin_question === undefined ? {} : { origin_question },
    chatId,
    evaluate: response => evaluateSingle(info, response),
  }
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
