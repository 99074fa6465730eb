/** Texts of data and models, for places that give some characters a meaning. */

/**
 * As it is, but for what a terminal or a page would obey: control characters (ANSI's escape among them), what turns the
 * direction of text, and halves of characters become �. Line breaks and tabs stay.
 */
export const plain = (text: string): string =>
  text
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\n\t])[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')

/** The first `most` characters. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text
  return `${[...text.slice(0, 2 * most)].slice(0, most - 1).join('')}…`
}

/** On one line. */
export const line = (text: string, most = 60): string =>
  cut(
    text
      .slice(0, 4 * most)
      .replace(/\s+/g, ' ')
      .trim(),
    most,
  )

/** Columns of words, each as wide as its widest. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => (row[i] ?? '').length)))
  return rows
    .map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
