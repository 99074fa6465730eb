import { InputError, messageOf } from '../../../errors.js'
import { WORD } from '../metrics/text.js'
import type { JudgeMessage, Judging, Manner } from './model.js'

/** Python's `\b([1-9]|10)\b`: letters, numbers and `_` of any script are parts of a word, combining marks are not. */
const SCORE = new RegExp(`(?<!${WORD})(?:[1-9]|10)(?!${WORD})`, 'u')

/**
 * The first whole number from 1 to 10 in a judge's reply that stands alone: "8.5" has 8, "11" and "7分" none.
 *
 * @returns null where there is none
 */
export function judgeScore(text: string): number | null {
  const found = SCORE.exec(text)
  return found && Number(found[0])
}

/** What a block ```json … ``` of the reply holds; undefined without one. */
export const fencedJson = (text: string): string | undefined => {
  const start = text.indexOf('```json\n')
  const end = start < 0 ? -1 : text.indexOf('\n```', start + 8)
  return end < 0 ? undefined : text.slice(start + 8, end)
}

/** A plain object read from JSON; undefined if the text is anything else. */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** Notes a try that came to nothing, and for which question. The reply is untrusted: only its start is kept. */
export function note(judge: Judging, attempt: number, what: string, reply: string): void {
  judge.errors.push(`try ${attempt + 1}: ${what}: ${JSON.stringify(reply.slice(0, 100))}`)
}

/** Notes an error, which ends the try and not the judging. @throws the error if a further try could not mend it */
export function noteError(judge: Judging, attempt: number, thrown: unknown): void {
  if (thrown instanceof InputError || judge.signal?.aborted) throw thrown
  judge.errors.push(`try ${attempt + 1}: ${messageOf(thrown).slice(0, 500)}`)
}

/**
 * Asks for a score from 1 to 10 up to 3 times.
 *
 * @param afterError the score where the last try failed with an error, as MemoryBench has it
 * @param read the part of the reply to look for the score in
 * @returns null where the last reply has none; MemoryBench then has an empty list, which counts as 0 in its summaries
 */
export async function askScore(
  judge: Judging,
  messages: readonly JudgeMessage[],
  manner: Manner,
  afterError: number,
  read = (reply: string): string => reply,
): Promise<number | null> {
  let score: number | null = null
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const reply = await judge.ask(messages, manner, attempt)
      score = judgeScore(read(reply))
      if (score !== null) return score
      note(judge, attempt, 'no score from 1 to 10', reply)
    } catch (error) {
      noteError(judge, attempt, error)
      score = afterError
    }
  }
  return score
}
