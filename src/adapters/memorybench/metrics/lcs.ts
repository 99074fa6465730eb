import { InputError } from '../../../errors.js'

/**
 * Longest common subsequences of words, 32 cells of the table at a time: H. Hyyrö, "Bit-Parallel LCS-length Computation
 * Revisited" (2004). With L(i, j) the length for the first i words of x and the first j of y, row i is kept as bits:
 * bit j − 1 is 0 where L(i, j) = L(i, j − 1) + 1.
 */

/** Most pairs of words compared: 256 MB of table, and about a second. Of 46,000 words each, that is 250 kB of English. */
const PAIRS = 2 ** 31

/** @throws InputError above 2^31 pairs of words */
export function lcsLength(x: readonly string[], y: readonly string[]): number {
  let last: Uint32Array | undefined
  for (const row of rows(x, y)) last = row
  let length = 0
  for (let j = 1; last && j <= y.length; j++) length += grows(last, 0, j)
  return length
}

/**
 * The words of x on a longest common subsequence, in reverse order: walking back from the ends over equal words, else
 * up where L(i − 1, j) > L(i, j − 1), else left. Which of several it finds depends on these rules, which are those of the
 * package `rouge`. And the number of steps that it takes.
 *
 * @throws InputError above 2^31 pairs of words
 */
export function lcsWalk(x: readonly string[], y: readonly string[]): { words: string[]; steps: number } {
  let table = new Uint32Array(0)
  let i = 0
  const width = Math.ceil(y.length / 32)
  for (const row of rows(x, y)) {
    if (i === 0) table = new Uint32Array(x.length * width)
    table.set(row, i++ * width)
  }
  const words: string[] = []
  let steps = 0
  for (let j = y.length; i > 0 && j > 0; steps++) {
    if (x[i - 1] === y[j - 1]) {
      words.push(x[--i]!)
      j--
    } else if (grows(table, (i - 1) * width, j))
      i-- // L(i, j) came from above, and L(i, j − 1) is less.
    else j--
  }
  return { words, steps }
}

/** L(i, j) − L(i, j − 1) in the row that starts there. */
const grows = (table: Uint32Array, start: number, j: number) =>
  1 - ((table[start + ((j - 1) >> 5)]! >>> ((j - 1) & 31)) & 1)

/** The rows 1 to x.length, one after the other in the same array. */
function* rows(x: readonly string[], y: readonly string[]): Generator<Uint32Array> {
  if (x.length * y.length > PAIRS)
    throw new InputError(
      `comparing texts by their longest common subsequence: ${x.length} words with ${y.length} are more than 2^31 pairs; shorten one`,
    )
  const places = new Map<string, number[]>()
  for (const [j, word] of y.entries()) {
    const same = places.get(word)
    if (same) same.push(j)
    else places.set(word, [j])
  }
  const row = new Uint32Array(Math.ceil(y.length / 32)).fill(0xffffffff)
  const rare = new Uint32Array(row.length)
  const frequent = new Map<string, Uint32Array>()
  for (const word of x) {
    const equal = frequent.get(word) ?? mark(rare.fill(0), places.get(word))
    // No more than 32 words are that frequent.
    if (equal === rare && (places.get(word)?.length ?? 0) > row.length) frequent.set(word, equal.slice())
    let carry = 0
    for (let k = 0; k < row.length; k++) {
      const v = row[k]!
      const sum = v + ((v & equal[k]!) >>> 0) + carry
      carry = sum > 0xffffffff ? 1 : 0
      row[k] = sum | (v & ~equal[k]!)
    }
    yield row
  }
}

function mark(bits: Uint32Array, places: readonly number[] = []): Uint32Array {
  for (const j of places) bits[j >> 5]! |= 1 << (j & 31)
  return bits
}
