import { sentences } from './punkt.js'
import { boundary, REGEX_WORD, SPACE, splitWords, WORD } from './text.js'

/**
 * NLTK 3.10's `word_tokenize`: sentences (punkt.ts), and in each the rules of NLTKWordTokenizer, which puts spaces around
 * what is a word of its own, after Robert MacIntyre's script for the Penn Treebank. The order of the rules matters.
 */

type Rule = [pattern: RegExp, replacement: string]

const rule = (pattern: string, replacement: string, flags = 'gu'): Rule => [new RegExp(pattern, flags), replacement]
/** Without regard to case. These run in Python's own engine, the others in the package `regex`: see text.ts. */
const contraction = (pattern: string): Rule => rule(pattern, ' $1 $2 ', 'giu')
const BOUNDARY = boundary(WORD)

const OPENING: Rule[] = [
  rule('([«“‘„]|`+)', ' $1 '),
  rule('^"', '``'),
  rule('(``)', ' $1 '),
  rule(`([ ([{<])("|'{2})`, '$1 `` '),
  rule(`(?<!${REGEX_WORD})(')(?!(?:re|ve|ll|m|t|s|d|n)${boundary(REGEX_WORD)})(?=${REGEX_WORD})`, '$1 ', 'giu'),
]
const PUNCTUATION: Rule[] = [
  // Once closed, the run of closing marks is not taken apart again: the original's is possessive.
  rule(`([^.])(\\.)(?=([\\])}>"'»”’ ]*))\\3\\p{White_Space}*$`, '$1 $2 $3 '),
  rule(String.raw`([:,])(\P{Nd})`, ' $1 $2'),
  rule('([:,])$', ' $1 '),
  rule(String.raw`\.{2,}`, ' $& '),
  rule('[;@#$%&]', ' $& '),
  rule(String.raw`[\u2012-\u2015]`, ' $& '),
  rule(`([^.])(\\.)([\\])}>"']*)\\p{White_Space}*$`, '$1 $2$3 '),
  rule('[?!]', ' $& '),
  rule("([^'])' ", "$1 ' "),
  rule(String.raw`\*`, ' $& '),
  rule(String.raw`[\]\[(){}<>]`, ' $& '),
  rule('--', ' -- '),
]
/** İ and ı are an i to Python where case does not count. */
const CLOSING: Rule[] = [
  rule('([»”’])', ' $1 '),
  rule("''", " '' "),
  rule('"', " '' "),
  rule(String.raw`\p{White_Space}+`, ' '),
  rule("([^' ])('[sS]|'[mM]|'[dD]|') ", '$1 $2 '),
  rule("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", '$1 $2 '),
  ...['(can)(not)', "(d)('ye)", '(g[iİı]m)(me)', '(gon)(na)', '(got)(ta)', '(lem)(me)', "(more)('n)"].map(pair =>
    contraction(BOUNDARY + pair + BOUNDARY),
  ),
  contraction(`${BOUNDARY}(wan)(na)(?=${SPACE})`),
  contraction(` ('t)([iİı]s)${BOUNDARY}`),
  contraction(` ('t)(was)${BOUNDARY}`),
]

/** The words and marks of an English text, as NLTK's `word_tokenize(text)` lists them. */
export const wordTokenize = (text: string): string[] =>
  sentences(text).flatMap(sentence => {
    const open = apply([...OPENING, ...PUNCTUATION], sentence)
    return splitWords(apply(CLOSING, ` ${open} `))
  })

const apply = (rules: readonly Rule[], text: string): string =>
  rules.reduce((sofar, [pattern, replacement]) => sofar.replace(pattern, replacement), text)
