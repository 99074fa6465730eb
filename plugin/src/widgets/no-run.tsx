import type { TranslationBundle } from '@jupyterlab/translation'

/** How a run begins, in short. */
const SAMPLE = `const h = await harness({
  id: 'first',
  exampleSource, retrieveLoraFn, inferenceFn, finetuneFn,
})
await h.run()`

/** A cell that runs as it stands, with a model that was downloaded before. */
export const FIRST_CELL = `import { EmbeddedExampleSource, LoRAModel } from 'lora-harness'
import { harness } from 'lora-harness-kernel'

const model = await LoRAModel.load('smollm2-135m-instruct')
const h = await harness({
  id: 'first',
  exampleSource: new EmbeddedExampleSource({ chats: 1 }),
  retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
  inferenceFn: (example, lora) => model.generate(example.messages, { lora, maxNewTokens: 8 }),
  finetuneFn: ({ messages, target }, lora, _response, _metrics, { seed }) =>
    model.finetune(lora, [{ messages, target: target! }], { steps: 3, learningRate: 1e-3, seed }),
  baselines: { base: example => model.generate(example.messages, { maxNewTokens: 8 }) },
})
h.start()
h
`

/** In place of a panel, before there is a run. */
export function NoRun(props: { trans: TranslationBundle; insertExample: () => void; openSaved: () => void }) {
  const { trans: t, insertExample, openSaved } = props
  return (
    <section className="lh-Panel" data-lh="no-run" aria-label={t.__('LoRA Harness')}>
      <div className="lh-NoRun">
        <h2>{t.__('No run yet')}</h2>
        <p>{t.__('Run a cell with harness(…) and its examples appear here, one by one.')}</p>
        <pre>{SAMPLE}</pre>
        <p>
          <button type="button" className="lh-Button lh-mod-primary" data-lh="insert-example" onClick={insertExample}>
            {t.__('Insert example cell')}
          </button>
          <button type="button" className="lh-Button" data-lh="open-saved" onClick={openSaved}>
            {t.__('Open a saved run')}
          </button>
        </p>
      </div>
    </section>
  )
}
