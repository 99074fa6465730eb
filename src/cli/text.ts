import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { getBorderCharacters, table } from 'table'

/**
 * Text of models, data sets and experiments as one harmless line of a terminal: no escape sequences, no control or
 * format characters (direction marks among them), at most `width` characters.
 */
export function plain(text: string, width = Number.POSITIVE_INFINITY): string {
  const line = stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  const characters = [...line]
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : line
}

/** Text broken between words into lines of at most `width` characters (a longer word is a line of its own). */
export const wrapped = (text: string, width = 96): string =>
  text.replace(new RegExp(`(.{1,${width}})(?: +|$)`, 'g'), '$1\n').trimEnd()

/** Rows of harmless texts as columns without borders; the first column to the left, the others to the right. */
export function aligned(rows: string[][], sides: readonly ('left' | 'right')[] = ['left']): string {
  const drawn = table(rows, {
    border: getBorderCharacters('void'),
    columns: rows[0]!.map((_, i) => ({ alignment: sides[i] ?? 'right', paddingLeft: 0, paddingRight: 2 })),
    drawHorizontalLine: () => false,
  })
  return drawn.replace(/ +$/gm, '').trimEnd()
}

/** A size for reading: `312 MB`, `4.1 kB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(bytes || 1) / 3)))
  const value = bytes / 1000 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}

/** A path as people like to read it: from the working folder where it lies in it. */
export function shown(path: string): string {
  const short = relative(process.cwd(), path) || '.'
  return plain(short.startsWith('..') ? path : short)
}

/** A time for reading: `42 s`, `3 min 20 s`, `1 h 5 min`. @param ms milliseconds */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
