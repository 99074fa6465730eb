import { sum } from 'simple-statistics'
import { InputError } from '../../errors.js'
import { NORMS } from './normal.js'
import { type DatasetType, type MemoryBenchSet, setOf, setsOf } from './sets.js'

/** A model's answer. */
export interface Prediction {
  test_idx: number
  response: string
  /** Absent only where there is one set. */
  dataset?: string | null | undefined
}

/** What `evaluateSingle` found of an answer. */
export interface EvaluationDetail {
  dataset: string
  test_idx: number
  metrics: Record<string, unknown>
}

/** A metric that some answers have no number of, for want of a judge model or of BERTScore. */
export interface Missing {
  /** Answers without it; they are left out of the means. */
  count: number
  reason: string
}

type Total = [sum: number, count: number, mean: number]

/** Means of one set's metrics. */
export interface SetSummary {
  summary: Record<string, number>
  /** By metric; absent if nothing is missing. */
  missing?: Record<string, Missing>
}

/** Means of a domain or task, by set. The ten LoCoMo sets count as one, `Locomo`. */
export interface GroupSummary {
  summary: {
    /** Mean of the sets' min-max normalised means. */
    average: number
    /** Mean of all min-max normalised scores. */
    weighted_average: number
    /** Mean of all z scores. */
    z_score: number
  }
  /** Mean score, in the set's own unit: 0 to 1, 1 to 5 or 1 to 10. Not to be compared between sets. */
  average: Record<string, number>
  /** (score − min) / (max − min); not clipped, so it may leave [0, 1]. */
  minmax_normalized_average: Record<string, Total>
  /** (score − mean) / standard deviation */
  z_normalized_average: Record<string, Total>
  /** Scores in order of set and test_idx. */
  details: Record<string, number[]>
  /** By set; absent if nothing is missing. */
  missing?: Record<string, Missing & { metric: string }>
}

/**
 * MemoryBench's `summary_results` (THUIR/MemoryBench, memorybench.py).
 *
 * A single set: the mean of each metric that it reports. A metric that an answer has not counts 0, and so do JuDGE's F1s,
 * which no single answer has (`aggregate` has them).
 *
 * A domain or task: one score an answer, its metric or what a judge made of several (`llm_as_judge_score`, or `_judge`),
 * normalised by the constants of that group (normal.ts).
 *
 * Values that are neither numbers nor true count 0. But a metric that `metrics.missing` names, because it needs a judge
 * model or BERTScore and there was none, is left out of every mean, and `missing` says of how many answers.
 *
 * @param predictions the answers that the details are of, to see that they belong together; an empty list sees to nothing
 * @throws InputError if the name is unknown, the lists do not belong together, or a score is neither there nor missing
 */
export function summarize(
  datasetType: 'single',
  name: string,
  predictions: readonly Prediction[],
  details: readonly EvaluationDetail[],
): SetSummary
export function summarize(
  datasetType: 'domain' | 'task',
  name: string,
  predictions: readonly Prediction[],
  details: readonly EvaluationDetail[],
): GroupSummary
export function summarize(
  datasetType: DatasetType,
  name: string,
  predictions: readonly Prediction[],
  details: readonly EvaluationDetail[],
): SetSummary | GroupSummary
export function summarize(
  datasetType: DatasetType,
  name: string,
  predictions: readonly Prediction[],
  details: readonly EvaluationDetail[],
): SetSummary | GroupSummary {
  const what = `summarizing ${datasetType} ${name}`
  const sets = new Map(setsOf(datasetType, name).map(set => [set.name, set]))
  const foreign = details.find(({ dataset }) => !sets.has(dataset))
  if (foreign)
    throw new InputError(
      `${what}: it has no set ${JSON.stringify(foreign.dataset)}; it has ${[...sets.keys()].join(', ')}`,
    )
  requireSame(predictions, details, datasetType === 'single' ? name : undefined, what)
  return datasetType === 'single'
    ? ofSet(sets.get(name)!, details)
    : ofGroup(NORMS[datasetType][name]!, sets, details, what)
}

function requireSame(
  predictions: readonly Prediction[],
  details: readonly EvaluationDetail[],
  only: string | undefined,
  what: string,
): void {
  if (predictions.length === 0) return
  if (predictions.length !== details.length)
    throw new InputError(
      `${what}: ${predictions.length} predictions and ${details.length} details; there must be as many`,
    )
  const predicted = predictions
    .map(({ dataset, test_idx }) => ({ dataset: dataset ?? only ?? '', test_idx }))
    .sort(inOrder)
  const detailed = details.toSorted(inOrder)
  const at = detailed.findIndex((detail, i) => inOrder(detail, predicted[i]!) !== 0)
  if (at < 0) return
  const [found, right] = [predicted[at]!, detailed[at]!].map(({ dataset, test_idx }) => `${dataset} ${test_idx}`)
  throw new InputError(`${what}: predictions and details are of different examples: ${found}, ${right}`)
}

/** By the name of the set, then by test_idx, as Python sorts such pairs. */
function inOrder(a: Pick<EvaluationDetail, 'dataset' | 'test_idx'>, b: Pick<EvaluationDetail, 'dataset' | 'test_idx'>) {
  if (a.dataset !== b.dataset) return a.dataset < b.dataset ? -1 : 1
  return a.test_idx - b.test_idx
}

/** What MemoryBench counts a metric's value as. */
const score = (value: unknown): number => (typeof value === 'number' ? value : value === true ? 1 : 0)

const mean = (scores: readonly number[]): number => (scores.length === 0 ? 0 : sum([...scores]) / scores.length)

/** Why a metric is missing from an answer; undefined if it is not. */
function reasonOf({ metrics }: EvaluationDetail, metric: string): string | undefined {
  const { missing } = metrics
  const named = typeof missing === 'object' && missing !== null && Object.hasOwn(missing, metric)
  return named ? String((missing as Record<string, unknown>)[metric]) : undefined
}

function ofSet({ metrics }: MemoryBenchSet, details: readonly EvaluationDetail[]): SetSummary {
  const summary: Record<string, number> = {}
  const missing: Record<string, Missing> = {}
  for (const metric of metrics) {
    const without = details.flatMap(detail => reasonOf(detail, metric) ?? [])
    if (without.length > 0) missing[metric] = { count: without.length, reason: without[0]! }
    const counted = details.filter(detail => reasonOf(detail, metric) === undefined)
    if (counted.length > 0 || without.length === 0)
      summary[metric] = mean(counted.map(each => score(each.metrics[metric])))
  }
  return Object.keys(missing).length > 0 ? { summary, missing } : { summary }
}

function ofGroup(
  norms: (typeof NORMS)['domain'][string],
  sets: ReadonlyMap<string, MemoryBenchSet>,
  given: readonly EvaluationDetail[],
  what: string,
): GroupSummary {
  const details: Record<string, number[]> = {}
  const missing: Record<string, Missing & { metric: string }> = {}
  for (const detail of given.toSorted(inOrder)) {
    const { merged } = sets.get(detail.dataset)!
    const name = detail.dataset.startsWith('Locomo-') ? 'Locomo' : detail.dataset
    const metric = merged === 'judge' ? 'llm_as_judge_score' : merged
    const reason = reasonOf(detail, metric)
    if (reason !== undefined) {
      const before = missing[name]
      missing[name] = before ? { ...before, count: before.count + 1 } : { metric, count: 1, reason }
      continue
    }
    const key = merged === 'judge' && !(metric in detail.metrics) ? '_judge' : metric
    if (!(key in detail.metrics))
      throw new InputError(
        `${what}: the metrics of ${detail.dataset} ${detail.test_idx} have no ${metric}; evaluateSingle gives it` +
          (merged === 'judge' ? ', with a judge model' : ''),
      )
    const scores = details[name] ?? []
    scores.push(score(detail.metrics[key]))
    details[name] = scores
  }
  return { ...normalised(norms, details), details, ...(Object.keys(missing).length > 0 && { missing }) }
}

function normalised(norms: (typeof NORMS)['domain'][string], details: Readonly<Record<string, readonly number[]>>) {
  const each = <T>(of: (scores: readonly number[], name: string) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(details).map(([name, scores]) => [name, of(scores, name)]))
  const total = (scores: readonly number[]): Total => [sum([...scores]), scores.length, mean(scores)]
  const minmax = each((scores, name) => {
    const { min, max } = norms[name]!
    return total(scores.map(s => (max > min ? (s - min) / (max - min) : 0)))
  })
  const z = each((scores, name) => {
    const { mu, sigma } = norms[name]!
    return total(scores.map(s => (sigma > 1e-6 ? (s - mu) / sigma : 0)))
  })
  const count = sum(Object.values(minmax).map(([, n]) => n))
  const over = (totals: Record<string, Total>) =>
    count > 0 ? sum(Object.values(totals).map(([all]) => all)) / count : 0
  return {
    summary: {
      average: mean(Object.values(minmax).map(([, , average]) => average)),
      weighted_average: over(minmax),
      z_score: over(z),
    },
    average: each(mean),
    minmax_normalized_average: minmax,
    z_normalized_average: z,
  }
}

/** Metrics of JuDGE that some answers have none of: where neither text names a fine, say. */
const SKIPPED = ['reasoning_meteor', 'judge_meteor', 'time_score', 'amount_score']

/**
 * MemoryBench's other summary of one set, `evaluate_and_summary`: as `summarize` of a single set, but JuDGE's F1s are made
 * of mean recall and mean precision, and its metrics that an answer may lack are means over the answers that have them,
 * null if none does.
 *
 * @throws InputError if the name is unknown or a detail is of another set
 */
export function aggregate(name: string, details: readonly EvaluationDetail[]): Record<string, number | null> {
  const { summary } = summarize('single', name, [], details)
  const found: Record<string, number | null> = { ...summary }
  for (const metric of setOf(name).metrics) {
    const values = details.map(({ metrics }) => metrics[metric])
    if (metric.endsWith('_f1')) {
      const part = (suffix: string) => mean(details.map(({ metrics }) => score(metrics[metric.replace('_f1', suffix)])))
      const [recall, precision] = [part('_recall'), part('_precision')]
      found[metric] = recall + precision > 0 ? (2 * recall * precision) / (recall + precision) : 0
    } else if (SKIPPED.includes(metric)) {
      const present = values.filter(value => value !== null && value !== undefined)
      found[metric] = present.length > 0 ? mean(present.map(score)) : null
    }
  }
  return found
}
