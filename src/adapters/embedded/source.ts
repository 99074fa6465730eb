import { InputError } from '../../errors.js'
import type { ExampleContext } from '../../harness/example.js'
import { type Random, random, seedOf, shuffle } from '../../tensor.js'
import { f1Score } from '../memorybench/locomo.js'
import { type EmbeddedRow, ROWS } from './rows.js'

export interface EmbeddedOptions {
  /** Only the first so many examples, in the order they are asked. */
  limit?: number
  /** Only the first so many of the 8 chats. */
  chats?: number
  /** Another order of the questions, and of the two wordings of each fact. 0, the default: as in the file. */
  seed?: number
}

/**
 * The benchmark that ships with this project: 8 chats of 14 questions about invented people. Each of a chat's 7 facts is
 * asked in the first half and again, in other words, in the second, so that only what was learned can answer it.
 * The chats take turns. Metric: `f1`, LoCoMo's; details: the golden answer, the fact and the half (`first`, `second`).
 *
 * @throws InputError if an option is out of range
 */
export class EmbeddedExampleSource implements Iterable<ExampleContext> {
  readonly #examples: readonly ExampleContext[]

  constructor({ limit, chats, seed = 0 }: EmbeddedOptions = {}) {
    const names = [...new Set(ROWS.map(row => row.dataset_name))]
    const count = (name: string, given: number | undefined, most: number) => {
      if (given === undefined || (Number.isInteger(given) && given >= 1 && given <= most)) return given ?? most
      throw new InputError(
        `opening the embedded benchmark: ${name} is ${given}; it must be an integer from 1 to ${most}`,
      )
    }
    const asked = names
      .slice(0, count('chats', chats, names.length))
      .map((name, chat) => order(name, seed === 0 ? null : random(seedOf(seed, chat))))
    const turns = asked[0]!.flatMap((_, turn) => asked.map(questions => questions[turn]!))
    this.#examples = turns.slice(0, count('limit', limit, turns.length))
  }

  [Symbol.iterator](): Iterator<ExampleContext> {
    return this.#examples.values()
  }

  get length(): number {
    return this.#examples.length
  }
}

/** A chat's examples in the order they are asked: each fact in one wording, then each in the other. */
function order(chat: string, rng: Random | null): ExampleContext[] {
  const rows = ROWS.filter(row => row.dataset_name === chat)
  let first = rows.slice(0, rows.length / 2)
  let second = rows.slice(rows.length / 2)
  if (rng) {
    const swapped = new Set(first.map(row => row.fact).filter(() => rng.below(2) === 1))
    const half = (own: EmbeddedRow[], other: EmbeddedRow[]) =>
      shuffle([...own.filter(row => !swapped.has(row.fact)), ...other.filter(row => swapped.has(row.fact))], rng)
    ;[first, second] = [half(first, second), half(second, first)]
  }
  return [...first.map(row => exampleOf(row, 'first')), ...second.map(row => exampleOf(row, 'second'))]
}

function exampleOf(row: EmbeddedRow, half: 'first' | 'second'): ExampleContext {
  const { dataset_name, split, test_idx, input_prompt, origin_question, lang, info, fact } = row
  const { golden_answer } = info
  // The instruction takes the place of the chat template's default system text: a third fewer tokens to train on.
  const [instruction = '', question = ''] = input_prompt.split('\n')
  return {
    datasetName: dataset_name,
    split,
    testIdx: test_idx,
    messages: [
      { role: 'system', content: instruction },
      { role: 'user', content: question },
    ],
    lang,
    userPrompt: input_prompt,
    target: golden_answer,
    info: { ...info },
    metadata: { origin_question, fact, half },
    chatId: dataset_name,
    evaluate: response => ({ f1: f1Score(response, golden_answer), golden_answer, fact, half }),
  }
}
