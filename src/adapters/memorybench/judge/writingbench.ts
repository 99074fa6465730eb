import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { jsonObject, note } from './parse.js'

/** WritingBench: a critic marks a text by criteria. MemoryBench asks for all criteria in one call. */

const TRIES = 5
const MANNER = { temperature: 1, maxTokens: 2048, topP: 0.95 }

/**
 * The critic's reply, with or without a block ```json … ```.
 *
 * @returns undefined unless it is an object with a whole `score` from 1 to 10 and a text as `reason`
 */
export function parseCritic(reply: string): { score: number; reason: string } | undefined {
  const { score, reason } = jsonObject(bare(reply)) ?? {}
  const fit = typeof score === 'number' && Number.isInteger(score) && score >= 1 && score <= 10
  return fit && typeof reason === 'string' ? { score, reason } : undefined
}

/** Python's `reply.strip('json|```')`: without any of these characters at both ends. */
function bare(reply: string): string {
  let [start, end] = [0, reply.length]
  while (start < end && 'json|`'.includes(reply[start]!)) start++
  while (end > start && 'json|`'.includes(reply[end - 1]!)) end--
  return reply.slice(start, end)
}

const SYSTEM = 'You are an expert evaluator who has long experience in judging responses to queries.'
const FORMAT = `** Output format **
(Leave out symbols that would break JSON; use no " within the reason)
Reply with JSON of this form and with nothing else:
\`\`\`json
{
    "score": a whole number from 1 to 10,
    "reason": "A detailed justification of the score that names passages of the text."
}
\`\`\``

/**
 * The critic's score, 1 to 10. Five tries: after them the original would go on to judge the critic's own reply in place
 * of the text, or stop altogether.
 *
 * @returns undefined if no reply was fit
 */
export async function judgeWriting(
  judge: Judging,
  query: string,
  criteria: unknown,
  response: string,
): Promise<{ score: number; reason: string } | undefined> {
  const asked = framed('criteria', JSON.stringify(criteria))
  const user = `Evaluate the Response to the Query by the Criteria and the scoring rules.

** Scoring Rules **
"1-2": Low: critical deficiencies and major issues; it does not work.
"3-4": Below average: noticeable shortcomings that weaken the whole; it needs improvement.
"5-6": Average: adequate, not exemplary; it meets the essential requirements. Most models reach this.
"7-8": Above average: strong and competent, with small things to refine.
"9-10": High: exceptional; every aspect is met as well as possible, without a flaw.

- Give reasons for the score: concrete strengths and deficiencies, passages quoted from the Response, gaps to the ideal answer, all by the criteria.
- Be STRICT. Do not be misled by form or length; look below the surface.
- Look out for content that seems substantial and is made up.
- A Response that only introduces or outlines what the Query asks for has failed.
- The score is a whole number from 1 to 10.

${FORMAT}

** Criteria **
${asked}

** Query **
${framed('query', query)}

** Response **
${framed('response', response)}

Judge by the criteria, which are repeated here:
${asked}

${FORMAT}`
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const reply = await judge.ask(question(SYSTEM, user), MANNER, attempt)
    const found = parseCritic(reply)
    if (found) return found
    note(judge, attempt, 'no JSON with a score from 1 to 10 and a reason', reply)
  }
  return undefined
}
