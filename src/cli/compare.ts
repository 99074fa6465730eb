import { type Comparison, compare, type Group, type Scores } from '../record/compare.js'
import { ENOUGH } from '../record/stats.js'
import { comparisonSentences, pValue } from '../report/comparison.js'
import { difference, intervalNote, score, signed } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { aligned, plain, wrapped } from './text.js'

export interface CompareCliOptions {
  metric?: string
  json?: boolean
}

/** Lines of each table, and examples, that the terminal shows; `--json` has all chats and categories. */
const SHOWN = 12

/**
 * `lora-harness compare A B`: what is different in B, paired by example.
 *
 * @param a `FOLDER[@BRANCH][#INDEX]`
 * @throws InputError if there is no such run or branch, or nothing to compare
 */
export function compareRuns(a: string, b: string, { metric, json = false }: CompareCliOptions): ExitCode {
  const comparison = compare(a, b, { metric, most: SHOWN })
  console.log(json ? JSON.stringify({ a, b, ...comparison }, null, 2) : comparisonText(a, b, comparison))
  return EXIT.finished
}

/** A comparison for a terminal, on one screen. */
export function comparisonText(a: string, b: string, comparison: Comparison): string {
  const { metrics, chats, categories, changes } = comparison
  const others = metrics.slice(1).map(m => {
    const means = `A ${score(m.means.a)}, B ${score(m.means.b)}`
    return `${m.metric}: ${means}: ${difference(m.difference)}; ${m.win}/${m.tie}/${m.loss}, ${pValue(m.signTest)}`
  })
  const note = metrics[0] ? [intervalNote(metrics[0].difference)] : []
  const parts = [
    `A: ${plain(a)}\nB: ${plain(b)}`,
    ...groupTable('category', categories),
    ...groupTable('chat', chats),
    ...(changes.examples.length > 0 ? [changedTable(comparison)] : []),
    [...comparisonSentences(comparison), ...others, ...note].map(text => wrapped(plain(text))).join('\n'),
  ]
  return parts.join('\n\n')
}

function groupTable(name: string, groups: readonly Group<Scores>[]): string[] {
  if (groups.length === 0) return []
  const head = [name, 'examples', 'A', 'B', 'B − A', 'win/tie/loss', 'sign test']
  const rows = groups
    .slice(0, SHOWN)
    .map(({ group, n, means, win, tie, loss, signTest }) => [
      plain(group ?? `(no ${name})`, 24),
      String(n),
      score(means.a),
      score(means.b),
      signed(means.b - means.a),
      `${win}/${tie}/${loss}`,
      n < ENOUGH ? 'too few to say' : pValue(signTest),
    ])
  const rest = groups.length > SHOWN ? `\n(${groups.length - SHOWN} more with --json)` : ''
  return [aligned([head, ...rows]) + rest]
}

function changedTable({ metrics, changes: { examples } }: Comparison): string {
  const head = ['changed most', ...(metrics[0] ? [`A ${plain(metrics[0].metric, 12)}`, 'B'] : []), 'answer of A → B']
  const rows = examples.map(({ key, index, score: scores, response }) => [
    `#${index.a} ${plain(key, 30)}`,
    ...(metrics[0] ? [score(scores.a), score(scores.b)] : []),
    response.a === response.b ? '(the same)' : `${plain(response.a, 28)} → ${plain(response.b, 28)}`,
  ])
  return aligned([head, ...rows], ['left', ...(metrics[0] ? (['right', 'right'] as const) : []), 'left'])
}
