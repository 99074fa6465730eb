import { mean } from '../../record/curve.js'
import type { RunRecord } from '../../record/record.js'
import { type Difference, pairedDifference } from '../../record/stats.js'
import { markup } from '../markup.js'
import { plural, score, signed, workedOn } from '../words.js'
import { clean, ink, type Picture, placed, text, widthOf } from './look.js'
import { fork, glyph, pencil } from './marks.js'
import type { ModuleShape } from './modules.js'
import { timeline } from './timeline.js'
import { type TimelineData, type TimelineSource, timelineOf } from './timeline-data.js'
import { where } from './where.js'

/** What a card of a run shows. */
export interface CardData {
  runId: string
  /** Such as `finished`, `running`, `paused`. */
  status: string
  /** How long it took [ms]; null if that is not known. */
  took: number | null
  seed: number
  /** Model and first characters of its hash, as `smollm2@3fa91c2b`; null if none was loaded. */
  model: string | null
  /** Day it began, `2026-01-02`. */
  date: string
  timeline: TimelineData
  score: number | null
  baseline: { name: string; mean: number | null; difference: Difference | null } | null
  counts: Record<'updated' | 'unchanged' | 'skipped' | 'failed', number>
  /** ‖ΔW‖ by module of the branch's last adapter; empty if it has none of ours. */
  modules: Pick<ModuleShape, 'module' | 'norm' | 'baseNorm'>[]
}

/** What `cardOf` reads of a run; every record is one. */
export type CardSource = TimelineSource & Pick<RunRecord, 'info' | 'sessions' | 'adapter'>

/**
 * What a card shows of a branch of a run.
 *
 * @param about `status` where the record does not know it (a live run), `base` ‖W₀‖_F by module where it is known
 */
export function cardOf(
  record: CardSource,
  about: {
    branch?: string | undefined
    status?: string | undefined
    base?: ReadonlyMap<string, number> | undefined
  } = {},
): CardData {
  const { branch = record.current, base } = about
  const { info, sessions } = record
  const points = record.timeline(branch)
  const data = timelineOf(record, { branch })
  const baseline = data.baselines[0]
  const pairs = points.flatMap(({ chatId }, i) => {
    const [a, b] = [data.adapter.scores[i]!, baseline?.scores[i] ?? null]
    return a === null || b === null ? [] : [{ chat: chatId, difference: a - b }]
  })
  const counts = { updated: 0, unchanged: 0, skipped: 0, failed: 0 }
  for (const { outcome } of points) counts[outcome]++
  const last = points.findLast(point => point.lora !== null)?.lora ?? null
  const norms = (last === null ? null : record.adapter(last)?.norms) ?? {}
  const [model] = sessions.at(-1)?.models ?? []
  const hash = model && Object.entries(model.files).find(([path]) => path.endsWith('.onnx'))?.[1]
  return {
    runId: info.runId,
    status: about.status ?? sessions.at(-1)?.status ?? info.status,
    took: workedOn(sessions),
    seed: info.args.seed,
    model: model ? `${model.id.split('/').at(-1)}${hash ? `@${hash.slice(0, 8)}` : ''}` : null,
    date: info.startedAt.slice(0, 10),
    timeline: data,
    score: mean(data.adapter.scores),
    baseline: baseline
      ? { name: baseline.name, mean: mean(baseline.scores), difference: pairedDifference(pairs, info.args.seed) }
      : null,
    counts,
    modules: Object.entries(norms).map(([module, norm]) => ({ module, norm, baseNorm: base?.get(module) ?? null })),
  }
}

/** A time for a headline: `42 s`, `3 min`, `1 h 38`. */
function lasting(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`
}

const headlineOf = ({ runId, timeline: { branch, adapter }, status, took }: CardData): string =>
  ['LoRA run', clean(runId, 48), '·', clean(branch, 24), '·', status, '·', plural(adapter.scores.length, 'example')]
    .concat(took === null ? [] : ['·', lasting(took)])
    .join(' ')

function resultOf({ score: own, baseline, timeline: { metric } }: CardData): string {
  if (metric === null) return 'nothing was scored'
  const begin = `${clean(metric, 20)} ${score(own)}`
  if (!baseline) return begin
  const { difference } = baseline
  const against = difference
    ? ` ${signed(difference.mean)} [${signed(difference.low)}, ${signed(difference.high)}]${difference.verdict === 'few' ? ` n = ${difference.n}, too few to say` : ''}`
    : ''
  return `${begin} (${clean(baseline.name, 16)} ${score(baseline.mean)})${against}`
}

/** A run on one card, 1400 × 420: headline, result, timeline, where the adapter wrote. Readable without a program. */
export function card(data: CardData, { width = 1400, height = 420 } = {}): Picture {
  const { timeline: line, modules, seed, model, date, runId, counts } = data
  const side = modules.length > 0 ? 400 : 0
  const result = resultOf(data)
  const marks = [
    ...(line.edits.length > 0 ? [{ draw: pencil, n: line.edits.length }] : []),
    ...(line.others.length > 0 ? [{ draw: fork, n: line.others.length }] : []),
    ...(counts.failed > 0 ? [{ draw: (x: number, y: number) => glyph('failed', x, y), n: counts.failed }] : []),
  ]
  const from = 24 + widthOf(result, 17)
  const foot = [clean(runId, 60), `seed ${seed}`, ...(model === null ? [] : [clean(model, 60)]), date].join(' · ')
  const body = markup`<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6" ${ink({ stroke: 'rule' })}/>
${text(24, 30, headlineOf(data), { size: 15, colour: 'quiet' })}
${text(24, 60, result, { size: 17, bold: true })}
${marks.map(({ draw, n }, i) => markup`${draw(from + 20 + i * 64, 54)}${text(from + 30 + i * 64, 60, n, { size: 15 })}`)}
${placed(timeline(line, { width: width - side - 48, height: height - 110 }), 24, 74)}
${side > 0 ? placed(where(modules, { width: side - 16, height: height - 66 }), width - side, 28) : ''}
${text(24, height - 14, foot, { size: 11, colour: 'quiet' })}`
  return { width, height, body, title: cardText(data) }
}

/** The card as one line: `LoRA run r7: 2000 examples, f1 0.61 (base 0.52, +0.09 [+0.05, +0.13]), 231 updated, 4 failed`. */
export function cardText(data: CardData): string {
  const { runId, counts, timeline: line } = data
  const outcomes = Object.entries(counts).flatMap(([kind, n]) => (n > 0 ? [`${n} ${kind}`] : []))
  return [
    `LoRA run ${clean(runId, 60)}: ${plural(line.adapter.scores.length, 'example')}`,
    resultOf(data),
    ...outcomes,
  ].join(', ')
}
