import { HarnessError } from '../../errors.js'

/** How deep brackets may nest: as deep as Python allows. */
const DEPTH = 199
/** The longest literal that is read [UTF-16 units]; the longest dialogs of the benchmark have a hundredth of it. */
const LENGTH = 1 << 24
/** Digits of the longest integer: Python's own limit for reading one. */
const DIGITS = 4300

const CONSTANTS: Record<string, unknown> = { None: null, True: true, False: false }
const EDGE = /[ \t]*(?:[ \t\f]*(?:\r\n?|\n))*/y
const SPACE = /[ \t\f]*/y
const SPACE_IN_BRACKETS = /[ \t\f\r\n]*/y
const WORD = /[A-Za-z]+(?![\w\u0080-\uffff])/y
const NUMBER = /(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?(?![\w.\u0080-\uffff])|(0+|[1-9]\d*)(?![\w.\u0080-\uffff])/y
/** A stretch of a string without anything special. */
const PLAIN = { "'": /[^'\\\n\r\0]+/y, '"': /[^"\\\n\r\0]+/y }
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U((?:000[\da-fA-F]|0010)[\da-fA-F]{4})|([0-7]{1,3})|(\r\n?|\n)|([^xuUN\0]))/uy
/** Any other character stands for itself, with its backslash, as in Python. */
const NAMED = new Map(Object.entries({ n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' }))
for (const char of `\\'"`) NAMED.set(char, char)

/** What an escape stands for; undefined if it is none. */
function decoded(found: RegExpExecArray | null): string | undefined {
  if (!found) return undefined
  const [all, x, u, U, octal, newline, char] = found
  if (newline !== undefined) return ''
  if (char !== undefined) return NAMED.get(char) ?? all
  return String.fromCodePoint(octal === undefined ? Number.parseInt((x ?? u ?? U)!, 16) : Number.parseInt(octal, 8))
}

/** Columns that hold Python literals or JSON. */
const NESTED = /^(?:dialog|implicit_feedback|(?:input_chat_messages|info)$)/

/**
 * What a cell of a MemoryBench column means: the columns `info`, `input_chat_messages`, `dialog…` and
 * `implicit_feedback…` hold Python literals or JSON, which are tried in this order. A cell that is neither, or no
 * text, and every cell of another column stays as it is.
 */
export function parseColumn(name: string, cell: unknown): unknown {
  if (typeof cell !== 'string' || !NESTED.test(name)) return cell
  try {
    return parsePython(cell)
  } catch {
    const found = parseJson(cell)
    return found === undefined ? cell : found
  }
}

/** Undefined if a text is no JSON, too long, or nests so deep that those who read it could run out of stack. */
function parseJson(text: string): unknown {
  if (text.length > LENGTH) return undefined
  try {
    const found: unknown = JSON.parse(text)
    let level = [found]
    for (let depth = 0; level.length > 0; depth++) {
      if (depth > DEPTH) return undefined
      level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []))
    }
    return found
  } catch {
    return undefined
  }
}

/** Python's `str.strip`. */
export function strip(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && SPACES.test(text[start]!)) start++
  while (end > start && SPACES.test(text[end - 1]!)) end--
  return text.slice(start, end)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts these separators as white space.
const SPACES = /[\p{White_Space}\u001c-\u001f]/u

/**
 * Reads a Python literal as `repr` writes it, which is how MemoryBench stores nested columns: None, True, False,
 * numbers, strings (also several in a row), lists, tuples (as arrays) and dicts (as objects). Time and memory grow with
 * the length of the text, whatever it is.
 *
 * Integers beyond ±(2^53 − 1) become the text of their digits; keys that are no strings become text as in JSON. What
 * `repr` never writes for plain data is refused, although `ast.literal_eval` reads it: bytes, sets, complex numbers,
 * `...`, string prefixes, triple quotes, `\N{…}`, comments, lines that go on after a backslash, other bases, digits
 * with `_`, tuples as keys.
 *
 * @throws HarnessError with the position if it is anything else, deeper than 199 levels or longer than 2^24 units
 */
export function parsePython(text: string): unknown {
  let at = 0
  let depth = 0
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
  const space = () => match(depth > 0 ? SPACE_IN_BRACKETS : SPACE)
  const take = (token: string): boolean => {
    space()
    const found = text.startsWith(token, at)
    if (found) at += token.length
    return found
  }
  /** What is between brackets; newlines are space there. */
  const inside = <T>(body: () => T): T => {
    if (++depth > DEPTH) fail(`at most ${DEPTH} levels`)
    const found = body()
    depth--
    return found
  }
  const items = <T>(close: string, item: () => T, all: T[] = []): T[] => {
    while (!take(close)) {
      all.push(item())
      if (take(close)) break
      if (!take(',')) fail(`"," or "${close}"`)
    }
    return all
  }
  const pair = (): [string, unknown] => {
    const key = value()
    if (typeof key === 'object' && key !== null) fail('a key that is a string, a number, a boolean or None')
    if (!take(':')) fail('":"')
    return [String(key), value()]
  }
  /** `()`, a tuple, or a value in brackets of its own. */
  const round = (): unknown => {
    if (take(')')) return []
    const first = value()
    if (take(')')) return first
    return take(',') ? items(')', value, [first]) : fail('"," or ")"')
  }
  const string = (): string => {
    const parts: string[] = []
    while (text[at] === "'" || text[at] === '"') {
      const quote = text[at] as "'" | '"'
      if (text.startsWith(quote.repeat(3), at)) fail('one quotation mark, not three')
      at++
      while (text[at] !== quote) {
        const part = match(PLAIN[quote])?.[0] ?? decoded(match(ESCAPE))
        parts.push(part ?? fail('the end of a string, or an escape'))
      }
      at++
      const end = at
      space()
      if (text[at] !== "'" && text[at] !== '"') at = end
    }
    return parts.join('')
  }
  const number = (sign: '' | '-' = ''): number | string | undefined => {
    const found = match(NUMBER)
    if (!found) return undefined
    const [all, , , integer] = found
    if (integer === undefined) return Number(sign + all)
    if (integer.length > DIGITS) fail(`an integer of at most ${DIGITS} digits`)
    return Number.isSafeInteger(Number(integer)) ? Number(sign + integer) + 0 : sign + integer // There is no -0.
  }
  const value = (): unknown => {
    space()
    const char = text[at] ?? ''
    if (char === "'" || char === '"') return string()
    if ('[({-+'.includes(char)) at++
    if (char === '[') return inside(() => items(']', value))
    if (char === '(') return inside(round)
    if (char === '{') return inside(() => Object.fromEntries(items('}', pair)))
    if (char === '-' || char === '+') {
      space()
      return number(char === '-' ? '-' : '') ?? fail('a number')
    }
    const word = match(WORD)?.[0]
    if (word !== undefined && Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word]
    at -= word?.length ?? 0
    return number() ?? fail('a literal')
  }
  /** A tuple without brackets. */
  const bare = (all: unknown[]): unknown[] => {
    do {
      space()
      if (at === text.length || text[at] === '\n' || text[at] === '\r') break
      all.push(value())
    } while (take(','))
    return all
  }
  if (text.length > LENGTH) fail(`at most ${LENGTH} characters`)
  match(EDGE)
  const first = value()
  const result = take(',') ? bare([first]) : first
  match(EDGE)
  return at < text.length ? fail('the end') : result
}
