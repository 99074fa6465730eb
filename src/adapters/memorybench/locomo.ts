import { HarnessError, messageOf } from '../../errors.js'
import { porterStem } from './porter.js'
import { strip } from './python.js'

/**
 * LoCoMo's scores as MemoryBench computes them (THUIR/MemoryBench, src/dataset/Locomo.py), to the last bit of text
 * handling: Python's idea of white space and of word boundaries, ASCII punctuation, NLTK's stems.
 */

/** What a LoCoMo record tells its scorer. */
export interface LocomoInfo {
  /** For category 5 a JSON object `{ "a": …, "b": … }`, one of which is "Not mentioned in the conversation". */
  golden_answer: string
  category: 1 | 2 | 3 | 4 | 5
  evidence: unknown[]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts these separators as white space.
const SPACE = /[\p{White_Space}\u001c-\u001f]+/u
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`
const ARTICLE = new RegExp(`(?<!${WORD})(?:a|an|the|and)(?!${WORD})`, 'gu')
const PUNCTUATION = /[!-/:-@[-`{-~]/g

const words = (text: string): string[] => text.split(SPACE).filter(word => word !== '')

/** Lower case without ASCII punctuation and the words a, an, the, and; single spaces. "twenty-one" → "twentyone". */
export const normalizeAnswer = (text: string): string =>
  words(text.replaceAll(',', '').toLowerCase().replace(PUNCTUATION, '').replace(ARTICLE, ' ')).join(' ')

/** Do both have the same set of words, once normalised? */
export function exactMatchScore(prediction: string, truth: string): boolean {
  const [p, t] = [prediction, truth].map(text => new Set(words(normalizeAnswer(text))))
  return p!.size === t!.size && [...p!].every(word => t!.has(word))
}

/** 2PR/(P+R) of the stems as multisets, in [0, 1]; 0 if none is shared, even where both are empty. */
export function f1Score(prediction: string, truth: string): number {
  const [p, t] = [prediction, truth].map(text => words(normalizeAnswer(text)).map(porterStem))
  const left = new Map<string, number>()
  for (const stem of t!) left.set(stem, (left.get(stem) ?? 0) + 1)
  let shared = 0
  for (const stem of p!) {
    const count = left.get(stem) ?? 0
    if (count > 0) shared++
    left.set(stem, count - 1)
  }
  if (shared === 0) return 0
  const [precision, recall] = [shared / p!.length, shared / t!.length]
  return (2 * precision * recall) / (precision + recall)
}

/** Both are lists with commas: the mean over the true parts of the best `f1Score` of any predicted part. */
export function f1(prediction: string, truth: string): number {
  const [parts, truths] = [prediction, truth].map(text => text.split(',').map(strip))
  const best = truths!.map(t => Math.max(...parts!.map(part => f1Score(part, t))))
  return best.reduce((sum, score) => sum + score, 0) / best.length
}

/**
 * Maps a reply such as "a" or "(b)" to the text of that option; longer replies are lower-cased and stand for themselves.
 *
 * @param answerKey JSON of the options, `{ "a": …, "b": … }`
 */
export function categoryFiveAnswer(prediction: string, answerKey: string): string {
  const options = optionsOf(answerKey)
  const reply = strip(prediction).toLowerCase()
  const { length } = [...reply]
  if (length === 1) return reply === 'a' ? options.a : options.b
  if (length === 3) return reply === '(a)' ? options.a : options.b
  return reply
}

/** @throws HarnessError if the text is not a JSON object with the texts a and b */
export function optionsOf(answerKey: string): { a: string; b: string } {
  let options: { a?: unknown; b?: unknown }
  try {
    options = Object(JSON.parse(answerKey))
  } catch (cause) {
    throw new HarnessError(`reading the options ${answerKey}: ${messageOf(cause)}`, { cause })
  }
  const { a, b } = options
  if (typeof a === 'string' && typeof b === 'string') return { a, b }
  throw new HarnessError(`reading the options ${answerKey}: a question of category 5 needs the texts a and b`)
}

/** MemoryBench's `evaluate_single`: by category, 1 `f1`; 2, 3, 4 `f1Score`; 5 whether the reply says "not mentioned". */
export function evaluateSingle(info: LocomoInfo, response: string) {
  const { golden_answer, category, evidence } = info
  return { f1: score(info, response), golden_answer, category: String(category), evidence }
}

function score({ golden_answer: golden, category }: LocomoInfo, response: string): number {
  if (category === 1) return f1(strip(response), golden)
  if (category === 3) return f1Score(strip(response), strip(golden.split(';')[0]!))
  if (category !== 5) return f1Score(strip(response), golden)
  return /no information available|not mentioned/.test(categoryFiveAnswer(response, golden).toLowerCase()) ? 1 : 0
}
