import { strip } from '../metrics/text.js'
import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { note } from './parse.js'

/** DialSim: is an answer about a TV show's dialogue right? */

const TRIES = 3
const MANNER = { temperature: 0.2, maxTokens: 1024 }
const VERDICTS = new Map([
  ['correct', true],
  ['correct.', true],
  ['wrong', false],
  ['wrong.', false],
])
const verdict = (reply: string): boolean | undefined => VERDICTS.get(strip(reply.toLowerCase()))

/**
 * What a judge's replies come to: the first of at most three that is no more than "Correct" or "Wrong" (in any case, with
 * or without a full stop) decides, and if none is, the answer counts as wrong.
 *
 * @param replies in the order of asking; those after the deciding one are not looked at
 * @returns `calls` is how many replies it took
 */
export function parseJudge(replies: readonly string[]): { out: boolean; calls: number } {
  const asked = replies.slice(0, TRIES)
  const decided = asked.findIndex(reply => verdict(reply) !== undefined)
  return decided < 0 ? { out: false, calls: asked.length } : { out: verdict(asked[decided]!)!, calls: decided + 1 }
}

/** Is the answer the true one up to case, white space around it and a full stop? Then no judge is needed. */
export function saysExactly(golden: string, response: string): boolean {
  const [said, right] = [response, golden].map(text => strip(text.toLowerCase()))
  return said === right || said === `${right}.`
}

const SYSTEM =
  'You are given a question, its true answer and a prediction, and decide whether the prediction is right. ' +
  'It is right if it says in essence the same as the true answer, and wrong otherwise. ' +
  'Reply with one word, "Correct" or "Wrong", and with nothing else.'

/** The judge's verdict on an answer that is not exactly the true one. */
export async function judgeAnswer(judge: Judging, prompt: string, golden: string, response: string): Promise<boolean> {
  const user =
    `${framed('question', prompt)}\n\n${framed('true answer', golden)}\n\n${framed('prediction', response)}\n\n` +
    'Is the prediction right? Reply "Correct" or "Wrong" only.'
  const replies: string[] = []
  while (replies.length < TRIES) {
    const reply = await judge.ask(question(SYSTEM, user), MANNER, replies.length)
    replies.push(reply)
    if (verdict(reply) !== undefined) break
    note(judge, replies.length - 1, 'neither "Correct" nor "Wrong"', reply)
  }
  return parseJudge(replies).out
}
