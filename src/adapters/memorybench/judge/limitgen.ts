import { HarnessError } from '../../../errors.js'
import { strip } from '../metrics/text.js'
import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { fencedJson, jsonObject, noteError } from './parse.js'

/** LimitGen: is one of at most three limitations that a model sees in a paper the one that was built in? */

const TRIES = 5
const MANNER = { temperature: 0.8, maxTokens: 4096 }

/** An aspect's kinds of limitation, in the order of the judge's numbers. */
const ASPECTS = {
  methodology: [
    [
      'low data quality',
      'Data are collected unreliably, which may bring in bias, or are not preprocessed well enough.',
    ],
    [
      'inappropriate method',
      'Some methods do not fit the research question and may lead to errors or simplify too much.',
    ],
    [
      'lack of novelty',
      'Known techniques are hardly taken further, so effect and use may stay behind what is possible.',
    ],
    [
      'limited performance',
      'The method does not do well enough; it is not robust or does not carry over to other data.',
    ],
  ],
  'experimental design': [
    ['insufficient baseline', 'The approach is not compared with a broad range of established models or methods.'],
    ['limited datasets', 'Few data sets are used, which puts generality and robustness in doubt.'],
    ['inappropriate datasets', 'The data sets do not reflect the task or what it is for.'],
    ['ablation study', 'No ablation study, or none of some module, so what a part contributes stays unclear.'],
  ],
  'result analysis': [
    ['insufficient metric', 'The metrics do not suffice to assess the model as a whole.'],
    ['limited analysis', "Too little is said of the model's behaviour and where it fails."],
    ['result misalignment', 'Text and tables or figures disagree, in numbers or in what compares how.'],
    ['misleading conclusion', 'Conclusions say more of effect or use than the evidence shows.'],
  ],
  'literature review': [
    [
      'limited scope',
      'The review covers a narrow part of the literature or of methods; important work or new views are missing.',
    ],
    ['irrelevant citations', 'Works are cited that have no bearing or are out of date, which weakens the conclusions.'],
    [
      'inaccurate description',
      'Existing methods are described wrongly, which makes context and relevance hard to see.',
    ],
  ],
} as const

/** A category of the set: the aspect that its papers were spoilt in, and the kind of limitation that is right. */
const CATEGORIES = {
  data: ['methodology', 'low data quality'],
  inappropriate: ['methodology', 'inappropriate method'],
  baseline: ['experimental design', 'insufficient baseline'],
  dataset: ['experimental design', 'limited datasets'],
  replace: ['experimental design', 'inappropriate datasets'],
  ablation: ['experimental design', 'ablation study'],
  metric: ['result analysis', 'insufficient metric'],
  analysis: ['result analysis', 'limited analysis'],
  review: ['literature review', 'limited scope'],
  citation: ['literature review', 'irrelevant citations'],
  description: ['literature review', 'inaccurate description'],
} as const satisfies Record<string, readonly [keyof typeof ASPECTS, string]>

export type LimitGenCategory = keyof typeof CATEGORIES
export const LIMITGEN_CATEGORIES = Object.keys(CATEGORIES) as [LimitGenCategory, ...LimitGenCategory[]]

export interface LimitGenInfo {
  ground_truth: string
  category: LimitGenCategory
}

/**
 * The limitations that a response names, at most three: `{"limitations": […]}`, with or without a block ```json … ```.
 *
 * @returns "Invalid Message" in place of them if it is no such JSON, for a judge to reject, as the original has it; and
 *   undefined where the original fails: no such key, or limitations that are no texts
 */
export function parseLimitations(response: string): string[] | undefined {
  const object = jsonObject(fencedJson(response) ?? response)
  if (object && !Object.hasOwn(object, 'limitations')) return undefined
  const given = object?.limitations
  const found = typeof given === 'string' ? [given] : Array.isArray(given) ? given.slice(0, 3) : ['Invalid Message']
  return found.every(limitation => typeof limitation === 'string') ? found : undefined
}

/**
 * The kind of limitation that a reply names by a number, its first character; else the reply itself, which then is
 * compared with the right kind. "0" is the last kind, as a Python list has it.
 */
export function parseSubtype(reply: string, category: LimitGenCategory): string {
  const kinds = [...ASPECTS[CATEGORIES[category][0]].map(([kind]) => kind as string), 'others']
  const first = strip(reply)[0] ?? ''
  return (/\d/.test(first) && kinds.at(Number(first) - 1)) || reply
}

/** The rating in a reply `{"explanation": …, "rating": 1 to 5}`: 0 if it is no such JSON. @throws HarnessError if it is no number */
export function parseRating(reply: string): { rating: number; explanation: unknown } {
  const { rating, explanation } = jsonObject(fencedJson(reply) ?? reply) ?? {}
  if (rating === undefined || explanation === undefined) return { rating: 0, explanation: 'Invalid Message' }
  if (typeof rating === 'number') return { rating, explanation }
  throw new HarnessError(`judging a limitation: the rating is ${JSON.stringify(rating)?.slice(0, 50)}, not a number`)
}

const RATING = `Compare two limitations of a scientific paper, one generated and one known to be true. How closely is the generated one related to the true one, and how specific is it? Explain briefly, then rate from 1 to 5:
- 5: it discusses exactly what the true one does, in like detail.
- 4: it discusses exactly what the true one does, in less detail.
- 3: it is related to the true one and not the same.
- 2: it is loosely related.
- 1: there is no connection.

Reply with a JSON object: {"explanation": <a brief explanation>, "rating": <a whole number from 1 to 5>}`

/** `evaluate_single` of LimitGen: each limitation is asked for aspect, then kind, then how close it comes. */
export async function judgeLimitations(judge: Judging, info: LimitGenInfo, response: string) {
  const [, right] = CATEGORIES[info.category]
  const limitations = parseLimitations(response)
  for (let attempt = 0; limitations && attempt < TRIES; attempt++) {
    try {
      const each = []
      for (const limitation of limitations) each.push(await judgeLimitation(judge, info, limitation, attempt))
      return {
        ground_truth: info.ground_truth,
        accuracy_list: each.map(({ subtype }) => subtype === right),
        predicted_subtype_list: each.map(({ subtype }) => subtype),
        ground_truth_subtype: right,
        explanation_list: each.map(({ explanation }) => explanation),
        rating_list: each.map(({ rating }) => rating),
        rating: each.length === 0 ? 0 : Math.max(...each.map(({ rating }) => rating)),
        accuracy: each.some(({ subtype }) => subtype === right),
      }
    } catch (error) {
      noteError(judge, attempt, error)
    }
  }
  return {
    accuracy: false,
    rating: 0,
    explanation_list: ['Error'],
    rating_list: [0],
    accuracy_list: [false],
    predicted_subtype_list: ['Error'],
    ground_truth_subtype: right,
  }
}

async function judgeLimitation(judge: Judging, info: LimitGenInfo, limitation: string, attempt: number) {
  const [aspect, right] = CATEGORIES[info.category]
  const text = framed('limitation', limitation)
  const ask = (system: string, user: string) => judge.ask(question(system, user), MANNER, attempt)
  const related = await ask(
    `Is the limitation of a scientific paper that follows related to its ${aspect}? Reply "yes" or "no" only.`,
    text,
  )
  if (!related.toLowerCase().startsWith('yes')) return { subtype: 'N/A', rating: 0, explanation: 'N/A' }
  const kinds = ASPECTS[aspect].map(([kind, what], i) => `${i + 1}. ${kind}: ${what}`)
  const list = [...kinds, `${kinds.length + 1}. others`].join('\n')
  const asked = `Which of these kinds is the limitation of a scientific paper that follows?\n${list}\n\nReply with the number only.`
  const subtype = parseSubtype(await ask(asked, text), info.category)
  if (subtype !== right) return { subtype, rating: 0, explanation: 'N/A' }
  const pair = `The true limitation:\n${framed('true limitation', info.ground_truth)}\n\nThe generated one:\n${text}`
  const reply = await ask(RATING, `${pair}\n\nExplain briefly, then rate from 1 to 5.`)
  return { subtype, ...parseRating(reply) }
}
