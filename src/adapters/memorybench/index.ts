export { corpusOf, type Passage, passagesOf } from './corpus.js'
export * as dialsim from './dialsim.js'
export { type BertScore, type EvaluateOptions, evaluateSingle } from './evaluate.js'
export {
  BASELINES,
  dialogOf,
  type FeedbackDialog,
  feedbackOf,
  type ImplicitFeedback,
  likedAnswers,
} from './feedback.js'
export { cachedJudge } from './judge/cache.js'
export {
  type JudgeMessage,
  type JudgeModel,
  type JudgeReply,
  type JudgeUsage,
  meteredJudge,
  type Sampling,
  type Spent,
} from './judge/model.js'
export { type OpenAIJudgeOptions, openAICritic, openAIJudge } from './judge/openai.js'
export { judgeScore } from './judge/parse.js'
export * as locomo from './locomo.js'
export { jrel, judgeSet, lexeval, meteor, type Rouge, rougeL, wordTokenize } from './metrics/index.js'
export { porterStem } from './porter.js'
export { offPolicy, onPolicy, type Protocol, stepwise, trainPerformance } from './protocols.js'
export { parseColumn } from './python.js'
export type { MemoryBenchRecord } from './record.js'
export { type DatasetType, type MemoryBenchSet, SETS, setsOf } from './sets.js'
export { MemoryBenchExampleSource, type MemoryBenchOptions } from './source.js'
export {
  aggregate,
  type EvaluationDetail,
  type GroupSummary,
  type Missing,
  type Prediction,
  type SetSummary,
  summarize,
} from './summarize.js'
