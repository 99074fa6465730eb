import { stringify } from 'csv-stringify/sync'
import { STAGES, type Step } from '../protocol/index.js'
import { ownValue } from './curve.js'

type Cell = string | number | null

/** Rows that are written at once. */
const BATCH = 256

/** Columns that every step has, first to last; metrics and baselines come between `outcome` and the losses. */
const BEFORE: Record<string, (step: Step) => Cell> = {
  branch: step => step.branch,
  index: step => step.index,
  key: step => step.key,
  dataset: step => step.datasetName,
  split: step => step.split,
  testIdx: step => step.testIdx,
  chat: step => step.chatId,
  lang: step => step.lang,
  startedAt: step => step.startedAt,
  outcome: step => step.outcome.kind,
  reason: step => step.outcome.reason ?? null,
}
const AFTER: Record<string, (step: Step) => Cell> = {
  'lora.retrieved': step => step.retrievedLora?.identifier ?? null,
  'lora.updated': step => step.updatedLora?.identifier ?? null,
  'loss.first': step => step.losses[0] ?? null,
  'loss.last': step => step.losses.at(-1) ?? null,
  'targetLoss.before': step => step.targetLoss?.before ?? null,
  'targetLoss.after': step => step.targetLoss?.after ?? null,
  'tokens.prompt': step => step.tokens.prompt,
  'tokens.new': step => step.tokens.new,
  ...Object.fromEntries(STAGES.map(stage => [`ms.${stage}`, (step: Step) => step.ms[stage]])),
  seed: step => step.seed,
}

/**
 * Steps as comma-separated values (RFC 4180): a row each, a column each for every metric (`metric.f1`) and every metric
 * of a baseline (`base.f1`). Texts that a spreadsheet would take for formulas get an apostrophe before them.
 *
 * @param steps is walked twice: once for the columns
 */
export function* stepsCsv(steps: () => Iterable<Step>): Generator<string> {
  const metrics = new Set<string>()
  const others = new Map<string, [name: string, metric: string]>()
  let count = 0
  for (const step of steps()) {
    count++
    for (const metric of Object.keys(step.metrics)) metrics.add(metric)
    for (const [name, { metrics: of }] of Object.entries(step.baselines))
      for (const metric of Object.keys(of)) others.set(JSON.stringify([name, metric]), [name, metric])
  }
  const columns: [name: string, cell: (step: Step) => Cell][] = [
    ...Object.entries(BEFORE),
    ...[...metrics].map((m): [string, (step: Step) => Cell] => [
      `metric.${m}`,
      step => ownValue(step.metrics, m) ?? null,
    ]),
    ...[...others.values()].map(([name, m]): [string, (step: Step) => Cell] => [
      columnOf(name, m),
      step => ownValue(ownValue(step.baselines, name)?.metrics, m) ?? null,
    ]),
    ...Object.entries(AFTER),
  ]
  let rows: Cell[][] = [columns.map(([name]) => name)]
  for (const step of steps()) {
    // A run that is being written has more by now, with columns that were not seen.
    if (count-- === 0) break
    rows.push(columns.map(([, cell]) => cell(step)))
    if (rows.length < BATCH) continue
    yield lines(rows)
    rows = []
  }
  yield lines(rows)
}

/** `base.f1`; a baseline that is called as other columns begin is set apart. */
const columnOf = (baseline: string, metric: string): string =>
  /^(metric|lora|loss|targetLoss|tokens|ms|baseline)$/.test(baseline)
    ? `baseline.${baseline}.${metric}`
    : `${baseline}.${metric}`

const lines = (rows: Cell[][]): string => stringify(rows, { record_delimiter: 'windows', escape_formulas: true })
