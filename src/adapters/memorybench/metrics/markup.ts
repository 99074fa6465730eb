/**
 * The text of a judgment that may hold HTML, as MemoryBench prepares it: Chinese punctuation, no spaces, and what Beautiful
 * Soup finds between the tags (its parser is Python's html.parser), each piece without white space around it.
 */

import { strip } from './text.js'

/** Replaced one after the other. */
const REPLACED: readonly (readonly [from: string, to: string])[] = [
  [':', '：'],
  [' ', ''],
  ['(', '（'],
  [')', '）'],
  ['\u3000', ' '],
  ['\xa0', ' '],
  ['<p>', ''],
  ['</p>', ''],
  ['<br>', ''],
  ['&#xD;', ''],
  ['\ufffd', ''],
]

const NAMED = new Map(
  Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: '\xa0',
    middot: '·',
    times: '×',
    hellip: '…',
  }).concat(Object.entries({ ldquo: '“', rdquo: '”', lsquo: '‘', rsquo: '’', mdash: '—', ndash: '–', yen: '¥' })),
)

/**
 * The prepared text. Where markup is broken it may differ from the original, and named characters other than the commonest
 * stay as they are written.
 */
export function plainText(text: string): string {
  const replaced = REPLACED.reduce((sofar, [from, to]) => sofar.replaceAll(from, to), text)
  const chinese = replaced.replace(/(?<!\p{Nd}),(?!\p{Nd})/gu, '，')
  const uncommented = cutOut(chinese, /<!--[\s\S]*?-->/g, '-->')
  const unscripted = cutOut(uncommented, /<(script|style)(?=[\s/>])[^>]*>[\s\S]*?(?:<\/\s*\1\s*>|$)/gi, '>')
  const untagged = cutOut(unscripted, /<(?:\/?[a-z]|!(?!--)|[?/])[^>]*>/gi, '>')
  const pieces = untagged.replace(/&(#\d+|#x[\da-f]+|[a-z][\da-z]*);?/gi, (_, name: string) => character(name))
  return pieces.split(GAP).map(strip).filter(Boolean).join(' ')
}

/** Stands where markup was; no text holds it, for it was removed. */
const GAP = '\ufffd'

/** Looked for only as far as there is an end to it: thousands of beginnings without one must not take quadratic time. */
function cutOut(text: string, markup: RegExp, end: string): string {
  const last = text.lastIndexOf(end) + end.length
  return last < end.length ? text : text.slice(0, last).replace(markup, GAP) + text.slice(last)
}

function character(name: string): string {
  if (!name.startsWith('#')) return NAMED.get(name) ?? `&${name}`
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
}
