import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook'
import { type ISignal, Signal } from '@lumino/signaling'
import { atFrames } from '../model/frames.js'
import type { KernelRuns } from '../sources/kernel.js'
import type { KernelSource } from '../sources/kernel-source.js'

/** The runs in the kernels of the notebooks that are open. */
export class NotebookRuns {
  readonly #kernels = new Map<NotebookPanel, KernelRuns>()
  readonly #changed = new Signal<this, void>(this)

  constructor(tracker: INotebookTracker) {
    tracker.forEach(notebook => {
      this.#follow(notebook)
    })
    tracker.widgetAdded.connect((_, notebook) => this.#follow(notebook))
  }

  /** A notebook was opened or closed, it has another kernel, or a run was told of. */
  get changed(): ISignal<this, void> {
    return this.#changed
  }

  /** Runs of a notebook's kernel, the first one first. */
  of(notebook: NotebookPanel | null): readonly KernelSource[] {
    return (notebook && this.#kernels.get(notebook)?.sources) ?? []
  }

  /** @param name the run's own, or the one that the notebook gave it */
  find(name: string): { notebook: NotebookPanel; source: KernelSource } | undefined {
    for (const [notebook, { sources }] of this.#kernels) {
      const source = sources.find(({ store }) => store.id === name || store.state?.runId === name)
      if (source) return { notebook, source }
    }
    return undefined
  }

  #follow(notebook: NotebookPanel): void {
    const { sessionContext } = notebook
    const take = () => void this.#take(notebook)
    sessionContext.kernelChanged.connect(take)
    notebook.disposed.connect(() => {
      this.#kernels.get(notebook)?.dispose()
      this.#kernels.delete(notebook)
      this.#changed.emit()
    })
    take()
    this.#changed.emit()
  }

  async #take(notebook: NotebookPanel): Promise<void> {
    const kernel = () => notebook.sessionContext.session?.kernel
    const now = kernel()
    if (!now || this.#kernels.get(notebook)?.kernel === now) return
    const { KernelRuns } = await import('../sources/kernel.js')
    const before = this.#kernels.get(notebook)
    if (notebook.isDisposed || kernel() !== now || before?.kernel === now) return
    before?.dispose()
    for (const { store } of before?.sources ?? []) store.set({ connection: { kind: 'restarted' } })
    const runs = new KernelRuns(now, { schedule: atFrames(), kept: sessionStorage, place: notebook.context.path })
    this.#kernels.set(notebook, runs)
    runs.appeared.connect((_, { store }) => {
      // Its own name comes with its state.
      const off = store.subscribe(() => {
        if (!store.state) return
        off()
        this.#changed.emit()
      })
      this.#changed.emit()
    })
    this.#changed.emit()
  }
}
