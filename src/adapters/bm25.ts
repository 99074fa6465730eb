import MiniSearch from 'minisearch'
import { InputError } from '../errors.js'

/** A text that can be found. */
export interface Passage {
  /** What is searched. */
  readonly text: string
  /** What is answered where this passage is the best one; the text itself by default. */
  readonly answer?: string | undefined
}

/** A passage with its score [nats], above 0, and its position among those searched. */
export interface Found {
  readonly text: string
  readonly answer: string
  readonly score: number
  readonly index: number
}

/** Okapi's usual values; d = 0 makes of MiniSearch's BM25+ plain BM25. */
const OKAPI = { k: 1.2, b: 0.75, d: 0 }

/** Lower-cased runs of letters, marks and digits; a Han character is a word of its own. No stems, no stop words. */
export const bm25Words = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/\p{sc=Han}|(?:(?!\p{sc=Han})[\p{L}\p{M}\p{N}])+/gu) ?? []

/**
 * An index over passages, and what finds those most like a query:
 *
 *     score(q, p) = Σ over words t of q: ln(1 + (N − n_t + ½)/(n_t + ½)) · f·(k1 + 1) / (f + k1·(1 − b + b·|p|/avg|p|))
 *
 * with N passages, n_t of which have t, f times in p; k1 = 1.2, b = 0.75. |p| counts *different* words, as MiniSearch
 * does. Source: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the
 * logarithm's + 1 of Lucene, so that no word counts against a passage.
 *
 * @returns the best `k` passages that share a word with the query, best first; equal ones in their order
 */
export function bm25Search(passages: readonly (string | Passage)[]): (query: string, k?: number) => Found[] {
  const known = passages.map(passage => (typeof passage === 'string' ? { text: passage } : passage))
  const index = new MiniSearch<{ id: number; text: string }>({
    fields: ['text'],
    tokenize: bm25Words,
    processTerm: word => word,
    searchOptions: { bm25: OKAPI },
  })
  index.addAll(known.map(({ text }, id) => ({ id, text })))
  return (query, k = 1) => {
    if (!(Number.isInteger(k) && k > 0))
      throw new InputError(`searching passages: k is ${k}; it must be a positive integer`)
    return (
      index
        .search(query)
        // MiniSearch multiplies by the number of words matched, which is no part of BM25.
        .map(({ id, score, queryTerms }) => ({ index: id as number, score: score / queryTerms.length }))
        .sort((a, b) => b.score - a.score || a.index - b.index)
        .slice(0, k)
        .map(({ index, score }) => {
          const { text, answer = text } = known[index]!
          return { text, answer, score, index }
        })
    )
  }
}
