import { ABBREVIATIONS, ALWAYS_FIRST, COLLOCATIONS, MIDDLE_CAPITALS, ORDINARY, STARTERS } from './punkt-english.js'
import { strip, stripEnd } from './text.js'

/**
 * Where sentences end: T. Kiss and J. Strunk, "Unsupervised Multilingual Sentence Boundary Detection", Computational
 * Linguistics 32 (2006), section numbers below; with the details of NLTK 3.10's PunktSentenceTokenizer, which
 * MemoryBench's METEOR splits its texts by, and NLTK's parameters for English.
 */

// NLTK's expressions run in the package `regex`: see text.ts.
const SPACE = String.raw`\p{White_Space}`
const NOT_SPACE = String.raw`\P{White_Space}`
/** What cannot be part of a word. */
const NOT_WORD = String.raw`[)";}\]*:@'({[‘’“”«»?!]`
/** Dashes and ellipses. */
const MULTI = String.raw`(?:-{2,}|\.{2,}|(?:\.${SPACE}){2,}\.)`
const CANDIDATE = new RegExp(`[.?!](?=(?<after>${NOT_WORD}|${SPACE}+(?<next>${NOT_SPACE}+)))`, 'gu')
const TOKEN = new RegExp(
  `${MULTI}|(?=[^("\`{[:;&#*@)}\\]\\-,])${NOT_SPACE}+?` +
    `(?=${SPACE}|$|${NOT_WORD}|${MULTI}|,(?=$|${SPACE}|${NOT_WORD}|${MULTI}))|${NOT_SPACE}`,
  'gu',
)
/** Closing marks at a sentence's start that belong to the one before. */
const CLOSING = new RegExp(`^["')\\]}‘’“”«»]+?(?:${SPACE}+|(?=--)|$)`, 'u')
const NUMBER = /^-?[.,]?\p{Nd}[\p{Nd},.-]*\.?$/u
const INITIAL = /^(?!\p{Nd})[\p{Alphabetic}\p{M}\p{Pc}\p{Join_Control}]\.$/u
const UPPER = /^\p{Uppercase}/u
const LOWER = /^\p{Lowercase}/u

interface Token {
  text: string
  /** In lower case; all numbers are one type. */
  type: string
  ends: boolean
  abbreviated: boolean
}

type Span = [start: number, end: number]

/** The sentences of an English text, without the white space between them. Linear in the text's length. */
export function sentences(text: string): string[] {
  const found: string[] = []
  const spans = [...cut(text)]
  let shift = 0
  for (const [i, [start, end]] of spans.entries()) {
    const from = start + shift
    const next = spans[i + 1]
    const closing = next && CLOSING.exec(text.slice(...next))?.[0]
    shift = closing?.length ?? 0
    const sentence = closing ? text.slice(from, next[0] + stripEnd(closing).length) : text.slice(from, end)
    if (closing || sentence !== '') found.push(sentence)
  }
  return found
}

function* cut(text: string): Generator<Span> {
  let start = 0
  for (const { end, next, context } of candidates(text)) {
    if (!hasBreak(context)) continue
    yield [start, end]
    start = next
  }
  yield [start, stripEnd(text).length]
}

interface Candidate {
  /** Behind the mark. */
  end: number
  /** Where the next sentence would start. */
  next: number
  /** The word before, the mark, and the word or mark after. */
  context: string
}

/** The marks that may end a sentence. Of several in one word the last counts. */
function* candidates(text: string): Generator<Candidate> {
  let [start, stop] = [0, 0]
  let last: Candidate | undefined
  for (const match of text.matchAll(CANDIDATE)) {
    const { after, next } = match.groups as { after: string; next?: string }
    // As in the original, a space directly behind the mark before counts for none.
    const space = lastSpace(text, stop, match.index)
    const from = space > stop ? space + 1 : start
    if (last && stop <= from) yield last
    const end = match.index + 1
    last = { end, next: next ? end + after.length - next.length : end, context: text.slice(from, end) + after }
    ;[start, stop] = [from, match.index]
  }
  if (last) yield last
}

function lastSpace(text: string, from: number, to: number): number {
  for (let i = to - 1; i >= from; i--) if (' \t\n\r\v\f'.includes(text[i]!)) return i
  return -1
}

/** Does a sentence end before the last token? */
function hasBreak(context: string): boolean {
  const tokens = context.split('\n').flatMap(line => (strip(line) ? [...line.matchAll(TOKEN)].map(firstPass) : []))
  return tokens.some((token, i) => {
    const next = tokens[i + 1]
    return next !== undefined && endsBefore(token, next)
  })
}

/** By its type alone (section 3): abbreviation, ellipsis or the end of a sentence? */
function firstPass([text]: RegExpExecArray): Token {
  const type = text.toLowerCase().replace(NUMBER, '##number##')
  const dotted = text.endsWith('.') && !text.endsWith('..')
  const word = text.slice(0, -1).toLowerCase()
  const abbreviated = dotted && text !== '.' && (ABBREVIATIONS.has(word) || ABBREVIATIONS.has(word.split('-').at(-1)!))
  return { text, type, abbreviated, ends: text === '?' || text === '!' || (dotted && !abbreviated) }
}

/** With the token after it (section 4). */
function endsBefore(token: Token, next: Token): boolean {
  const { text, ends } = token
  if (!text.endsWith('.')) return ends
  const type = withoutPeriod(token.type)
  const nextType = next.ends ? withoutPeriod(next.type) : next.type
  if (COLLOCATIONS.has(`${type} ${nextType}`)) return false // 4.1.2
  const initial = INITIAL.test(text)
  const starts = startsSentence(next, nextType)
  const capital = UPPER.test(next.text)
  let result = ends
  if ((token.abbreviated || /^\.\.+$/.test(text)) && !initial) {
    if (starts || (capital && STARTERS.has(nextType))) return true // 4.1.1, 4.1.3
  }
  if (initial || type === '##number##') {
    if (starts === false) result = false
    else if (starts === undefined && initial && capital && !ORDINARY.has(nextType)) result = false // "J. Bach"
  }
  return result
}

const withoutPeriod = (type: string) => (type.length > 1 && type.endsWith('.') ? type.slice(0, -1) : type)

/** The orthographic heuristic (4.1.1): does the next word start a sentence? undefined: unknown. */
function startsSentence({ text }: Token, type: string): boolean | undefined {
  if (text.length === 1 && ';:,.!?'.includes(text)) return false
  if (UPPER.test(text) && ORDINARY.has(type) && !MIDDLE_CAPITALS.has(type)) return true
  return LOWER.test(text) && !ALWAYS_FIRST.has(type) ? false : undefined
}
