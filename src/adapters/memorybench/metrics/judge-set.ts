import { crimes } from './crimes.js'
import { cut } from './jieba.js'
import { parseJudgment } from './judgment.js'
import { meteorOfTokens } from './meteor.js'
import { articles, fine, months } from './penalties.js'

/** Scores of the set JuDGE as MemoryBench computes them (THUIR/MemoryBench, src/dataset/judge/calc_score.py). */

/** Without BERTScore, which needs a model. A score is null where neither text says anything of the kind. */
export interface JudgeSetMetrics {
  crime_recall: number
  crime_precision: number
  time_score: number | null
  amount_score: number | null
  penalcode_index_recall: number
  penalcode_index_precision: number
  /** What was found in the expected and the generated text: crimes, months, yuan, articles. */
  exp_crime: string[]
  gen_crime: string[]
  exp_time: number
  gen_time: number
  exp_amount: number
  gen_amount: number
  exp_penalcode_index: string[]
  gen_penalcode_index: string[]
  reasoning_meteor: number | null
  judge_meteor: number | null
  /** The parts that METEOR compares. */
  exp_reasoning: string
  exp_judge: string
  gen_reasoning: string
  gen_judge: string
}

/** Of two lists as sets; 0 where one is empty. */
export function recallPrecision(
  expected: readonly string[],
  actual: readonly string[],
): [recall: number, precision: number] {
  const [e, a] = [new Set(expected), new Set(actual)]
  const both = [...e].filter(item => a.has(item)).length
  return [e.size > 0 ? both / e.size : 0, a.size > 0 ? both / a.size : 0]
}

/** How near two terms or fines are, in [0, 1]: 0 if only one is there (≥ 0), or only one above 10,000, such as death. */
export function percentScore(expected: number, actual: number): number {
  if (expected === 0 && actual === 0) return 1
  if (expected < 0 !== actual < 0) return 0
  if ((expected - 10000) * (actual - 10000) < 0) return 0
  return 1 - Math.abs(expected - actual) / Math.max(expected, actual)
}

/** All scores of a generated judgment beside the expected one. Loads jieba and WordNet at the first call. */
export function metrics(generated: string, expected: string): JudgeSetMetrics {
  const [gen, exp] = [generated, expected].map(read) as [Reading, Reading]
  const [crimeRecall, crimePrecision] = recallPrecision(exp.crimes, gen.crimes)
  const [articleRecall, articlePrecision] = recallPrecision(exp.articles, gen.articles)
  const near = (e: number, a: number) => (e >= 0 || a >= 0 ? percentScore(e, a) : null)
  const whole = [exp, gen].every(({ reason, judgment }) => reason !== '' && judgment !== '')
  const meteor = (e: string, g: string) => (whole ? meteorOfTokens(cut(e), cut(g)) : null)
  return {
    crime_recall: crimeRecall,
    crime_precision: crimePrecision,
    time_score: near(exp.months, gen.months),
    amount_score: near(exp.fine, gen.fine),
    penalcode_index_recall: articleRecall,
    penalcode_index_precision: articlePrecision,
    exp_crime: exp.crimes,
    gen_crime: gen.crimes,
    exp_time: exp.months,
    gen_time: gen.months,
    exp_amount: exp.fine,
    gen_amount: gen.fine,
    exp_penalcode_index: exp.articles,
    gen_penalcode_index: gen.articles,
    reasoning_meteor: meteor(exp.reason, gen.reason),
    judge_meteor: meteor(exp.judgment, gen.judgment),
    exp_reasoning: exp.reason,
    exp_judge: exp.judgment,
    gen_reasoning: gen.reason,
    gen_judge: gen.judgment,
  }
}

type Reading = ReturnType<typeof read>

const read = (document: string) => ({
  crimes: crimes(document),
  months: months(document),
  fine: fine(document),
  articles: articles(document),
  ...parseJudgment(document),
})
