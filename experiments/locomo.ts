/**
 * LoCoMo as MemoryBench has it (250 questions about ten long conversations), an adapter for each conversation.
 *
 * The train rows come first, one of each conversation in turn: each is answered and scored, and then learned. The test
 * rows follow with the adapters frozen: they are the result. At last the first train rows are asked again, word for
 * word, to see whether the adapter has kept what it was told.
 *
 * What the model is shown (`--set variant=…`):
 * - `closed-book`: the question alone;
 * - `evidence`: the question under the lines that answer it, as an oracle would find them;
 * - `bm25`: the question under the lines of the conversation that BM25 finds.
 *
 * The last two need the conversations: `--set corpus=locomo10.json`, LoCoMo's own file. Of the baselines, `another chat`
 * is the control of form: the next conversation's adapter knows how answers look, but not what was said here.
 *
 * `--set chats=2` takes the first two conversations, `--set rows=5` five train rows of each; `steps` and `learningRate`
 * are of each row's training (experiments/locomo-search.ts has tried some).
 *
 * Category 5 asks for what was never said, and has the same right answer everywhere. It is learned like the others and
 * scored apart (`f1_category5`); `f1` is over categories 1 to 4.
 *
 *     npx lora-harness run experiments/locomo.ts --set path=records.json --set variant=bm25 --set corpus=locomo10.json
 */
import { type ExampleContext, type ExperimentContext, InputError, LoRAHarness, LoRAModel, skip } from 'lora-harness'
import { base, bm25, bm25Search, constant, earlierExamples, empty } from 'lora-harness/adapters/baselines'
import { type LocomoConversation, type LocomoTurn, readLocomo } from 'lora-harness/adapters/locomo'
import { MemoryBenchExampleSource } from 'lora-harness/adapters/memorybench'
import { bestConstant } from './locomo-constant.js'

/** Lines in a prompt, at most. */
const LINES = 3
/** Longer lines are cut [characters]. */
const LONGEST = 300
/** Train rows of a conversation that are asked again at the end. */
const AGAIN = 3
const generation = { maxNewTokens: 32 }

const VARIANTS = ['closed-book', 'evidence', 'bm25'] as const

/** MemoryBench's prompt speaks of a conversation above it; what is left is the question (of category 5 with its options). */
const questionIn = (prompt: string): string => /Question: (.*) Short answer:/s.exec(prompt)?.[1] ?? prompt

/** A turn as prompts have it: `[8 May, 2023] Ana: Four years now!` */
const shown = ({ date, speaker, text }: LocomoTurn): string =>
  `[${date.replace(/^.* on /, '')}] ${speaker}: ${text.slice(0, LONGEST)}`

/** What a variant puts above the questions of a conversation. */
function linesOf(variant: string, { turns }: LocomoConversation): (example: ExampleContext) => string[] {
  if (variant === 'closed-book') return () => []
  const search = bm25Search(turns.map(({ speaker, text }) => `${speaker}: ${text}`))
  return ({ info, metadata }) => {
    const evidence = new Set((info.evidence as { dia_id: string }[]).map(({ dia_id }) => dia_id))
    const found =
      variant === 'evidence'
        ? turns.filter(({ diaId }) => evidence.has(diaId)).slice(0, LINES)
        : search(String(metadata.origin_question), LINES).map(({ index }) => turns[index]!)
    return found.map(shown)
  }
}

/** The example as a variant shows it, with its score under the name of its part. */
const asked = (example: ExampleContext, lines: readonly string[]): ExampleContext => {
  const question = questionIn(example.messages[0]!.content)
  const above = lines.length === 0 ? '' : `From a conversation:\n${lines.join('\n')}\n\n`
  return {
    ...example,
    userPrompt: question,
    messages: [
      { role: 'system', content: 'Answer with a short phrase.' },
      { role: 'user', content: above + question },
    ],
    async evaluate(response) {
      const { f1, ...details } = await example.evaluate(response)
      return { [example.info.category === 5 ? 'f1_category5' : 'f1']: f1, ...details }
    },
  }
}

/** The first item of each list, then the second of each, and so on. */
const inTurn = <T>(lists: readonly (readonly T[])[]): T[] =>
  Array.from({ length: Math.max(...lists.map(list => list.length)) }, (_, i) =>
    lists.flatMap(list => list.slice(i, i + 1)),
  ).flat()

export default async ({ args }: ExperimentContext) => {
  const {
    path,
    corpus,
    variant = 'closed-book',
    chats = '10',
    rows: learned = '20',
    steps = '3',
    learningRate = '1e-3',
  } = args
  const here = 'experiments/locomo.ts'
  if (path === undefined) throw new InputError(`${here}: say where the records are with --set path=FILE`)
  if (!VARIANTS.some(each => each === variant))
    throw new InputError(`${here}: variant is ${variant}; it must be one of ${VARIANTS.join(', ')}`)
  if (variant !== 'closed-book' && corpus === undefined)
    throw new InputError(
      `${here}: variant ${variant} needs the conversations; say where with --set corpus=locomo10.json`,
    )

  const names = Array.from({ length: Number(chats) }, (_, i) => `Locomo-${i}`)
  // MemoryBench's Locomo-k is the k-th conversation of LoCoMo's file.
  const conversations = corpus === undefined ? undefined : readLocomo(corpus)
  if (conversations && conversations.length < names.length)
    throw new InputError(
      `${here}: ${corpus} has ${conversations.length} conversations; ${names.length} are asked about`,
    )
  const above = names.map((_, k) => (conversations ? linesOf(variant, conversations[k]!) : () => []))
  const said = new Map(names.map((name, k) => [name, conversations?.[k]?.turns.map(({ text }) => text) ?? []]))
  const rows = (split: 'train' | 'test') =>
    names.map((name, k) =>
      [...new MemoryBenchExampleSource({ datasetType: 'single', name, split, path })].map(example =>
        asked(example, above[k]!(example)),
      ),
    )
  const train = rows('train').map(list => list.slice(0, Number(learned)))
  const again = train.map(list => list.slice(0, AGAIN).map(example => ({ ...example, split: 'again' })))
  const next = (chatId: string | undefined) => names[(names.indexOf(chatId!) + 1) % names.length]
  const model = await LoRAModel.load('smollm2-135m-instruct')

  return new LoRAHarness({
    exampleSource: [...inTurn(train), ...inTurn(rows('test')), ...inTurn(again)],
    seed: args.seed,

    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),

    inferenceFn: (example, lora, { signal, emit }) =>
      model.generate(example.messages, {
        ...generation,
        lora,
        signal,
        onToken: text => emit({ type: 'token', text }),
      }),

    finetuneFn: ({ split, messages, target }, lora, _response, _metrics, { seed, signal }) =>
      split === 'train'
        ? model.finetune(
            lora,
            { messages, target: target! },
            { steps: Number(steps), learningRate: Number(learningRate), seed, signal },
          )
        : skip(`a row of ${split} is not learned`),

    baselines: {
      base: base(model, generation),
      'another chat': (example, { store, signal }) =>
        model.generate(example.messages, { ...generation, lora: store.getLast(next(example.chatId)), signal }),
      'not mentioned': constant('Not mentioned in the conversation'),
      'best constant': constant(await bestConstant(train.flat())),
      empty: empty(),
      // The answer to the most similar question that was learned: memory without a model.
      'nearest answer': bm25({
        passages: (example, { results }) =>
          earlierExamples(example, { results: results.filter(({ example: { split } }) => split === 'train') }),
      }),
      ...(conversations && {
        // The line that is most like the question, as it is: retrieval without a model.
        'nearest line': bm25({ passages: ({ chatId }) => said.get(chatId!)! }),
      }),
    },
  })
}
