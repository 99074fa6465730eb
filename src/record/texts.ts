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
  if (typeof value === 'string') {
    if (value.length <= LONG) return value.startsWith('#') ? `#${value}` : value
    const hash = textHash(value)
    keep(hash, value)
    return `#${hash}`
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => withoutTexts(item, keep))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutTexts(item, keep)]))
}

/**
 * Puts the texts back. In place: records have hundreds of thousands of values.
 *
 * @param value as JSON.parse gives it
 * @param textOf gives a text by its hash
 */
export function withTexts(value: Json, textOf: (hash: string) => string): Json {
  if (typeof value === 'string') {
    if (!value.startsWith('#')) return value
    if (REFERENCE.test(value)) return textOf(value.slice(1))
    return value.startsWith('##') ? value.slice(1) : value
  }
  if (typeof value !== 'object' || value === null) return value
  const inside = value as Record<string, Json>
  for (const key in inside) {
    const before = inside[key]!
    const after = withTexts(before, textOf)
    if (after !== before) inside[key] = after
  }
  return value
}
