import { InputError, messageOf } from './errors.js'

/** Deepest nesting accepted. */
const DEEPEST = 100

/**
 * Reads untrusted JSON: UTF-8 that nests at most 100 deep (values that nest deeper overflow the stack of whoever walks
 * them) and names no key of an object twice (readers differ in which of the two counts).
 *
 * @param what for messages: `reading x.json: `
 * @throws InputError for anything else
 */
export function parseJson(source: string | Uint8Array, what: string): unknown {
  try {
    const text = typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source)
    requirePlain(text)
    return JSON.parse(text)
  } catch (cause) {
    throw new InputError(`${what}: no JSON: ${messageOf(cause)}`, { cause })
  }
}

/** Looks at brackets and keys only; of a text that is no JSON it may find nothing wrong. */
function requirePlain(text: string): void {
  /** The keys of each object or array around the place looked at. */
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{' || c === '[') {
      if (open.push(new Set()) > DEEPEST) throw new Error(`it nests deeper than ${DEEPEST}`)
    } else if (c === '}' || c === ']') open.pop()
    else if (c === '"') {
      const start = i++
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      let next = i + 1
      while (/[ \t\n\r]/.test(text[next] ?? '')) next++
      if (text[next] !== ':') continue
      const literal = text.slice(start, i + 1)
      const key: string = literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1)
      const keys = open.at(-1)
      if (keys?.has(key)) throw new Error(`the key ${JSON.stringify(key)} appears twice in one object`)
      keys?.add(key)
    }
  }
}
