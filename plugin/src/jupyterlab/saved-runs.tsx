import type { JupyterFrontEnd } from '@jupyterlab/application'
import { WidgetTracker } from '@jupyterlab/apputils'
import { ABCWidgetFactory, type DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry'
import type { TranslationBundle } from '@jupyterlab/translation'
import { ReactWidget } from '@jupyterlab/ui-components'
import { atFrames } from '../model/frames.js'
import type { RunSource } from '../model/source.js'
import { View } from '../model/view.js'
import { icon } from './icon.js'
import { SAVED } from './open-saved.js'
import { firstView, type Settings } from './settings.js'

/** What a file's panel is drawn with, loaded when the first one is opened. */
const load = () =>
  Promise.all([import('../sources/archive.js'), import('../panel.js'), import('./boundary.js'), import('./failed.js')])

/** The panel of a run that lies in a file. */
export class SavedRun extends ReactWidget {
  readonly #trans: TranslationBundle
  readonly #view: View
  #source: RunSource | null = null
  #error: Error | null = null
  #parts: Awaited<ReturnType<typeof load>> | null = null

  constructor(context: DocumentRegistry.Context, settings: Settings, trans: TranslationBundle) {
    super()
    this.addClass('lh-RunPanel')
    this.#trans = trans
    this.#view = new View({ ...firstView(settings), follow: false })
    void this.#read(context)
    // Written anew: what was looked at stays.
    void context.ready.then(() => context.fileChanged.connect(() => void this.#read(context)))
  }

  get shown(): { source: RunSource; view: View } | null {
    return this.#source && { source: this.#source, view: this.#view }
  }

  async #read(context: DocumentRegistry.Context): Promise<void> {
    try {
      const [parts] = await Promise.all([load(), context.ready])
      this.#parts = parts
      const name = context.path.split('/').at(-1)!
      const bytes = Uint8Array.from(atob(context.model.toString()), letter => letter.charCodeAt(0))
      this.#source = await parts[0].openArchive(bytes, name, atFrames())
      this.#error = null
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error))
    }
    if (!this.isDisposed) this.update()
  }

  protected override render() {
    if (!this.#parts) return this.#error ? <p>{this.#error.message}</p> : <p>{this.#trans.__('Reading the run…')}</p>
    const [, { Panel }, { Boundary }, { Failed }] = this.#parts
    const { shown } = this
    const trans = this.#trans
    if (this.#error || !shown) return <Failed error={this.#error ?? new Error('')} trans={trans} />
    return (
      <Boundary instead={error => <Failed error={error} trans={trans} />}>
        <Panel {...shown} trans={trans} />
      </Boundary>
    )
  }
}

type Saved = DocumentWidget<SavedRun>
export type SavedRuns = WidgetTracker<Saved>

class SavedFactory extends ABCWidgetFactory<Saved> {
  readonly #make: (context: DocumentRegistry.Context) => SavedRun

  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<Saved>,
    make: (context: DocumentRegistry.Context) => SavedRun,
  ) {
    super(options)
    this.#make = make
  }

  protected override createNewWidget(context: DocumentRegistry.Context): Saved {
    const widget = new DocumentWidget({ content: this.#make(context), context })
    widget.title.icon = icon
    return widget
  }
}

/** Exported runs open as a panel: those named `….lora-run.zip` by themselves, other zip files by “Open With”. */
export function addSavedRuns(
  { docRegistry }: JupyterFrontEnd,
  settings: () => Settings,
  trans: TranslationBundle,
): SavedRuns {
  const saved: SavedRuns = new WidgetTracker({ namespace: 'lora-harness-saved' })
  const type = { mimeTypes: ['application/zip'], contentType: 'file' as const, fileFormat: 'base64' as const }
  docRegistry.addFileType({
    ...{ ...type, name: 'lora-run', displayName: trans.__('LoRA run'), extensions: ['.lora-run.zip'], icon },
  })
  docRegistry.addFileType({ ...type, name: 'zip', displayName: trans.__('Zip file'), extensions: ['.zip'] })
  const options = {
    ...{ name: SAVED, label: trans.__('LoRA Run'), modelName: 'base64', readOnly: true },
    ...{ fileTypes: ['lora-run', 'zip'], defaultFor: ['lora-run'] },
  }
  const factory = new SavedFactory(options, context => new SavedRun(context, settings(), trans))
  factory.widgetCreated.connect((_, widget) => {
    widget.context.pathChanged.connect(() => void saved.save(widget))
    void saved.add(widget)
  })
  docRegistry.addWidgetFactory(factory as DocumentRegistry.WidgetFactory)
  return saved
}
