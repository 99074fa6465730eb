import type { IRenderMime } from '@jupyterlab/rendermime-interfaces'
import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation'
import { Widget } from '@lumino/widgets'
import type { Root } from 'react-dom/client'

/** As in `lora-harness/protocol`, whose schemas are not wanted before a card is there. */
const MIME = 'application/vnd.lora-harness.v1+json'

/** Draws one output. What it takes is loaded with the first one. */
class CardRenderer extends Widget implements IRenderMime.IRenderer {
  readonly #trans: TranslationBundle
  #root: Root | undefined

  constructor({ translator = nullTranslator }: IRenderMime.IRendererOptions) {
    super()
    this.addClass('lh-CardOutput')
    this.#trans = translator.load('lora_harness')
  }

  /** Called again when the output is updated: what a person picked on the card stays. */
  async renderModel({ data }: IRenderMime.IMimeModel): Promise<void> {
    const [{ createRoot }, { StoredCard }] = await Promise.all([
      import('react-dom/client'),
      import('./jupyterlab/card.js'),
    ])
    if (this.isDisposed) return
    this.#root ??= createRoot(this.node)
    const text = data['text/plain']
    const words = Array.isArray(text) ? text.join('') : String(text ?? '')
    this.#root.render(<StoredCard data={data[MIME]} text={words} trans={this.#trans} />)
  }

  override dispose(): void {
    this.#root?.unmount()
    super.dispose()
  }
}

const extension: IRenderMime.IExtension = {
  id: 'lora-harness-jupyterlab:cards',
  description: 'Draws the outputs of LoRA Harness that a notebook holds.',
  // Safe: only text nodes are made of the data, and nothing of it is run.
  rendererFactory: { safe: true, mimeTypes: [MIME], createRenderer: options => new CardRenderer(options) },
  rank: 0,
  dataType: 'json',
}

export default extension
