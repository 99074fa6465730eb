/**
 * What Python takes for white space, letters and digits; JavaScript's own classes differ. Sources for regular expressions
 * with the flag u. Python has two engines, and they disagree about U+001C to U+001F and about what a word is.
 */

/** `\s` of the module `re`, and what `str.split` and `str.strip` take for white space. */
export const SPACE = String.raw`[\p{White_Space}\u001c-\u001f]`
/** `\w` of the module `re`. */
export const WORD = String.raw`[\p{L}\p{N}_]`
/** `\w` of the package `regex`, whose `\s` is `\p{White_Space}`. */
export const REGEX_WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`

/** `\b`, given `\w`. */
export const boundary = (word: string): string => `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`

const SPACES = new RegExp(`${SPACE}+`, 'u')
const START = new RegExp(`^${SPACE}+`, 'u')
const ONE_SPACE = new RegExp(SPACE, 'u')

/** Python's `str.split()`: the words between runs of white space. */
export const splitWords = (text: string): string[] => text.split(SPACES).filter(word => word !== '')

/** Python's `str.rstrip()`. */
export function stripEnd(text: string): string {
  // All white space lies in the basic plane. A regular expression anchored at the end would take quadratic time.
  let end = text.length
  while (end > 0 && ONE_SPACE.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** Python's `str.strip()`. */
export const strip = (text: string): string => stripEnd(text.replace(START, ''))
