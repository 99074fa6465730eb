import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook'
import type { TranslationBundle } from '@jupyterlab/translation'
import { ReactWidget } from '@jupyterlab/ui-components'
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils'
import { type ISignal, Signal } from '@lumino/signaling'
import '../model/no-eval.js'
import type { PanelContext } from '../context.js'
import { type Tab, View } from '../model/view.js'
import { Panel } from '../panel.js'
import type { KernelSource } from '../sources/kernel-source.js'
import { ComputeLine } from '../widgets/compute.js'
import { NoRun } from '../widgets/no-run.js'
import { Boundary } from './boundary.js'
import { Failed } from './failed.js'
import type { NotebookRuns } from './notebook-runs.js'
import { computeOf } from './serve-model.js'
import { firstView, type OpenIn, type Settings } from './settings.js'
import { keepWidths, keptWidths } from './widths.js'

/** A place in a run. */
export interface At extends ReadonlyPartialJSONObject {
  branch: string
  index: number
  tab?: Tab
}

/** What a panel shows, as a reload should find it. */
export interface PanelArgs extends ReadonlyPartialJSONObject {
  /** Path of the notebook. */
  path?: string | null
  /** The run, by the name that the notebook gave it. */
  run?: string | null
  at?: At | null
  place?: OpenIn
}

/** What a panel needs of the plugin. */
export interface PanelPlace {
  tracker: INotebookTracker
  runs: NotebookRuns
  settings: () => Settings
  trans: TranslationBundle
  hasOtherKeys: NonNullable<PanelContext['hasOtherKeys']>
  /** Shows the same run in the main area. */
  openInMain: (args: PanelArgs) => void
  /** Puts an example into a notebook; without one, into the current or a new one. */
  insertExample: (notebook: NotebookPanel | null) => void
  openSaved: () => void
}

/** The panel of a notebook's runs. Follows the notebook to whichever kernel it has. */
export class RunPanel extends ReactWidget {
  readonly #place: PanelPlace
  readonly #moved = new Signal<this, void>(this)
  readonly #views = new Map<string, View>()
  readonly #where: OpenIn
  #path: string | null
  #notebook: NotebookPanel | null = null
  /** The run that is wanted; null for whichever comes. */
  #run: string | null
  /** Kept when its kernel is gone: what is known stays readable. */
  #source: KernelSource | null = null
  #at: At | null

  constructor(place: PanelPlace, { path = null, run = null, at = null, place: where = 'beside' }: PanelArgs) {
    super()
    this.addClass('lh-RunPanel')
    this.#place = place
    this.#path = path
    this.#run = run
    this.#at = at
    this.#where = where
    place.runs.changed.connect(this.#look, this)
    place.tracker.currentChanged.connect(this.#look, this)
    this.#look()
  }

  /** What is shown is another thing than before: worth saving. */
  get moved(): ISignal<this, void> {
    return this.#moved
  }

  get notebook(): NotebookPanel | null {
    return this.#notebook
  }

  /** The run and the view that are shown. */
  get shown(): { source: KernelSource; view: View } | null {
    return this.#source && { source: this.#source, view: this.#viewOf(this.#source.store.id) }
  }

  get args(): PanelArgs {
    const { shown } = this
    const { branch, index, tab, follow } = shown?.view.state ?? {}
    const at =
      shown && !follow && typeof index === 'number'
        ? { branch: branch ?? shown.source.store.current, index, tab }
        : null
    return { path: this.#notebook?.context.path ?? this.#path, run: this.#run, at: at as At | null, place: this.#where }
  }

  /** Shows a run, and an example of it. */
  pick(run: string, at: At | null = null): void {
    this.#run = run
    this.#at = at
    this.#look()
  }

  override dispose(): void {
    if (this.isDisposed) return
    Signal.clearData(this)
    super.dispose()
  }

  #viewOf(id: string): View {
    const known = this.#views.get(id)
    if (known) return known
    const view = new View({ ...firstView(this.#place.settings()), ...keptWidths() })
    view.subscribe(() => this.#moved.emit())
    keepWidths(view)
    this.#views.set(id, view)
    return view
  }

  /** Finds the notebook, and the run among those of its kernel. */
  #look(): void {
    const { tracker, runs } = this.#place
    if (this.#notebook?.isDisposed) this.#notebook = null
    this.#notebook ??=
      this.#path === null ? tracker.currentWidget : (tracker.find(one => one.context.path === this.#path) ?? null)
    this.#path = this.#notebook?.context.path ?? this.#path
    const sources = runs.of(this.#notebook)
    const found =
      this.#run === null
        ? sources.at(-1)
        : sources.find(({ store }) => [store.id, store.state?.runId].includes(this.#run!))
    if (found && (found !== this.#source || this.#at)) {
      this.#source = found
      this.#run = found.store.id
      const view = this.#viewOf(found.store.id)
      if (this.#at) {
        const { index, ...part } = this.#at
        view.select(index, part)
        this.#at = null
      }
      this.#moved.emit()
    }
    this.update()
  }

  protected override render() {
    const { runs, trans, insertExample, openSaved, openInMain, hasOtherKeys } = this.#place
    const { shown } = this
    const ids = runs.of(this.#notebook).map(({ store }) => store.id)
    const kernel = this.#notebook?.sessionContext.session?.kernel
    const serving = kernel ? <ComputeLine compute={computeOf(kernel)} trans={trans} /> : null
    if (!shown)
      return (
        <>
          {serving}
          <NoRun {...{ trans, openSaved }} insertExample={() => insertExample(this.#notebook)} />
        </>
      )
    return (
      <Boundary key={shown.source.store.id} instead={error => <Failed error={error} trans={trans} />}>
        {ids.length > 1 && (
          <label className="lh-RunPicker">
            {trans.__('Run')}
            <select
              data-lh="run-picker"
              value={shown.source.store.id}
              onChange={({ target }) => this.pick(target.value)}
            >
              {ids.map(id => (
                <option key={id}>{id}</option>
              ))}
            </select>
          </label>
        )}
        {serving}
        <Panel
          {...{ ...shown, trans, hasOtherKeys, openRun: id => this.pick(id) }}
          {...(this.#where === 'sidebar' && { openInMain: () => openInMain({ ...this.args, place: 'beside' }) })}
        />
      </Boundary>
    )
  }
}
