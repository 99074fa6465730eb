import type { HarnessEvent, LoRAHarness } from '../harness/index.js'
import type { Probing } from '../protocol/index.js'
import { headline, mean } from '../record/curve.js'
import { plural, score, short } from '../report/words.js'
import { plain } from './text.js'

/** `Probes before example 10: f1 0.31 (8 probes).` */
export function probingLine({ at, probes }: Probing): string {
  const metric = headline(probes)
  const scored = metric === null ? 'not scored' : score(mean(probes.map(({ metrics }) => metrics[metric] ?? null)))
  return `Probes before example ${at}: ${metric === null ? '' : `${plain(metric, 20)} `}${scored} (${plural(probes.length, 'probe')}).`
}

/** A warning that something had been trained on before it was scored. */
export function leakLine({ key, adapter, trainedAt, probe }: HarnessEvent): string {
  const what = `${probe === undefined ? 'example' : 'probe'} ${plain(String(key), 60)}`
  const where = trainedAt === null ? 'outside this run' : `at step ${trainedAt}`
  return `Leak: ${what} was trained on before it was scored: adapter ${plain(short(String(adapter)), 40)}, made ${where}.`
}

/** How many leaks there were; nothing if there was none. */
export const leakCount = (leaks: number): string[] =>
  leaks === 0
    ? []
    : [`Leaks: ${plural(leaks, 'example')} had been trained on before being scored: see the warnings above.`]

/**
 * Tells of probings and leaks as they happen.
 *
 * @returns how many leaks there were so far
 */
export function noteEvents(harness: LoRAHarness, note: (line: string) => void): () => number {
  let leaks = 0
  harness.onEvent(event => {
    if (event.type === 'probing') note(probingLine(harness.probings.at(-1)!))
    if (event.type !== 'leak') return
    leaks++
    note(leakLine(event))
  })
  return () => leaks
}
