import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { askScore } from './parse.js'

/** Sets with several metrics, of which a judge makes one score for the summary of a domain or task. */

const MANNER = { temperature: 0, maxTokens: 1024 }

type Line = [name: string, value: string, meaning: string]

/** What the judge of one set reads. */
interface Merge {
  system: string
  /** What was asked for, for the headings and the task. */
  work: string
  input: string
  reference: string
  lines: readonly Line[]
  /** What to consider; what 1 and 10 stand for. */
  scale: string
}

async function merge(judge: Judging, prompt: string, output: string, golden: string, what: Merge) {
  const metrics = what.lines.map(([name, value, meaning]) => `${name}: ${value}\n(${meaning})`).join('\n\n')
  const user = `## ${what.input} (Input)
${framed('input', prompt)}

## Generated ${what.work} (Output)
${framed('output', output)}

## ${what.reference} (Reference)
${framed('reference', golden)}

## Metrics
They compare the output with the reference or describe the output. Let them inform your score.

${metrics}

## Task
Look at input, output, reference and metrics as a whole, and give one whole number from 1 to 10 for the quality of the generated ${what.work}. ${what.scale}

Reply with the number only.

## Score`
  return askScore(judge, question(what.system, user), MANNER, 0)
}

const decimals = (value: unknown): string => (typeof value === 'number' ? value.toFixed(4) : 'None')

/**
 * One score for a judgment of JuDGE. As in the original, `time_score` stands in the place of every metric that is there:
 * its prompt takes the value of that name whichever it is asked for, and the published constants were made so.
 */
export function mergeJudgment(
  judge: Judging,
  prompt: string,
  golden: string,
  response: string,
  metrics: Record<string, unknown>,
): Promise<number | null> {
  const line = (name: string, meaning: string): Line => [
    name,
    name in metrics ? decimals(metrics.time_score) : 'None',
    meaning,
  ]
  return merge(judge, prompt, response, golden, {
    system: 'You are an expert assistant for law. You evaluate judgments that were written by a machine.',
    work: 'Judgment Document',
    input: 'Facts of the Case',
    reference: 'True Judgment Document',
    lines: [
      line('time_score', '0 to 1: how near the prison term is'),
      line('amount_score', '0 to 1: how near the fine is'),
      line('crime_recall', '0 to 1: the part of the true charges that is found'),
      line('crime_precision', '0 to 1: the part of the found charges that is true'),
      line('penalcode_index_recall', '0 to 1: the part of the statutes to be cited that is cited'),
      line('penalcode_index_precision', '0 to 1: the part of the cited statutes that is right'),
      line('reasoning_meteor', '0 to 1: METEOR of the reasoning'),
      line('reasoning_bert_score', '0 to 1: BERTScore of the reasoning'),
      line('judge_meteor', '0 to 1: METEOR of the judgment proper'),
      line('judge_bert_score', '0 to 1: BERTScore of the judgment proper'),
    ],
    scale:
      '1: extremely poor, such as beside the point, wrong in fact or nonsense. ' +
      '10: excellent: sound in law, right in fact, well reasoned and well built, hardly to be told from the true one.',
  })
}

/** One score for an article of JRE-L. A BERTScore that is not there reads "None". */
export function mergeArticle(
  judge: Judging,
  prompt: string,
  golden: string,
  response: string,
  metrics: Record<string, unknown>,
): Promise<number | null> {
  const line = (name: string, meaning: string): Line => [name, decimals(metrics[name]), meaning]
  return merge(judge, prompt, response, golden, {
    system: 'You are an expert in science communication. You evaluate popular science articles written by a machine.',
    work: 'Popular Science Article',
    input: 'Source Document',
    reference: 'Abstract of the Reference Article',
    lines: [
      line('Rouge-L', '0 to 1: overlap in the longest common sequence of words; higher is more faithful'),
      line('BERTScore-F1', '0 to 1: likeness in meaning, whatever the wording; higher is better'),
      line(
        'CLI',
        'Coleman-Liau index, US school grade needed to understand the text; 8 to 12 is fine, lower is easier',
      ),
      line('FKGL', 'Flesch-Kincaid grade level, likewise; 8 to 12 is standard for the general public'),
      line('DCRS', 'Dale-Chall readability; lower is easier: up to 4.9 for fourth grade, 9.0 to 9.9 for college'),
    ],
    scale:
      'Consider accuracy, readability, coherence and faithfulness to the source. ' +
      '1: extremely poor, such as beside the point, wrong in fact, nonsense or unreadable. ' +
      '10: excellent: accurate, easy for a lay reader, well built, engaging and faithful, hardly to be told from the reference.',
  })
}

/** One score for the best hypothesis of IdeaBench. */
export function mergeIdea(
  judge: Judging,
  prompt: string,
  abstract: string,
  hypothesis: string,
  metrics: Record<string, unknown>,
): Promise<number | null> {
  const rating = metrics.llm_rating_score
  const rank = (name: string, quality: string): Line => [
    name,
    decimals(metrics[name]),
    `0 to 1, from ranking it among the true idea and its fellows: near 0 it is much less ${quality} than the true idea, near 0.5 as ${quality}, near 1 much more`,
  ]
  return merge(judge, prompt, hypothesis, abstract, {
    system: 'You are an expert researcher. You evaluate research ideas that were generated by a machine.',
    work: 'Research Idea',
    input: 'Background Knowledge',
    reference: 'True Research Idea',
    lines: [
      ['bert_score', decimals(metrics.bert_score), '0 to 1: likeness in meaning to the true idea'],
      [
        'llm_rating_score',
        rating === null ? 'N/A' : String(rating),
        '1 to 10: overlap with the true idea, rated by a judge',
      ],
      rank('llm_novelty_ranking_score', 'novel'),
      rank('llm_feasibility_ranking_score', 'feasible'),
    ],
    scale:
      '1: extremely poor, such as incoherent, beside the point or wrong in fact. ' +
      '10: excellent: coherent, insightful, novel, feasible and in line with the background, hardly to be told from an idea of a human expert.',
  })
}
