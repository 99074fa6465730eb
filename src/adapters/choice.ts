import { basename, extname } from 'node:path'
import { z } from 'zod'
import type { LoRAModel } from '../engine/model.js'
import { InputError } from '../errors.js'
import type { ExampleContext, ExampleView } from '../harness/example.js'
import type { HarnessView, InferenceFn } from '../harness/index.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Message } from '../protocol/index.js'
import { checked, readRows } from './rows.js'

const Row = z.looseObject({
  question: z.string().min(1),
  choices: z.array(z.string().min(1)).min(2).max(26),
  /** Position from 0, letter from A, or the text of a choice. */
  answer: z.union([z.number(), z.string()]),
  category: z.string().optional(),
  chatId: z.string().min(1).optional(),
})

/** A question with its choices; `answer` is the position of the right one, from 0. */
export interface ChoiceQuestion {
  question: string
  choices: readonly string[]
  answer: number
  category?: string | undefined
  chatId?: string | undefined
}

/** What a model thinks of one choice. */
export interface ChoiceScore {
  /** log p(choice | question) [nats], summed over its tokens. */
  logLikelihood: number
  /** How many tokens that is, the one that ends the turn included. */
  tokens: number
}

const letter = (i: number): string => String.fromCharCode(65 + i)

/**
 * Multiple-choice questions from a JSON or JSON Lines file, or rows `{ question, choices, answer, category?, chatId? }`.
 *
 * @throws InputError saying where, if a row is malformed or its answer is none of its choices
 */
export function readChoices(from: string | readonly unknown[]): ChoiceQuestion[] {
  const rows = typeof from === 'string' ? readRows(from) : from.map((value, i) => ({ value, where: `row ${i + 1}` }))
  return rows.map(({ value, where }) => {
    const { question, choices, answer, category, chatId } = checked(Row, value, where)
    const texts = choices.indexOf(String(answer))
    const byLetter = choices.findIndex((_, i) => letter(i) === answer)
    const position = typeof answer === 'number' ? answer : texts >= 0 ? texts : byLetter
    if (choices[position] === undefined)
      throw new InputError(
        `${where}: answer ${JSON.stringify(answer)} is none of its ${choices.length} choices; give a position from 0, a letter from A, or a choice`,
      )
    return { question, choices, answer: position, category, chatId }
  })
}

export interface ChoiceOptions {
  /** What the model is asked; by default the question alone: it is to find each choice likely, not to name one. */
  prompt?: (question: ChoiceQuestion) => readonly Message[]
}

/**
 * Multiple choice by log-likelihood. For choices c to a question q, a response is right
 *
 *     acc        where argmax log p(c | q) is the answer
 *     acc_norm   where argmax log p(c | q) / characters of c is
 *     acc_bytes  the same by UTF-8 bytes
 *     acc_tokens the same by tokens, that is by mean
 *
 * with the first of equal ones. `acc` and `acc_norm` are EleutherAI's lm-evaluation-harness's (`process_results` of its
 * multiple-choice tasks; its lengths are in characters), except that here, in a chat template, the token that ends the
 * turn belongs to each choice.
 *
 * The source's `inferenceFn` scores the choices with whatever adapter was retrieved, and so does `base` without one;
 * both ask `model.score` once for each choice. Another response, such as `B`, `(b) …` or the text of a choice, has `acc`
 * only; one that names none is wrong.
 *
 *     const { exampleSource, inferenceFn, base } = choiceExamples('questions.jsonl', model)
 *     new LoRAHarness({ exampleSource, inferenceFn, baselines: { base, 'always A': constant('A') }, … })
 *
 * @throws InputError as `readChoices` does
 */
export function choiceExamples(
  from: string | readonly unknown[],
  model: Pick<LoRAModel, 'score'>,
  { prompt = ({ question }) => [{ role: 'user', content: question }] }: ChoiceOptions = {},
) {
  const questions = readChoices(from)
  const exampleSource = questions.map((question, testIdx): ExampleContext => {
    const { choices, answer, category, chatId } = question
    return {
      datasetName: typeof from === 'string' ? basename(from, extname(from)) : 'choices',
      testIdx,
      messages: [...prompt(question)],
      lang: 'en',
      userPrompt: question.question,
      target: choices[answer],
      info: { choices, answer },
      metadata: {},
      chatId,
      evaluate: response => ({ ...accuracies(question, response), ...(category === undefined ? {} : { category }) }),
    }
  })
  const answerWith = async (example: ExampleView, lora: LoRAHandle | null, { signal }: HarnessView) => {
    const { choices } = questions[Number(example.testIdx)]!
    const scores: ChoiceScore[] = []
    for (const choice of choices) {
      signal.throwIfAborted()
      const { nll, tokens } = await model.score(example.messages, choice, { lora })
      scores.push({ logLikelihood: -nll * tokens, tokens })
    }
    return choiceResponse(choices, scores)
  }
  const inferenceFn: InferenceFn = answerWith
  return {
    exampleSource,
    inferenceFn,
    base: (example: ExampleView, view: HarnessView) => answerWith(example, null, view),
  }
}

/** The scores of all choices as a response: the likeliest one for people, all of them as JSON on the second line. */
export function choiceResponse(choices: readonly string[], scores: readonly ChoiceScore[]): string {
  const best = argmax(scores.map(({ logLikelihood }) => logLikelihood))
  return `${letter(best)}. ${choices[best]!.replace(/\s+/g, ' ')}\n${JSON.stringify(scores)}`
}

const Scores = z.array(z.object({ logLikelihood: z.number(), tokens: z.number().int().positive() }))

/** What a response is worth: see `choiceExamples`. */
export function accuracies({ choices, answer }: ChoiceQuestion, response: string): Record<string, boolean> {
  const scores = scoresIn(response)
  if (scores?.length !== choices.length) return { acc: named(choices, response) === answer }
  const right = (length: (i: number) => number) =>
    argmax(scores.map(({ logLikelihood }, i) => logLikelihood / length(i))) === answer
  return {
    acc: right(() => 1),
    acc_norm: right(i => [...choices[i]!].length),
    acc_bytes: right(i => new TextEncoder().encode(choices[i]).length),
    acc_tokens: right(i => scores[i]!.tokens),
  }
}

function scoresIn(response: string): ChoiceScore[] | undefined {
  try {
    return Scores.safeParse(JSON.parse(response.slice(response.indexOf('\n') + 1, 100_000))).data
  } catch {
    return undefined // Somebody's words: `named` reads those.
  }
}

/** The choice that a text names: its whole text, or its letter first. −1 for none. */
function named(choices: readonly string[], response: string): number {
  const text = response.trim().toLowerCase()
  const whole = choices.findIndex(choice => choice.trim().toLowerCase() === text)
  const first = /^\(?([a-z])(?:[).:]|\s*$)/.exec(text)?.[1]
  return whole >= 0 || first === undefined ? whole : choices.findIndex((_, i) => letter(i).toLowerCase() === first)
}

/** Position of the greatest value, the first of equal ones. */
const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values))
