import { RE2JS } from 're2js'
import { InputError, messageOf } from '../errors.js'

/** Longest expression accepted [characters]. */
const LONGEST = 5_000
/** Most work accepted for a set of expressions; a unit takes 0.02 to 100 ns, so at most some 2 s. */
const MOST_WORK = 2e7

/** An expression ready to be matched against texts, from their start to their end. */
interface Expression {
  matches: (text: string) => boolean
  /** Units of work for a text of this many characters. */
  work: (length: number) => number
}

/** `\w` and dots, with an optional `^`: what nearly all patterns are. Without repetition any engine is fast. */
const NAME = /^\^?[\w.]+$/

/**
 * A regular expression of Python's, to be matched in linear time: one from an untrusted file is never given to an
 * engine that backtracks. Look-around and back references do not exist here.
 *
 * @param wrap puts an expression between texts of ours
 * @throws InputError naming the expression
 */
function compile(expression: string, wrap: (expression: string) => string): Expression {
  if (NAME.test(expression)) {
    const simple = new RegExp(`^(?:${wrap(expression)})$`)
    return { matches: text => simple.test(text), work: () => 3 }
  }
  try {
    if (expression.length > LONGEST) throw new Error(`${expression.length} characters; at most ${LONGEST} are read`)
    // By itself first: a bracket too many must not pair with one of ours.
    RE2JS.compile(expression)
    const linear = RE2JS.compile(wrap(expression))
    return { matches: text => linear.testExact(text), work: length => length * linear.programSize() }
  } catch (cause) {
    const shown = expression.length > 80 ? `${expression.slice(0, 80)}…` : expression
    throw new InputError(`adapter: pattern ${JSON.stringify(shown)} cannot be used: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Finds the first of some regular expressions that matches a text from its start to its end. Texts are remembered.
 *
 * @returns text → index of the expression, or −1
 * @throws InputError for an expression that needs backtracking, or (later) if matching takes too long
 */
export function firstMatch(
  expressions: readonly string[],
  wrap: (expression: string) => string = e => e,
): (text: string) => number {
  const compiled = expressions.map(e => compile(e, wrap))
  const known = new Map<string, number>()
  let left = MOST_WORK
  return text => {
    const found =
      known.get(text) ??
      compiled.findIndex(({ matches, work }) => {
        left -= work(text.length)
        if (left < 0) throw new InputError(`adapter: its ${expressions.length} patterns take too long to match`)
        return matches(text)
      })
    known.set(text, found)
    return found
  }
}

/** Each pattern is compiled once; a pattern is not changed after it was made. */
const finders = new WeakMap<object, (module: string) => number>()

/**
 * The value that a PEFT pattern (rank_pattern, alpha_pattern) has for a module: of the first key that, as a regular
 * expression, matches the module's name or its end after a dot. As peft's `get_pattern_key`.
 *
 * @throws InputError for a key that is no regular expression, or one that needs backtracking
 */
export function patternValue(pattern: Readonly<Record<string, number>>, module: string, otherwise: number): number {
  const find = finders.get(pattern) ?? firstMatch(Object.keys(pattern), key => `(?:.*\\.)?(?:${key})`)
  finders.set(pattern, find)
  return Object.values(pattern)[find(module)] ?? otherwise
}
