import { HarnessError } from '../../errors.js'

const DEPTH = 100
const CONSTANTS = new Map([
  ['None', null],
  ['True', true],
  ['False', false],
])
const SPACE = /\s*/y
const STRING = /'([^'\\\n]*(?:\\[\s\S][^'\\\n]*)*)'|"([^"\\\n]*(?:\\[\s\S][^"\\\n]*)*)"/y
const WORD = /[-+\w.]+/y
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U((?:000[\da-fA-F]|0010)[\da-fA-F]{4})|([nrtabfv\\'"])|(\n)|([0-7]{1,3}))/g
const NAMED: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' }

/** Undoes backslashes. Python keeps those it does not know, and so does this. */
const decode = (text: string): string =>
  text.replace(ESCAPE, (_, x, u, U, named, newline, octal) => {
    if (named !== undefined) return NAMED[named] ?? named
    if (newline !== undefined) return ''
    return String.fromCodePoint(octal === undefined ? Number.parseInt(x ?? u ?? U, 16) : Number.parseInt(octal, 8))
  })

/**
 * Reads a Python literal as `repr` writes it, which is how MemoryBench stores nested columns: None, True, False,
 * numbers, strings, lists, tuples (as arrays) and dicts.
 *
 * @throws HarnessError with the position if it is anything else, or deeper than 100 levels
 */
export function parsePython(text: string): unknown {
  let at = 0
  const fail = (expected: string): never => {
    const found = JSON.stringify(text.slice(at, at + 20))
    throw new HarnessError(`reading a Python literal: expected ${expected} at character ${at}, found ${found}`)
  }
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at += found[0].length
    return found
  }
  const take = (token: string): boolean => {
    match(SPACE)
    const found = text.startsWith(token, at)
    if (found) at += token.length
    return found
  }
  const items = <T>(close: string, item: () => T): T[] => {
    const all: T[] = []
    while (!take(close)) {
      all.push(item())
      if (take(close)) break
      if (!take(',')) fail(`"," or "${close}"`)
    }
    return all
  }
  const value = (depth: number): unknown => {
    if (depth > DEPTH) fail(`at most ${DEPTH} levels`)
    const inner = () => value(depth + 1)
    const pair = (): [string, unknown] => {
      const key = inner()
      if (!take(':')) fail('":"')
      return [String(key), inner()]
    }
    if (take('[')) return items(']', inner)
    if (take('(')) return items(')', inner)
    if (take('{')) return Object.fromEntries(items('}', pair))
    const string = match(STRING)
    if (string) return decode(string[1] ?? string[2]!)
    const word = match(WORD)?.[0] ?? ''
    if (CONSTANTS.has(word)) return CONSTANTS.get(word)
    if (NUMBER.test(word)) return Number(word)
    at -= word.length
    return fail('a literal')
  }
  const result = value(0)
  match(SPACE)
  return at < text.length ? fail('the end') : result
}
