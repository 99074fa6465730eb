import { porterStem } from '../porter.js'
import { wordTokenize } from './tokenize.js'
import { synonyms } from './wordnet.js'

/**
 * METEOR as NLTK 3.10's `meteor_score` computes it, which MemoryBench scores WritingPrompts and JuDGE by. A. Lavie and
 * A. Agarwal, "METEOR: An Automatic Metric for MT Evaluation with High Levels of Correlation with Human Judgments"
 * (2007), with NLTK's peculiarities: the words that stay unmatched by stem go on as stems, so that only those find
 * synonyms whose stem is a word; and words are matched from the end, each to the last free one that is equal.
 */

const ALPHA = 0.9
const GAMMA = 0.5

type Word = readonly [position: number, word: string]
type Match = readonly [hypothesis: number, reference: number]

/** Of two English texts, in [0, 1]. Loads WordNet at the first call. */
export const meteor = (reference: string, hypothesis: string): number =>
  meteorOfTokens(wordTokenize(reference), wordTokenize(hypothesis))

/** Of two texts that are tokens already, in [0, 1]; 0 if no token matches. Linear in their numbers. */
export function meteorOfTokens(reference: readonly string[], hypothesis: readonly string[]): number {
  const matches = align(reference, hypothesis)
  const m = matches.length
  if (m === 0) return 0
  const [precision, recall] = [m / hypothesis.length, m / reference.length]
  const mean = (precision * recall) / (ALPHA * precision + (1 - ALPHA) * recall)
  const chunks = matches.filter((match, i) => !follows(match, matches[i - 1])).length
  return (1 - GAMMA * cube(chunks / m)) * mean
}

const follows = ([h, r]: Match, before?: Match) => before !== undefined && h === before[0] + 1 && r === before[1] + 1

/** Pairs of positions, in the hypothesis' order: equal words, then equal stems, then synonyms. */
function align(reference: readonly string[], hypothesis: readonly string[]): Match[] {
  let [r, h] = [reference, hypothesis].map(tokens => tokens.map((token, i): Word => [i, token.toLowerCase()])) as [
    Word[],
    Word[],
  ]
  const matches: Match[] = []
  const stage = (alternatives: (word: string) => Iterable<string>) => {
    const [hypothesisUsed, referenceUsed] = [new Set<number>(), new Set<number>()]
    const free = byWord(r)
    for (const [position, word] of h.toReversed()) {
      let last: Word[] | undefined
      for (const same of alternatives(word)) {
        const places = free.get(same)
        if (places?.length && (!last || places.at(-1)![0] > last.at(-1)![0])) last = places
      }
      if (!last) continue
      const [place] = last.pop()!
      matches.push([position, place])
      hypothesisUsed.add(position)
      referenceUsed.add(place)
    }
    h = h.filter(([position]) => !hypothesisUsed.has(position))
    r = r.filter(([position]) => !referenceUsed.has(position))
  }
  stage(word => [word])
  const stem = ([position, word]: Word): Word => [position, porterStem(word)]
  ;[r, h] = [r.map(stem), h.map(stem)]
  stage(word => [word])
  stage(synonyms)
  return matches.sort(([a], [b]) => a - b)
}

/** Their places by word, in order. */
function byWord(words: readonly Word[]): Map<string, Word[]> {
  const places = new Map<string, Word[]>()
  for (const word of words) {
    const same = places.get(word[1])
    if (same) same.push(word)
    else places.set(word[1], [word])
  }
  return places
}

/**
 * x³ to the nearest double, as C's `pow` gives it: V8's may be one unit in the last place away. With Dekker's exact
 * products: x² = p + e and x·p = q + f.
 */
function cube(x: number): number {
  const p = x * x
  const q = p * x
  return q + (productError(p, x, q) + productError(x, x, p) * x)
}

function productError(a: number, b: number, product: number): number {
  const [ah, bh] = [high(a), high(b)]
  const [al, bl] = [a - ah, b - bh]
  return al * bl - (product - ah * bh - al * bh - ah * bl)
}

const high = (x: number) => {
  const c = 134217729 * x // 2^27 + 1
  return c - (c - x)
}
