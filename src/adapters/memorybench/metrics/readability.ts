import { EASY, PATTERNS } from './readability-data.js'
import { boundary, SPACE, splitWords, WORD } from './text.js'

/**
 * Readability of English texts as version 0.7.3 of the Python package `textstat` computes it (later versions count
 * syllables, words and sentences differently). It rounds between the steps.
 */
export interface Readability {
  /** Coleman–Liau index [school grade]. */
  CLI: number
  /** Flesch–Kincaid grade level [school grade]. */
  FKGL: number
  /** Dale–Chall readability score. */
  DCRS: number
}

const ASTRAL = /[\u{10000}-\u{10ffff}]/gu
const NO_WORD = new RegExp(`(?!${WORD}|${SPACE})[^]`, 'gu')
const SPACES = new RegExp(SPACE, 'gu')
const SENTENCE = new RegExp(`${boundary(WORD)}[^.!?]+[.!?]*`, 'gu')
const DALE_CHALL_WORD = /[\p{L}\p{N}_='‘’]+/gu

/** Scores of a text; of one without words CLI is −15.8, FKGL −15.6 and DCRS 0. Linear in the text's length. */
export function readability(text: string): Readability {
  const count = words(text).length
  const sentences = sentenceCount(text)
  const perWord = (n: number, digits: number) => (count === 0 ? 0 : round(n / count, digits))
  const letters = withoutPunctuation(text.replace(SPACES, '')).replace(ASTRAL, '_').length
  const length = round(count / sentences, 1)
  const syllables = words(text.toLowerCase()).reduce((sum, word) => sum + breaks(word) + 1, 0)
  return {
    CLI: round(0.058 * round(perWord(letters, 2) * 100, 2) - 0.296 * round(perWord(sentences, 2) * 100, 2) - 15.8, 2),
    FKGL: round(0.39 * length + 11.8 * perWord(syllables, 1) - 15.59, 1),
    DCRS: count === 0 ? 0 : daleChall(text, count, length),
  }
}

/** From the share of words that are not known to be easy; each different one counts once, though the words count all. */
function daleChall(text: string, count: number, length: number): number {
  const difficult = [...new Set(text.toLowerCase().match(DALE_CHALL_WORD))].filter(word => !EASY.has(word)).length
  const percent = 100 - ((count - difficult) / count) * 100
  const score = 0.1579 * percent + 0.0496 * length
  return round(percent > 5 ? score + 3.6365 : score, 2)
}

const withoutPunctuation = (text: string): string => text.replace(NO_WORD, '')
const words = (text: string): string[] => splitWords(withoutPunctuation(text))

/** Those of up to two words do not count; at least 1. */
const sentenceCount = (text: string): number =>
  Math.max(1, (text.match(SENTENCE) ?? []).filter(sentence => words(sentence).length > 2).length)

/** textstat's own: halves away from zero, and negative numbers as if they were one step lower. */
function round(x: number, digits: number): number {
  const p = 10 ** digits
  return Math.floor(x * p + (x < 0 ? -0.5 : 0.5)) / p
}

/** F. Liang's patterns: letters, and where their digits stand. */
let patterns: ReadonlyMap<string, readonly number[]> | undefined
let longest = 0

/**
 * Where a word in lower case may be hyphenated, at least two letters from its ends: of the digits that all patterns in it
 * put between two letters, the largest is odd (F. Liang, "Word Hy-phen-a-tion by Com-put-er", 1983).
 */
function breaks(word: string): number {
  patterns ??= parse()
  const dotted = `.${word.replace(ASTRAL, '_')}.`
  const levels = new Uint8Array(dotted.length + 1)
  for (let i = 0; i < dotted.length; i++)
    for (let j = i + 1; j <= Math.min(i + longest, dotted.length); j++)
      patterns.get(dotted.slice(i, j))?.forEach((level, k) => {
        levels[i + k] = Math.max(level, levels[i + k]!)
      })
  // Level i + 1 stands before letter i.
  return levels.subarray(3, -3).reduce((sum, level) => sum + (level % 2), 0)
}

function parse(): Map<string, number[]> {
  return new Map(
    PATTERNS.map(pattern => {
      const parts = [...pattern.matchAll(/(\d?)(\D?)/g)]
      const letters = parts.map(([, , letter]) => letter).join('')
      longest = Math.max(longest, letters.length)
      return [letters, parts.map(([, digit]) => Number(digit))]
    }),
  )
}
