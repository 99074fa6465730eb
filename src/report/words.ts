import { ADAPTER } from '../record/curve.js'
import type { RunInfo, Session } from '../record/run-info.js'
import type { Difference } from '../record/stats.js'
import type { Summary } from './series.js'

/** A score for reading: two decimals, a dash where there is none. */
export const score = (value: number | null): string => (value === null ? '–' : value.toFixed(2))

/** A difference for reading: two decimals with its sign; a true minus sign, none for what rounds to 0. */
export function signed(value: number): string {
  const digits = Math.abs(value).toFixed(2)
  return digits === '0.00' ? digits : `${value < 0 ? '−' : '+'}${digits}`
}

/** `1 chat`, `2 chats`. */
export const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`

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
  const scored = arms[0]!.scores.filter(value => value !== null).length
  const what = scored === overall.examples ? metric : `${metric} of ${scored}`
  const begin = `${over} the ${ADAPTER} scored ${score(overall.means[0]!)} (${what})`
  if (differences.length === 0) return [`${begin}; no baseline.`]
  return differences.flatMap(({ baseline, all, secondHalf }, k) => {
    const i = arms.findIndex(arm => arm.name === baseline && arm !== arms[0])
    const missing = scored - all.n
    const where = missing === 0 ? 'on the same examples' : `on ${all.n} of them`
    const sentences = [
      `${k === 0 ? `${begin},` : 'And'} ${baseline} ${score(overall.means[i]!)} ${where}: ${difference(all)}.`,
    ]
    if (missing > 0)
      sentences.push(
        `${baseline} has no score for ${missing} of ${scored} examples; the difference uses the other ${all.n}.`,
      )
    if (secondHalf && chatCount > 0) {
      const [own, other] = [overall.secondHalf[0]!, overall.secondHalf[i]!].map(score)
      sentences.push(`Second half of each chat: ${ADAPTER} ${own}, ${baseline} ${other}: ${difference(secondHalf)}.`)
    }
    return sentences
  })
}

/** How long the processes that wrote a run worked on it [ms]; null if that is not known. */
export function workedOn(sessions: readonly Pick<Session, 'startedAt' | 'endedAt'>[]): number | null {
  const times = sessions.map(({ startedAt, endedAt }) =>
    endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt),
  )
  return times.length === 0 || times.includes(null) ? null : times.reduce<number>((sum, ms) => sum + ms!, 0)
}

/** How the interval was made. */
export const intervalNote = ({ unit, units }: Difference): string =>
  unit === 'chat'
    ? `Intervals: paired by example, 10,000 seeded resamples of ${plural(units, 'chat')}${units < 5 ? '; with so few chats only a rough guide' : ''}.`
    : `Intervals: paired by example, 10,000 seeded resamples of ${plural(units, 'example')}; they say nothing about other chats.`

/** The command that runs the same experiment again. */
export function reproduce({ experiment, args }: RunInfo): string {
  if (experiment === '') return `# begun by a program, with seed ${args.seed}`
  const words = ['npx', 'lora-harness', 'run', experiment, '--seed', String(args.seed)]
  if (args.shuffle) words.push('--shuffle')
  if (args.limit !== null) words.push('--limit', String(args.limit))
  for (const [key, value] of Object.entries(args.set)) words.push('--set', `${key}=${value}`)
  return words.map(word => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

/** `experiments/locomo.ts` as `locomo`. */
export const experimentName = (path: string): string =>
  path
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.[cm]?[jt]s$/, '')
