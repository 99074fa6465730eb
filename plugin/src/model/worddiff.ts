import { diffWordsWithSpace } from 'diff'

/** Characters of a text that are shown before someone asks for the rest. */
export const SHOWN = 20_000
/** Longest that a comparison of two texts may take [ms]. */
const PATIENCE = 300

export interface Part {
  kind: 'same' | 'added' | 'removed'
  text: string
}

/** The first `most` characters; never half of one. */
export function beginOf(text: string, most = SHOWN): string {
  if (text.length <= most) return text
  const last = text.charCodeAt(most - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most)
}

/**
 * What turns one text into another, word by word. `same` and `removed` together are `before`, `same` and `added` are
 * `after`. Words that changed in a row are one change: removed before added.
 *
 * @returns null if the texts have too little in common to say in a moment
 */
export function wordDiff(before: string, after: string, patience = PATIENCE): Part[] | null {
  if (before === after) return before === '' ? [] : [{ kind: 'same', text: before }]
  const changes = diffWordsWithSpace(before, after, { timeout: patience })
  if (!changes) return null
  const parts: Part[] = []
  let [removed, added] = ['', '']
  const flush = () => {
    if (removed !== '') parts.push({ kind: 'removed', text: removed })
    if (added !== '') parts.push({ kind: 'added', text: added })
    removed = added = ''
  }
  for (const change of changes) {
    if (change.removed) removed += change.value
    else if (change.added) added += change.value
    else if (/^\s+$/.test(change.value) && removed !== '' && added !== '' && change !== changes.at(-1)) {
      // Space between two words that were both replaced belongs to the change.
      removed += change.value
      added += change.value
    } else {
      flush()
      parts.push({ kind: 'same', text: change.value })
    }
  }
  flush()
  return parts
}

/**
 * How much of two texts is not in common, from 0 to 1: words that only one has, by how often it has them, over all words.
 * Cheap: for ordering examples.
 */
export function distance(a: string, b: string): number {
  if (a === b) return 0
  const counts = new Map<string, number>()
  const words = (text: string): readonly string[] => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []
  const [left, right] = [words(a), words(b)]
  for (const word of left) counts.set(word, (counts.get(word) ?? 0) + 1)
  for (const word of right) counts.set(word, (counts.get(word) ?? 0) - 1)
  let only = 0
  for (const count of counts.values()) only += Math.abs(count)
  // Other spaces or another order is a small change.
  return Math.max(only / Math.max(1, left.length + right.length), 1e-3)
}
