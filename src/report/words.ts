import { basename } from 'node:path'
import type { RunInfo } from './run-info.js'
import { ADAPTER, type Summary } from './series.js'
import type { Difference } from './stats.js'

/** A score for reading: two decimals, a dash where there is none. */
export const score = (value: number | null): string => (value === null ? '–' : value.toFixed(2))

/** A difference for reading: two decimals with its sign; a true minus sign, none for what rounds to 0. */
export function signed(value: number): string {
  const digits = Math.abs(value).toFixed(2)
  return digits === '0.00' ? digits : `${value < 0 ? '−' : '+'}${digits}`
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`

/** The first characters of a hash or identifier. */
export const short = (identifier: string): string =>
  /^[0-9a-f]{16,}$/.test(identifier) ? identifier.slice(0, 8) : identifier

/** `+0.09 (95 % 0.05 to 0.13)` and, where it matters, what not to read into it. */
export function difference({ mean, low, high, n, verdict }: Difference): string {
  const interval = `${signed(mean)} (95 % ${signed(low)} to ${signed(high)})`
  if (verdict === 'few') return `${interval}, ${plural(n, 'pair')}: too few to say`
  return verdict === 'none' ? `${interval}: no clear difference` : interval
}

/** The run's result in sentences, the same in the terminal and in the report. */
export function resultSentences({ metric, arms, chats, overall, differences }: Summary): string[] {
  const chatCount = chats.filter(row => row.chat !== null).length
  const over = `After ${plural(overall.examples, 'example')}${chatCount > 0 ? ` in ${plural(chatCount, 'chat')}` : ''}`
  if (overall.examples === 0) return ['No example was finished.']
  if (metric === null) return [`${over} nothing was scored: the evaluator returned no number.`]
  if (differences.length === 0)
    return [`${over} the ${ADAPTER} scored ${score(overall.means[0]!)} (${metric}); no baseline.`]
  return differences.flatMap(({ baseline, all, secondHalf }, k) => {
    const i = arms.findIndex(arm => arm.name === baseline && arm !== arms[0])
    const begin = k === 0 ? `${over} the ${ADAPTER} scored ${score(overall.means[0]!)} (${metric}), ` : 'And '
    const missing = overall.examples - all.n
    const first = `${begin}${baseline} ${score(overall.means[i]!)} on the same examples: ${difference(all)}.`
    const second =
      secondHalf && chatCount > 0
        ? [
            `Second half of each chat: ${ADAPTER} ${score(overall.secondHalf[0]!)}, ${baseline} ${score(overall.secondHalf[i]!)}: ${difference(secondHalf)}.`,
          ]
        : []
    const note =
      missing > 0
        ? [
            `${baseline} has no score for ${missing} of ${overall.examples} examples; the difference uses the other ${all.n}.`,
          ]
        : []
    return [first, ...second, ...note]
  })
}

/** How the interval was made. */
export const intervalNote = ({ unit, units }: Difference): string =>
  unit === 'chat'
    ? `Intervals: paired by example, 10,000 seeded resamples of ${units} chats${units < 5 ? '; with so few chats only a rough guide' : ''}.`
    : `Intervals: paired by example, 10,000 seeded resamples of ${units} examples; they say nothing about other chats.`

/** The command that runs the same experiment again. */
export function reproduce({ experiment, args }: RunInfo): string {
  const words = ['npx', 'lora-harness', 'run', experiment, '--seed', String(args.seed)]
  if (args.limit !== null) words.push('--limit', String(args.limit))
  for (const [key, value] of Object.entries(args.set)) words.push('--set', `${key}=${value}`)
  return words.map(word => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

/** `experiments/locomo.ts` as `locomo`. */
export const experimentName = (path: string): string => basename(path).replace(/\.[cm]?[jt]s$/, '')
