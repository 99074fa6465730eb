import type { HarnessEvent, LoRAHarness } from '../harness/index.js'
import type { Probing } from '../protocol/index.js'
import { headline, mean } from '../record/curve.js'
import { type Transfer, transfer } from '../record/transfer.js'
import { plural, score, short, signed } from '../report/words.js'
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

/** What is left to say at the end: what the probes came to, and how many leaks there were. */
export function closingLines(
  { results, probings }: Pick<LoRAHarness, 'results' | 'probings'>,
  leaks: number,
): string[] {
  const steps = results.map(({ index, example, outcome }) => ({ index, chatId: example.chatId ?? null, outcome }))
  return [
    ...(probings.length > 1 ? [transferLine(transfer(steps, probings), probings)] : []),
    ...(leaks > 0
      ? [`Leaks: ${plural(leaks, 'example')} had been trained on before being scored: see the warnings above.`]
      : []),
  ]
}

/** `Probes (f1): 0.10 at first, 0.45 at last; forgetting +0.05, backward transfer −0.05, forward transfer …` */
function transferLine({ metric, forgetting, backward, forward }: Transfer, probings: readonly Probing[]): string {
  if (metric === null) return 'Probes: not scored.'
  const meanAt = (probing: Probing) => score(mean(probing.probes.map(({ metrics }) => metrics[metric] ?? null)))
  const of = (value: number | null) => (value === null ? 'not defined' : signed(value))
  return (
    `Probes (${plain(metric, 20)}): ${meanAt(probings[0]!)} at first, ${meanAt(probings.at(-1)!)} at last; ` +
    `forgetting ${of(forgetting)}, backward transfer ${of(backward)}, forward transfer ${of(forward)}.`
  )
}

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
