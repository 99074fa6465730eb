import { InputError } from '../../errors.js'

export type DatasetType = 'single' | 'domain' | 'task'

/** One of MemoryBench's data sets, as its configuration (THUIR/MemoryBench, configs/datasets) describes it. */
export interface MemoryBenchSet {
  name: string
  domain: 'Open-Domain' | 'Legal' | 'Academic&Knowledge'
  /** Length of input and output. */
  task: 'Long-Short' | 'Short-Long' | 'Long-Long' | 'Short-Short'
  languages: readonly ('en' | 'zh')[]
  /** What is reported of the set, in this order. */
  metrics: readonly string[]
  /** The longest answer that is asked for [tokens]. */
  maxOutputTokens: number
  /** Has it a text to be read before its questions? */
  corpus: boolean
  /** The one score of an answer where sets are mixed: the name of a metric, or `judge`: a model reads all of them. */
  merged: string
}

type Rest = Partial<Pick<MemoryBenchSet, 'languages' | 'maxOutputTokens' | 'corpus' | 'merged'>>
const set = (
  name: string,
  domain: MemoryBenchSet['domain'],
  task: MemoryBenchSet['task'],
  metrics: string,
  rest: Rest = {},
): MemoryBenchSet => {
  const names = metrics.split(' ')
  const usual = { languages: ['en'] as const, maxOutputTokens: 8192, corpus: false, merged: names[0]! }
  return { name, domain, task, metrics: names, ...usual, ...rest }
}

const OPEN = 'Open-Domain'
const KNOWLEDGE = 'Academic&Knowledge'
const chinese: Rest = { languages: ['zh'] }
const writing: Rest = { languages: ['en', 'zh'], maxOutputTokens: 16_000 }
const hello: Rest = { maxOutputTokens: 16_384 }
const corpus: Rest = { corpus: true }

const JUDGE =
  'reasoning_meteor judge_meteor reasoning_bert_score judge_bert_score crime_recall crime_precision crime_f1 ' +
  'penalcode_index_recall penalcode_index_precision penalcode_index_f1 time_score amount_score'
const IDEAS = 'bert_score llm_rating_score llm_novelty_ranking_score llm_feasibility_ranking_score'

/** All 28 sets, in the order of the configuration: a domain's or a task's sets stand in this order too. */
export const SETS: readonly MemoryBenchSet[] = [
  ...Array.from({ length: 10 }, (_, i) => set(`Locomo-${i}`, OPEN, 'Long-Short', 'f1', corpus)),
  set('DialSim-friends', OPEN, 'Long-Short', 'accuracy', corpus),
  set('DialSim-bigbang', OPEN, 'Long-Short', 'accuracy', corpus),
  set('DialSim-theoffice', OPEN, 'Long-Short', 'accuracy', corpus),
  set('JuDGE', 'Legal', 'Short-Long', JUDGE, { ...chinese, maxOutputTokens: 2048, merged: 'judge' }),
  set('LexEval-Summarization', 'Legal', 'Long-Short', 'rougel', chinese),
  set('LexEval-Judge', 'Legal', 'Long-Long', 'rougel', chinese),
  set('LexEval-QA', 'Legal', 'Short-Short', 'rougel', chinese),
  set('WritingBench-Politics&Law', 'Legal', 'Long-Long', 'score', writing),
  set('HelloBench-Academic&Knowledge-QA', KNOWLEDGE, 'Short-Long', 'avg_score', hello),
  set('HelloBench-Academic&Knowledge-Writing', KNOWLEDGE, 'Long-Long', 'avg_score', hello),
  set('IdeaBench', KNOWLEDGE, 'Long-Short', IDEAS, { merged: 'judge' }),
  set('JRE-L', KNOWLEDGE, 'Short-Short', 'Rouge-L BERTScore-F1 CLI FKGL DCRS', {
    maxOutputTokens: 4096,
    merged: 'judge',
  }),
  set('LimitGen-Syn', KNOWLEDGE, 'Long-Short', 'accuracy rating', { maxOutputTokens: 500, merged: 'rating' }),
  set('WritingBench-Academic&Engineering', KNOWLEDGE, 'Long-Long', 'score', writing),
  set('HelloBench-Creative&Design', OPEN, 'Long-Long', 'avg_score', hello),
  set('WritingPrompts', OPEN, 'Short-Long', 'meteor'),
  set('WritingBench-Creative&Design', OPEN, 'Long-Long', 'score', writing),
  set('NFCats', OPEN, 'Short-Short', 'score'),
]

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]
const NAMES: Record<DatasetType, readonly string[]> = {
  single: SETS.map(({ name }) => name),
  domain: unique(SETS.map(({ domain }) => domain)),
  task: unique(SETS.map(({ task }) => task)),
}

/**
 * The set of that name, or the sets of a domain or task in their order.
 *
 * @throws InputError listing the names there are
 */
export function setsOf(datasetType: DatasetType, name: string): readonly MemoryBenchSet[] {
  const names = NAMES[datasetType]
  if (!names) throw unknown(`datasetType ${JSON.stringify(datasetType)}`, Object.keys(NAMES), datasetType)
  if (!names.includes(name)) throw unknown(`${datasetType} ${JSON.stringify(name)}`, names, name)
  return SETS.filter(each => each[datasetType === 'single' ? 'name' : datasetType] === name)
}

/** The set of that name. @throws InputError listing the names there are */
export const setOf = (name: string): MemoryBenchSet => setsOf('single', name)[0]!

function unknown(what: string, names: readonly string[], name: unknown): InputError {
  const plain = (text: unknown) =>
    String(text)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
  const meant = names.find(each => plain(each) === plain(name))
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return new InputError(`opening MemoryBench: there is no ${what}${hint}; there are ${names.join(', ')}`)
}
