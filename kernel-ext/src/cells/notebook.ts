import { inspect } from 'node:util'
import {
  type Callables,
  type ExampleResult,
  HarnessError,
  InputError,
  type LoRAHarness,
  type RunWriter,
  toStep,
} from 'lora-harness'
import type { Branch, RunEvent, RunState, TimelinePoint } from 'lora-harness/protocol'
import type { CardView } from '../cards/card.js'
import type { FileView } from '../cards/file.js'
import { transport } from '../place.js'
import { DISPLAY, type MimeBundle } from '../transport.js'
import { type Baselines, CALLABLES, type LiveCallables, type Thunks } from './callables.js'
import { forkOf, type NotebookFork } from './forks.js'
import { Job } from './job.js'
import { Known } from './known.js'
import { Interrupted, type Loop, type Until } from './loop.js'
import { type ReportFileOptions, report } from './report.js'
import { forget, type Told } from './runs.js'
import * as views from './views.js'

/** What a NotebookHarness is made of. */
export interface Parts {
  id: string
  harness: LoRAHarness
  record: RunWriter
  folder: string | null
  live: LiveCallables
  /** A harness of the record, on one of its branches, with what was finished there. */
  restored: (branch: string, live: LiveCallables) => Promise<LoRAHarness>
}

/** A run as the cells of a notebook drive it. */
export class NotebookHarness implements Callables {
  declare retrieveLoraFn: Callables['retrieveLoraFn']
  declare inferenceFn: Callables['inferenceFn']
  declare finetuneFn: Callables['finetuneFn']
  readonly id: string
  /** Folder of its record; null if it is kept in memory only. */
  readonly folder: string | null
  readonly record: RunWriter
  readonly live: LiveCallables
  restored: Parts['restored']
  /** Its forks by the name of the branch that they were begun on. */
  readonly forks = new Map<string, NotebookHarness>()
  readonly #known: Known
  #job: Job | undefined

  constructor({ id, harness, record, folder, live, restored }: Parts) {
    this.id = id
    this.folder = folder
    this.record = record
    this.live = live
    this.restored = restored
    for (const name of CALLABLES)
      Object.defineProperty(this, name, {
        get: () => live.get(name),
        set: callable => {
          live.set(name, callable)
          this.#known.tellState()
        },
      })
    this.#known = new Known({ id, folder, record, live }, harness)
  }

  /** Goes on with another harness of the same record. */
  take(harness: LoRAHarness): void {
    this.#known.take(harness)
  }
  /** Resolves when it is known how many examples there are, if the source tells it. */
  get counted(): Promise<void> {
    return this.#known.counted
  }
  /** What was noted beside steps, by this harness or by its record. */
  noted(event: RunEvent): void {
    this.#known.noted(event)
  }
  /** Calls `watcher` with whatever happens, until the function returned is called. */
  watch(watcher: (told: Told) => void): () => void {
    return this.#known.watch(watcher)
  }

  /** Those who watch it are told that nothing more will come. */
  tellClosed(): void {
    this.#known.tellClosed()
  }

  // What is known of the run.

  get harness(): LoRAHarness {
    return this.#known.harness
  }
  get loop(): Loop {
    return this.#known.loop
  }
  get points(): readonly TimelinePoint[] {
    return this.#known.points
  }
  get events(): readonly RunEvent[] {
    return this.#known.events
  }
  /** The answer to the example being worked on, as far as it has come. */
  get answer(): { index: number; text: string } {
    return this.#known.answer
  }
  get results(): readonly ExampleResult[] {
    return this.harness.results
  }
  /** The branch that the next example belongs to. */
  get branch(): Branch {
    return this.harness.branch
  }
  get seed(): number {
    return this.harness.seed
  }
  get state(): RunState {
    return this.#known.state
  }

  // The callables: setting one is the edit.

  get baselines(): Baselines {
    return this.live.baselines
  }
  set baselines(baselines: Baselines) {
    this.live.setBaselines(baselines)
  }

  /**
   * Takes functions that give the callables: `h.use({ finetuneFn: () => finetuneFn })` follows the name whenever the cell
   * that declares it is run again. They are called at the begin of each example.
   *
   * @throws InputError if one gives no function
   */
  use(thunks: Thunks): void {
    this.live.use(thunks)
    this.#known.tellState()
  }

  // Running.

  /** Runs one example, alone or of a paused run; null after the last one. */
  async step(): Promise<(CardView & { result: ExampleResult }) | null> {
    const off = transport().onInterrupt(() => {}) // Left to end by itself: nothing is lost.
    try {
      const result = await this.loop.step()
      return result && Object.assign(this.example(result.index), { result })
    } finally {
      off()
    }
  }

  /**
   * Runs examples and shows how it goes, until the source ends or `until` holds: after so many examples in all, or after
   * the first one for which it is true.
   *
   * @throws Interrupted if the cell was interrupted: after the example that was being worked on
   * @throws HarnessError if a run is going, or naming stage, example and cause
   */
  async run({ until }: { until?: Until } = {}): Promise<void> {
    const end = this.loop.run(until)
    const off = transport().onInterrupt(() => this.loop.interrupt())
    try {
      await views.follow(this, end)
    } finally {
      off()
    }
    if ((await end) === 'interrupted') throw new Interrupted(this.results.length, this.#known.total)
  }

  /** Runs examples in the background; what it shows stays on this cell. If a run is going, goes on with it. */
  start({ until }: { until?: Until } = {}): Job {
    this.loop.resume()
    const end = this.loop.going ?? this.loop.run(until)
    if (this.#job?.end !== end) this.#job = new Job(this, end)
    return this.#job
  }

  /**
   * Goes back to the state before example `k` as a new branch; the old one is kept. A run that is going is paused first,
   * and stays so.
   *
   * @throws InputError if there is no such example, or a branch has that name
   */
  async rewind(k: number, name?: string): Promise<CardView> {
    await this.loop.pause()
    if (this.loop.status === 'running') throw new HarnessError('rewind(): an example is being worked on; await it')
    this.harness.rewind(k, name)
    this.#known.rewound(k)
    return this.lineage
  }

  /**
   * A harness of its own on a new branch from the state before example `at`, with other callables where given. Asked for
   * again by the same name, the fork that there is takes the new callables and keeps its position.
   *
   * @throws InputError if the branch that there is left elsewhere, or `at` is no example
   */
  async fork(options: NotebookFork): Promise<NotebookHarness> {
    const fork = await forkOf(this, options, parts => new NotebookHarness(parts))
    this.#known.tellBranches()
    return fork
  }

  // Looking.

  /** @throws InputError if it has not been run */
  result(index: number): ExampleResult {
    const found = this.results[index]
    if (found) return found
    throw new InputError(
      `example ${index} of run ${this.id}: branch ${this.branch.name} has ${this.results.length}, counted from 0`,
    )
  }
  /** Example `k` of this branch. */
  example(k: number): CardView {
    return views.exampleOf(this, toStep(this.result(k)))
  }
  /** Scores, outcomes and edits over the examples. */
  get timeline(): CardView {
    return views.run(this, 'timeline')
  }
  /**
   * What lies between two adapters: those that examples left behind, by index; identifiers; handles; the last one of
   * another harness; null for none. By default the last update, against the adapter that it came from.
   */
  diff(a?: views.AdapterName, b?: views.AdapterName): CardView {
    return views.diff(this, a, b)
  }
  /** The branches and what they left behind. */
  get lineage(): CardView {
    return views.lineage(this)
  }
  /** Another harness, or a recorded run (`FOLDER[@BRANCH][#INDEX]`), against this one, paired by example. */
  compare(other: NotebookHarness | string): CardView {
    return views.comparison(this, other)
  }
  /** The callables as they are now, and every edit. */
  get callables(): CardView {
    return views.callables(this)
  }
  /**
   * Writes the report of this branch: one HTML file that opens from disk, without kernel or network, or a notebook. A
   * report that is there is replaced, so that the cell can be run again; nothing else is.
   *
   * @param path from the notebook's folder
   * @throws InputError if something else than a report is there; for a notebook of a run that is kept in memory only
   */
  report(path: string, options?: ReportFileOptions): Promise<FileView> {
    return report(this, path, options)
  }

  [DISPLAY](): MimeBundle | Promise<MimeBundle> {
    return views.run(this, 'run')[DISPLAY]()
  }
  toString(): string {
    return String(views.run(this, 'run'))
  }
  [inspect.custom](): string {
    return this.toString()
  }

  /** Ends a run that is going and gives the record back. */
  async close(): Promise<void> {
    for (const fork of this.forks.values()) await fork.loop.stop()
    await this.loop.stop()
    forget(this)
    this.record.close()
  }
}
