/**
 * LoCoMo (MemoryBench's records) closed-book: the question alone, without the conversation that holds the answer. What
 * an adapter can gain here is mostly the form of the answers. One adapter for all chats.
 *
 * Category 5 asks for what was never said; it is scored apart (`f1_category5`), not learned, and its constant right
 * answer is a baseline of its own. The headline `f1` is over categories 1 to 4.
 *
 *     npx lora-harness run experiments/locomo.ts --set path=locomo.json
 */
import { type ExampleContext, type ExperimentContext, InputError, LoRAHarness, LoRAModel, skip } from 'lora-harness'
import { MemoryBenchExampleSource } from 'lora-harness/adapters/memorybench'

const sets = Array.from({ length: 10 }, (_, i) => `Locomo-${i}`)
const maxNewTokens = 32

const questionIn = (prompt: string): string => /Question: (.*) Short answer:/s.exec(prompt)?.[1] ?? prompt

/**
 * The example closed-book, with its score under the name of its part. MemoryBench's prompt speaks of a conversation
 * above, which is not there; what remains is the question (with the two answers to choose from in category 5).
 */
const apart = (example: ExampleContext): ExampleContext => ({
  ...example,
  messages: [
    { role: 'system', content: 'Answer with a short phrase.' },
    { role: 'user', content: questionIn(example.messages[0]!.content) },
  ],
  async evaluate(response) {
    const { f1, ...details } = await example.evaluate(response)
    return { [example.info.category === 5 ? 'f1_category5' : 'f1']: f1, ...details }
  },
})

export default async ({ args }: ExperimentContext) => {
  const { path } = args
  if (path === undefined) throw new InputError('experiments/locomo.ts: say where the records are with --set path=FILE')
  const source = new MemoryBenchExampleSource({ datasetType: 'single', name: sets, split: 'all', path })
  const model = await LoRAModel.load('smollm2-135m-instruct')
  return new LoRAHarness({
    exampleSource: () => [...source].map(apart),
    seed: args.seed,

    retrieveLoraFn: (_example, { store }) => store.records.at(-1)?.lora,

    inferenceFn: (example, lora, { signal, emit }) =>
      model.generate(example.messages, { lora, maxNewTokens, signal, onToken: text => emit({ type: 'token', text }) }),

    finetuneFn: ({ info, messages, target }, lora, _response, _metrics, { seed, signal }) =>
      info.category === 5
        ? skip('category 5 is not learned')
        : model.finetune(lora, { messages, target: target! }, { steps: 3, learningRate: 3e-4, seed, signal }),

    baselines: {
      base: (example, { signal }) => model.generate(example.messages, { maxNewTokens, signal }),
      'not mentioned': () => 'not mentioned',
    },
  })
}
