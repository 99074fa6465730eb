import type { CardSummary, TimelinePoint } from 'lora-harness/protocol'
import { type Difference, headline, mean, ownValue, pairedDifference, score, signed } from 'lora-harness/report'

/** Mean scores of some points. @param intervals with what lies between the arms, which takes a moment */
export function summaryOf(points: readonly TimelinePoint[], { intervals = false, seed = 0 } = {}): CardSummary {
  const metric = headline(points)
  const scoreOf = (metrics: TimelinePoint['metrics'] | undefined) =>
    metric === null ? null : (ownValue(metrics, metric) ?? null)
  const names = [...new Set(points.flatMap(point => Object.keys(point.baselines)))]
  const outcomes: CardSummary['outcomes'] = { updated: 0, unchanged: 0, skipped: 0, failed: 0 }
  for (const { outcome } of points) outcomes[outcome]++
  return {
    examples: points.length,
    metric,
    score: mean(points.map(({ metrics }) => scoreOf(metrics))),
    baselines: names.map(name => {
      const pairs = points.flatMap(({ chatId, metrics, baselines }) => {
        const [own, base] = [scoreOf(metrics), scoreOf(ownValue(baselines, name))]
        return own === null || base === null ? [] : [{ chat: chatId, difference: own - base }]
      })
      const base = mean(points.map(({ baselines }) => scoreOf(ownValue(baselines, name))))
      return { name, score: base, difference: intervals ? short(pairedDifference(pairs, seed)) : null }
    }),
    outcomes,
  }
}

const short = (found: Difference | null): CardSummary['baselines'][number]['difference'] =>
  found && { mean: found.mean, low: found.low, high: found.high, n: found.n, verdict: found.verdict }

/** `2000 examples, score 0.61 (base 0.52, +0.09 [0.05, 0.13]), 231 updated, 4 failed` */
export function summaryText({ examples, score: own, baselines, outcomes }: CardSummary): string {
  const against = baselines.map(({ name, score: base, difference }) => {
    if (!difference) return `${name} ${score(base)}`
    const { mean, low, high, n, verdict } = difference
    const few = verdict === 'few' ? `, n = ${n}: too few to say` : ''
    return `${name} ${score(base)}, ${signed(mean)} [${signed(low)}, ${signed(high)}]${few}`
  })
  const counts = Object.entries(outcomes).flatMap(([kind, n]) => (n > 0 ? [`${n} ${kind}`] : []))
  const scored = own === null ? [] : [`score ${score(own)}${against.length > 0 ? ` (${against.join('; ')})` : ''}`]
  return [`${examples} example${examples === 1 ? '' : 's'}`, ...scored, ...counts].join(', ')
}
