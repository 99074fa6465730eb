import { CRIMES, SHORTENED } from './crime-names.js'
import { parseJudgment } from './judgment.js'

/** Crimes that a judgment names, as MemoryBench finds them (THUIR/MemoryBench, src/dataset/judge/crime_extraction.py). */

const KNOWN = new Set(CRIMES)
const NUMBERED = /[一二三四五六七八九十]{1,3}、|（[一二三四五六七八九十]{1,3}）/u
const NAMED = /犯([^罪犯，。；《》（）]+?罪)/gu
/** A name is at most this far from the one that it is taken for: edits by the longer one's length. */
const FAR = 0.4

/** By their names in the law, in the order of the text; from the judgment, or if it names none, from the whole document. */
export function crimes(document: string): string[] {
  const found = named(parseJudgment(document).judgment)
  return found.length > 0 ? found : named(document)
}

function named(text: string): string[] {
  const numbered = text.split(NUMBERED)
  const lines = numbered.length > 1 ? numbered : text.split(/[；。]/u)
  const raw = lines.flatMap(line => {
    const kept = line.split('撤销')[0]!.replaceAll('罪犯', '') // What a higher court revokes does not count.
    return [...kept.matchAll(NAMED)].map(([, name]) => name!)
  })
  return [...new Set([...new Set(raw)].map(official).filter(name => name !== ''))]
}

/** The crime that a text names, or ''. */
function official(raw: string): string {
  const name = raw.replaceAll(' ', '').replace(/^[有的了]/u, '')
  if (KNOWN.has(name)) return name
  for (const [word, names] of SHORTENED) {
    const full = name.includes(word) && names.find(full => isSubsequence(name, full))
    if (full) return full
  }
  return name.length < 30 ? nearest(name) : ''
}

/** Are all letters of the one in the other, in the same order? */
function isSubsequence(part: string, whole: string): boolean {
  let i = 0
  for (const letter of whole) if (letter === part[i]) i++
  return i === part.length
}

/** Of several equally near the first: the original's choice among those depends on how Python hashes on that day. */
function nearest(name: string): string {
  let best = ''
  let least = FAR
  for (const crime of CRIMES) {
    const longer = Math.max(name.length, crime.length)
    if (Math.abs(name.length - crime.length) / longer >= least) continue
    const distance = editDistance(name, crime) / longer
    if (distance < least) [best, least] = [crime, distance]
  }
  return best
}

/** V. Levenshtein's: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}
