import { z } from 'zod'
import { HarnessError, InputError } from '../../errors.js'
import { judgeAnswer as judgeDialSim, saysExactly } from './judge/dialsim.js'
import { judgeChecklist } from './judge/hellobench.js'
import { hypothesesOf, judgeOverlap, judgeRank } from './judge/ideabench.js'
import { judgeLimitations, LIMITGEN_CATEGORIES } from './judge/limitgen.js'
import { mergeArticle, mergeIdea, mergeJudgment } from './judge/merge.js'
import { type JudgeModel, type Judging, judging, meteredJudge } from './judge/model.js'
import { judgeAnswer as judgeNFCats } from './judge/nfcats.js'
import { judgeWriting } from './judge/writingbench.js'
import { evaluateSingle as evaluateLocomo } from './locomo.js'
import { jrel, judgeSet, lexeval, meteor } from './metrics/index.js'
import { cut } from './metrics/jieba.js'
import { setOf } from './sets.js'

/**
 * BERTScore F1 of each pair, by the model of that name on Hugging Face.
 *
 * @param candidates texts of the model
 * @param references as many texts to compare them with
 */
export type BertScore = (
  candidates: readonly string[],
  references: readonly string[],
  model: string,
) => readonly number[] | Promise<readonly number[]>

export interface EvaluateOptions {
  /** Judges answers of the sets that rules alone cannot score; see `openAIJudge`, `cachedJudge`, `meteredJudge`. */
  judgeModel?: JudgeModel | undefined
  /** Judges WritingBench in its place; see `openAICritic`. */
  criticModel?: JudgeModel | undefined
  /** Computes BERTScore for IdeaBench, JRE-L and JuDGE; this project has none of its own. */
  bertScore?: BertScore | undefined
  signal?: AbortSignal | undefined
}

const NO_JUDGE = 'needs a judge model'
const NO_BERT_SCORE = 'needs BERTScore'

/** An answer to be scored, and what there is to score it with. */
interface Task<Info> {
  prompt: string
  info: Info
  response: string
  judge: Judging | undefined
  bertScore: ((...given: Parameters<BertScore>) => Promise<number[]>) | undefined
}

/** What a scorer found; a value that is undefined is missing, for the reason beside it. */
type Found = Record<string, unknown>
interface Scorer {
  score(task: Task<unknown>): Promise<Found & { missing?: Record<string, string> }>
}

const scorer = <Info>(
  info: z.ZodType<Info>,
  score: (task: Task<Info>) => Promise<Found & { missing?: Record<string, string> }>,
): Scorer => ({
  score: async task => {
    const { data, error } = info.safeParse(task.info)
    if (error) throw new InputError(`its info does not fit: ${z.prettifyError(error)}`)
    return score({ ...task, info: data })
  },
})

const Golden = z.looseObject({ golden_answer: z.string() })

/** By the set's name up to its first hyphen. */
const SCORERS: Record<string, Scorer> = {
  Locomo: scorer(
    z.object({
      golden_answer: z.string(),
      category: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)]),
      evidence: z.array(z.unknown()).default([]),
    }),
    async ({ info, response }) => evaluateLocomo(info, response),
  ),
  DialSim: scorer(Golden, async ({ prompt, info: { golden_answer: golden }, response, judge }) => {
    if (saysExactly(golden, response)) return { accuracy: true }
    return judge
      ? { accuracy: await judgeDialSim(judge, prompt, golden, response) }
      : { missing: { accuracy: NO_JUDGE } }
  }),
  LexEval: scorer(Golden, async ({ info: { golden_answer }, response }) => ({
    rougel: await lexeval.rougeL(response, golden_answer),
    golden_answer,
  })),
  WritingPrompts: scorer(Golden, async ({ info, response }) => ({
    ...info,
    meteor: await meteor(info.golden_answer, response),
  })),
  NFCats: scorer(z.looseObject({}), async ({ prompt, response, judge }) =>
    judge ? { score: await judgeNFCats(judge, prompt, response) } : { missing: { score: NO_JUDGE } },
  ),
  HelloBench: scorer(z.looseObject({ checklist: z.array(z.unknown()) }), async task => {
    const { prompt, info, response, judge } = task
    if (!judge) return { checklist: info.checklist, missing: { avg_score: NO_JUDGE } }
    const checklist_evaluation = await judgeChecklist(judge, prompt, info.checklist, response)
    const total = checklist_evaluation.reduce((sum, { evaluation_score }) => sum + evaluation_score, 0)
    const avg_score = checklist_evaluation.length === 0 ? 0 : total / checklist_evaluation.length
    return { avg_score, checklist_evaluation, checklist: info.checklist }
  }),
  WritingBench: scorer(z.looseObject({ criteria: z.unknown() }), async ({ prompt, info, response, judge }) => {
    const { criteria } = info
    if (!judge) return { criteria, missing: { score: NO_JUDGE } }
    const found = await judgeWriting(judge, prompt, criteria, response)
    return found ? { ...found, criteria } : { criteria, missing: { score: 'the critic gave no fit reply in 5 tries' } }
  }),
  LimitGen: scorer(
    z.looseObject({ ground_truth: z.string(), category: z.enum(LIMITGEN_CATEGORIES) }),
    async ({ info, response, judge }) =>
      judge ? judgeLimitations(judge, info, response) : { missing: { accuracy: NO_JUDGE, rating: NO_JUDGE } },
  ),
  IdeaBench: scorer(z.looseObject({ abstract: z.string() }), ideas),
  JRE: scorer(z.looseObject({ 'pr-abstract': z.string() }), article),
  JuDGE: scorer(Golden, judgment),
}

async function ideas({ prompt, info: { abstract }, response, judge, bertScore }: Task<{ abstract: string }>) {
  const hypotheses = hypothesesOf(response)
  const missing: Record<string, string> = {}
  const metrics: Found = { generated_hypotheses: hypotheses }
  let best: string | undefined
  if (bertScore) {
    const scores = await bertScore(hypotheses, Array(hypotheses.length).fill(abstract), 'microsoft/deberta-xlarge-mnli')
    metrics.bert_score = Math.max(...scores)
    best = hypotheses[scores.indexOf(Math.max(...scores))]!
    metrics.best_hypothesis_by_bertf1 = best
  } else missing.bert_score = NO_BERT_SCORE
  if (judge && best !== undefined) metrics.llm_rating_score = await judgeOverlap(judge, best, abstract)
  else missing.llm_rating_score = judge ? 'needs BERTScore, by which the best hypothesis is chosen' : NO_JUDGE
  for (const criterion of ['novelty', 'feasibility'] as const) {
    const name = `llm_${criterion}_ranking_score`
    const found = judge && (await judgeRank(judge, hypotheses, abstract, criterion))
    if (found) metrics[`llm_${criterion}_ranking`] = found.ranking
    if (found?.score !== undefined) metrics[name] = found.score
    else missing[name] = judge ? 'the judge ranked others and not the true idea' : NO_JUDGE
  }
  const lacking = Object.keys(missing)
  if (judge && best !== undefined && lacking.length === 0)
    metrics.llm_as_judge_score = await mergeIdea(judge, prompt, abstract, best, metrics)
  else missing.llm_as_judge_score = judge ? `needs ${lacking.join(', ')}` : NO_JUDGE
  return { ...metrics, missing }
}

async function article({ prompt, info, response, judge, bertScore }: Task<Found & { 'pr-abstract': string }>) {
  const golden = info['pr-abstract']
  const [bert] = (await bertScore?.([response], [golden], 'roberta-base')) ?? []
  const metrics: Found = {
    ...info,
    'Rouge-L': await jrel.rougeL(response, golden),
    ...(bert !== undefined && { 'BERTScore-F1': bert }),
    ...(await jrel.readability(response)),
  }
  const missing = bert === undefined ? { 'BERTScore-F1': NO_BERT_SCORE } : {}
  if (!judge) return { ...metrics, missing: { ...missing, llm_as_judge_score: NO_JUDGE } }
  return { ...metrics, llm_as_judge_score: await mergeArticle(judge, prompt, golden, response, metrics), missing }
}

async function judgment({ prompt, info, response, judge, bertScore }: Task<{ golden_answer: string }>) {
  const golden = info.golden_answer
  const metrics: Found = { ...(await judgeSet.metrics(response, golden)), golden_answer: golden }
  const missing: Record<string, string> = {}
  for (const part of ['reasoning', 'judge']) {
    const name = `${part}_bert_score`
    if (!bertScore) {
      missing[name] = NO_BERT_SCORE
      continue
    }
    const [said, right] = ['gen', 'exp'].map(side => cut(String(metrics[`${side}_${part}`] ?? '')).join(' '))
    metrics[name] = (await bertScore([said!], [right!], 'bert-base-chinese'))[0]
  }
  if (judge) metrics.llm_as_judge_score = await mergeJudgment(judge, prompt, golden, response, metrics)
  else missing.llm_as_judge_score = NO_JUDGE
  return { ...metrics, missing }
}

/**
 * MemoryBench's `evaluate_single` for any of its 28 sets: the set's metrics, and details with them.
 *
 * Beside the original's keys:
 * - `llm_as_judge_score` (JuDGE, IdeaBench, JRE-L): the one score that a judge makes of all metrics, 1 to 10; the original
 *   asks for it when it summarizes. Without BERTScore its place in the question reads "None".
 * - `missing`: metrics without a number, and why: `{ accuracy: 'needs a judge model' }`. They are never 0 instead.
 * - `judge_errors`: tries of the judge that came to nothing. The score then is the original's: 1 for NFCats and 0 for
 *   HelloBench, LimitGen and merged scores after errors; null, which counts as 0 in summaries, where no reply names one.
 * - `judge_usage`: model, calls, answers from a cache, tokens, cost.
 *
 * @param userPrompt what the model was asked: the last user turn
 * @param info the record's `info`, parsed
 * @throws InputError if there is no such set, its info does not fit, or address, model or key of the judge are wrong;
 *   HarnessError if the judge of DialSim, WritingBench or IdeaBench cannot be reached; the signal's reason
 */
export async function evaluateSingle(
  dataset: string,
  userPrompt: string,
  info: Record<string, unknown>,
  response: string,
  options: EvaluateOptions = {},
): Promise<Record<string, unknown>> {
  const { name } = setOf(dataset)
  const { judgeModel, criticModel, bertScore, signal } = options
  const chosen = name.startsWith('WritingBench') ? (criticModel ?? judgeModel) : judgeModel
  const metered = chosen && meteredJudge(chosen)
  const judge = metered && judging(metered, signal)
  const task = { prompt: userPrompt, info, response, judge, bertScore: bertScore && checked(bertScore) }
  const { missing = {}, ...metrics } = await SCORERS[name.split('-')[0]!]!.score(task).catch(cause => {
    if (!(cause instanceof HarnessError)) throw cause
    const message = `evaluating an answer of ${name}: ${cause.message}`
    throw cause instanceof InputError ? new InputError(message, { cause }) : new HarnessError(message, { cause })
  })
  return {
    ...metrics,
    ...(Object.keys(missing).length > 0 && { missing }),
    ...(judge && judge.errors.length > 0 && { judge_errors: judge.errors }),
    ...(metered && metered.spent.calls > 0 && { judge_usage: { ...metered.spent } }),
  }
}

/** The same, which sees to it that there is a number for each pair. */
function checked(bertScore: BertScore): NonNullable<Task<unknown>['bertScore']> {
  return async (candidates, references, model) => {
    const scores = [...(await bertScore(candidates, references, model))]
    if (scores.length === candidates.length && scores.every(Number.isFinite)) return scores
    throw new HarnessError(
      `bertScore gave ${JSON.stringify(scores).slice(0, 100)} for ${candidates.length} texts; there must be a number for each`,
    )
  }
}
