import { structuredPatch } from 'diff'

/** Longest that comparing two sources may take [ms]. */
const PATIENCE = 500

export interface Line {
  kind: 'same' | 'added' | 'removed' | 'skipped'
  text: string
}

/**
 * What turns one source into another, line by line, with three lines about each change; `skipped` stands between.
 *
 * @returns null if they have too little in common to say in a moment
 */
export function lineDiff(before: string, after: string): Line[] | null {
  const patch = structuredPatch('', '', before, after, '', '', { context: 3, timeout: PATIENCE })
  if (!patch) return null
  return patch.hunks.flatMap(({ lines, oldStart }, i): Line[] => [
    ...(i > 0 || oldStart > 1 ? [{ kind: 'skipped', text: '⋯' } as const] : []),
    ...lines
      .filter(line => !line.startsWith('\\'))
      .map(line => ({
        kind: ({ '+': 'added', '-': 'removed' } as const)[line[0] as '+' | '-'] ?? 'same',
        text: line.slice(1),
      })),
  ])
}
