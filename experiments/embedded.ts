/**
 * The benchmark that ships with LoRA Harness, on the model that ships with it: what `npm start` runs.
 *
 * Eight chats, an adapter each. Every question is answered and scored first; only then, if the answer was wrong, the
 * chat's adapter learns the right one, together with up to three earlier ones of the same chat so that it does not
 * forget them. Two baselines answer the same questions: the model without an adapter, and the model with the adapter of
 * another chat, which knows the form of the answers but not this chat's facts.
 *
 *     npx lora-harness run experiments/embedded.ts --seed 1 --set chats=2
 */
import { EmbeddedExampleSource, type ExperimentContext, LoRAHarness, LoRAModel, rehearse, skip } from 'lora-harness'

export default async ({ args }: ExperimentContext) => {
  const model = await LoRAModel.load('smollm2-135m-instruct')
  const chats = args.chats === undefined ? 8 : Number(args.chats)
  const source = new EmbeddedExampleSource({ chats, seed: args.seed })
  const names = [...new Set([...source].map(example => example.chatId))]
  const next = (chatId: string | undefined) => names[(names.indexOf(chatId) + 1) % names.length]
  const maxNewTokens = 8

  return new LoRAHarness({
    exampleSource: source,
    seed: args.seed,

    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),

    inferenceFn: (example, lora, { signal, emit }) =>
      model.generate(example.messages, { lora, maxNewTokens, signal, onToken: text => emit({ type: 'token', text }) }),

    finetuneFn: ({ chatId, messages, target }, lora, _response, metrics, { results, seed, signal }) =>
      metrics.f1 === 1
        ? skip('the answer was right')
        : model.finetune(lora, [{ messages, target: target! }, ...rehearse(results, { chatId, count: 3, seed })], {
            steps: 3,
            learningRate: 1e-3,
            seed,
            signal,
          }),

    baselines: {
      base: (example, { signal }) => model.generate(example.messages, { maxNewTokens, signal }),
      'another chat': (example, { store, signal }) =>
        model.generate(example.messages, { lora: store.getLast(next(example.chatId)), maxNewTokens, signal }),
    },
  })
}
