import { SPACE, strip } from '../metrics/text.js'
import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { fencedJson, jsonObject, note } from './parse.js'

/** IdeaBench: hypotheses from abstracts, against the paper that was written. */

const MANNER = { temperature: 0, maxTokens: 1024 }
/** What stands between the hypotheses of a response. */
const SEPARATOR = '---IDEA-SEPARATOR---'

/** The hypotheses of a response, "NULL" in place of those that are missing to three. More than three stay. */
export function hypothesesOf(response: string): string[] {
  const found = response.split(SEPARATOR).flatMap(part => strip(part) || [])
  return [...found, ...Array<string>(Math.max(0, 3 - found.length)).fill('NULL')]
}

/** The rating in a reply `{"rating": 1 to 10, "explanation": …}`; null if it is no such JSON. */
export function parseOverlap(reply: string): number | null {
  const text = reply.includes('```json') ? fencedJson(reply) : reply
  const rating = text === undefined ? undefined : jsonObject(text)?.rating
  return typeof rating === 'number' ? rating : null
}

const RANKED = new RegExp(String.raw`\*\*${SPACE}*Hypothesis${SPACE}+([A-Z])${SPACE}*\*\*`, 'gu')

/** The letters that a reply ranks, the best first: every `**Hypothesis X**` in it. */
export const parseRanking = (reply: string): string[] => Array.from(reply.matchAll(RANKED), found => found[1]!)

/**
 * How far the true paper, hypothesis A, falls behind: (its rank − 1) / number of hypotheses. 0 where it comes first, 1
 * where all hypotheses are put before it.
 *
 * @returns −1 / hypotheses if nothing is ranked, as the original has it; undefined if others are and A is not, where it
 *   fails
 */
export function rankScore(ranking: readonly string[], hypotheses: number): number | undefined {
  const rank = ranking.length === 0 ? 0 : ranking.indexOf('A') + 1
  return ranking.length > 0 && rank === 0 ? undefined : (rank - 1) / hypotheses
}

/** How much of the abstract's ideas a hypothesis has: 1 to 10. */
export async function judgeOverlap(judge: Judging, hypothesis: string, abstract: string): Promise<number | null> {
  const system =
    'You are an expert in scientific content. You rate how far the ideas of a hypothesis overlap with those of an ' +
    'abstract, from 1 (hardly or not at all) to 10 (wholly or nearly so), and explain your rating briefly. ' +
    'Your reply MUST be a JSON object with two keys: "rating" (a whole number from 1 to 10) and "explanation" (a text).'
  const user = `${framed('hypothesis', hypothesis)}\n\n${framed('abstract', abstract)}`
  const reply = await judge.ask(question(system, user), MANNER, 0)
  const rating = parseOverlap(reply)
  if (rating === null) note(judge, 0, 'no JSON with a rating', reply)
  return rating
}

/** Where the true paper stands among the hypotheses by novelty or feasibility. */
export async function judgeRank(
  judge: Judging,
  hypotheses: readonly string[],
  abstract: string,
  criterion: 'novelty' | 'feasibility',
): Promise<{ score: number | undefined; ranking: string[] }> {
  const system = `You are a reviewer who ranks research ideas by their ${criterion}: the idea with the highest ${criterion} comes first. Reply with a numbered list, the best idea first, in this form:
1. **Hypothesis C**: (brief reason)
2. **Hypothesis A**: (brief reason)
…`
  const candidates = [abstract, ...hypotheses].map((text, i) => {
    const letter = String.fromCharCode('A'.charCodeAt(0) + i)
    return `**Hypothesis ${letter}**:\n${framed(`hypothesis ${letter}`, text)}`
  })
  const user = `The hypotheses to rank:\n\n${candidates.join('\n\n')}`
  const reply = await judge.ask(question(system, user), MANNER, 0)
  const ranking = parseRanking(reply)
  const score = rankScore(ranking, hypotheses.length)
  if (score === undefined || ranking.length === 0) note(judge, 0, `no rank of A by ${criterion}`, reply)
  return { score, ranking }
}
