import { strip } from '../metrics/text.js'
import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { askScore } from './parse.js'

/** NFCats: how well does an answer answer a question that asks for more than a fact? */

const MARK = '###Score of the answer:'
const SYSTEM = 'You are a helpful assistant who marks answers to questions.'

/**
 * A score from 1 to 5. As the original it takes any number to 10 that the judge may give, 1 where the last try failed
 * with an error, and null where three replies name no score.
 */
export function judgeAnswer(judge: Judging, prompt: string, response: string): Promise<number | null> {
  const user = `###Task: Mark the answer to the question with one whole number from 1 to 5, and write nothing but the number:
- 1: the answer has nothing to do with the question,
- 2: it has to do with the question and does not solve it,
- 3: it solves a part of the question only,
- 4: it solves most of the question, yet not perfectly,
- 5: it solves the question perfectly

###Question:
${framed('question', prompt)}

###Answer:
${framed('answer', response)}

${MARK}`
  const manner = { temperature: 0, maxTokens: 1024 }
  return askScore(judge, question(SYSTEM, user), manner, 1, reply => strip(reply.split(MARK).at(-1)!))
}
