/**
 * The benchmark that ships with LoRA Harness, on the model that ships with it: what `npm start` runs.
 *
 * Eight chats, an adapter each. Every question is answered and scored first; then the chat's adapter learns the right
 * answer, together with up to three earlier ones of the same chat so that it does not forget them.
 *
 *     npx lora-harness run experiments/embedded.ts --seed 1 --set chats=2
 */
import { EmbeddedExampleSource, type ExperimentContext, LoRAHarness, LoRAModel, rehearse } from 'lora-harness'

export default async ({ args }: ExperimentContext) => {
  const model = await LoRAModel.load('smollm2-135m-instruct')
  const chats = args.chats === undefined ? 8 : Number(args.chats)
  return new LoRAHarness({
    exampleSource: () => new EmbeddedExampleSource({ chats, seed: args.seed }),
    seed: args.seed,

    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),

    inferenceFn: (example, lora, { signal, emit }) =>
      model.generate(example.messages, {
        lora,
        maxNewTokens: 16,
        signal,
        onToken: text => emit({ type: 'token', text }),
      }),

    finetuneFn: ({ chatId, messages, target }, lora, _response, _metrics, { results, seed, signal }) =>
      model.finetune(lora, [{ messages, target: target! }, ...rehearse(results, { chatId, count: 3, seed })], {
        steps: 6,
        learningRate: 5e-4,
        seed,
        signal,
      }),

    baselines: {
      base: (example, { signal }) => model.generate(example.messages, { maxNewTokens: 16, signal }),
    },
  })
}
