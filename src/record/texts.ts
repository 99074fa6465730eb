import { sha256 } from '../lora/sha256.js'
import type { Json } from '../protocol/index.js'

/** Texts longer than this are kept once, by hash [UTF-16 units]; a reference has 65. */
const LONG = 160
const REFERENCE = /^#[0-9a-f]{64}$/

/** Hash of a text, lone surrogates and all. */
export const textHash = (text: string): string => sha256([JSON.stringify(text)])

/**
 * A value whose long texts are replaced by references: `#` and the hash. Other texts that begin with `#` get a second.
 *
 * @param keep is given each long text, with its hash
 */
export function withoutTexts(value: Json, keep: (hash: string, text: string) => void): Json {
  return mapTexts(value, text => {
    if (text.length <= LONG) return text.startsWith('#') ? `#${text}` : text
    const hash = textHash(text)
    keep(hash, text)
    return `#${hash}`
  })
}

/** The value again. @param textOf gives a text by its hash */
export const withTexts = (value: Json, textOf: (hash: string) => string): Json =>
  mapTexts(value, text => (REFERENCE.test(text) ? textOf(text.slice(1)) : text.startsWith('##') ? text.slice(1) : text))

/** `value` with each of its strings (not the names of its fields) replaced. */
function mapTexts(value: Json, map: (text: string) => string): Json {
  if (typeof value === 'string') return map(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => mapTexts(item, map))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, map)]))
}
