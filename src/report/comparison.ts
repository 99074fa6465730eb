import type { Comparison, MetricComparison } from '../record/compare.js'
import { difference, plural, score } from './words.js'

/** p of a test for reading: `p = 0.04`, `p < 0.001`. */
export const pValue = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`)

/** What came of a comparison of A and B, in sentences. */
export function comparisonSentences(comparison: Comparison): string[] {
  const { pairs, unmatched, metrics } = comparison
  const alone = unmatched.a + unmatched.b
  const matched = alone === 0 ? 'the same in both' : `in both; ${unmatched.a} only in A, ${unmatched.b} only in B`
  return [
    `${plural(pairs, 'example')}, ${matched}.`,
    ...(metrics[0] ? [resultSentence(metrics[0], pairs)] : ['Nothing was scored in both.']),
    changesSentence(comparison),
    firstSentence(comparison),
  ]
}

/** `B scored 0.40 (f1), A 0.31: +0.09 (95 % +0.05 to +0.13). Better on 20, the same on 70, worse on 10 …` */
function resultSentence({ metric, means, difference: found, win, tie, loss, signTest }: MetricComparison, of: number) {
  const what = found.n === of ? metric : `${metric} of ${found.n}`
  const counts = `B better on ${win}, the same on ${tie}, worse on ${loss}`
  const test = found.verdict === 'few' ? '' : ` (exact sign test: ${pValue(signTest)})`
  return `B scored ${score(means.b)} (${what}), A ${score(means.a)}: ${difference(found)}. ${counts}${test}.`
}

function changesSentence({ changes, callables, metrics }: Comparison): string {
  const scores = metrics[0] ? ` and ${changes.scores} with another ${metrics[0].metric}` : ''
  const code = callables.length > 0 ? ` Other code: ${callables.join(', ')}.` : ''
  return `${plural(changes.responses, 'example')} with another answer${scores}.${code}`
}

function firstSentence({ first }: Comparison): string {
  if (first === null) return 'Step by step the two are equal, times aside.'
  const { position, path, key } = first
  if (path === '')
    return `They are equal as far as ${key.a === undefined ? 'A' : 'B'} goes: ${plural(position, 'step')}.`
  if (key.a !== key.b) return `From step ${position} on the order of the examples differs: A has ${key.a}, B ${key.b}.`
  return `They differ first at step ${position} (${key.a}), in ${path}: A ${value(first.a)}, B ${value(first.b)}.`
}

/** A short text of anything that a step holds. */
function value(of: unknown): string {
  const text = of === undefined ? 'has none' : JSON.stringify(of)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
