import type { Row, Summary } from '../report/series.js'
import { intervalNote, resultSentences, score } from '../report/words.js'
import { aligned, plain, wrapped } from './text.js'

/** Chats, and categories, that the terminal's tables show; the report has all. */
const SHOWN = 30

/** The end of a run for a terminal: a table with a line for each chat, then the result in sentences. */
export function summaryText(summary: Summary): string {
  const { metric, arms, chats, overall, categories, differences, others } = summary
  const compared = arms.length > 1
  const line = (name: string, row: Row): string[] => [
    plain(name, 24),
    String(row.examples),
    ...row.means.map(score),
    ...(compared ? [`${row.win}/${row.tie}/${row.loss}`] : []),
    ...(arms.length > 0 ? [score(row.firstHalf[0]!), score(row.secondHalf[0]!)] : []),
    ...Object.values(row.outcomes).map(String),
  ]
  const head = [
    'chat',
    'examples',
    ...arms.map(arm => plain(arm.name, 16)),
    ...(compared ? ['win/tie/loss'] : []),
    ...(arms.length > 0 ? ['1st half', '2nd half'] : []),
    ...Object.keys(overall.outcomes),
  ]
  const rows = chats.slice(0, SHOWN).map(row => line(row.chat ?? '(no chat)', row))
  const drawn = aligned([head, ...rows, line('all', overall)])
  const rest = chats.length > SHOWN ? [`(${chats.length - SHOWN} more chats are in the report)`] : []
  const legend = [
    ...(metric === null ? [] : [`Mean ${plain(metric, 20)}.`]),
    ...(compared ? [`Win/tie/loss: adapter against ${plain(arms[1]!.name, 16)}.`] : []),
    ...(arms.length > 0 ? ['Halves: the adapter in the first and second half of each chat.'] : []),
  ]
  const kinds = categories
    .slice(0, SHOWN)
    .map(({ category, examples, means }) => [plain(category ?? '(none)', 24), String(examples), ...means.map(score)])
  const byCategory =
    kinds.length === 0
      ? []
      : ['', aligned([['category', 'examples', ...arms.map(arm => plain(arm.name, 16))], ...kinds])]
  const more = categories.length > SHOWN ? [`(${categories.length - SHOWN} more categories are in the report)`] : []
  const also = others.map(
    other =>
      `${plain(other.metric, 24)} over ${other.examples} examples: ` +
      arms.map((arm, i) => `${plain(arm.name, 16)} ${score(other.means[i]!)}`).join(', '),
  )
  const note = differences[0] ? [intervalNote(differences[0].all)] : []
  const prose = [...resultSentences(summary), ...also, ...note].map(text => wrapped(plain(text)))
  return [drawn, ...rest, wrapped(legend.join(' ')), ...byCategory, ...more, '', ...prose].join('\n')
}
