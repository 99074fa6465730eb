import { randomUUID } from 'node:crypto'
import { HarnessError } from '../errors.js'
import { type LoRAHandle, skip } from '../lora/handle.js'
import type { Branch, Probing, Step } from '../protocol/index.js'
import { seedOf } from '../tensor.js'
import type { BaselineFn, Callables, HarnessEvent, HarnessView } from './callables.js'
import { adapterOf, generationOf, hashesOf, sourcesOf, updateFrom } from './callables.js'
import { Control } from './control.js'
import { deepFreeze, type ExampleContext, exampleKey, finished, viewOf } from './example.js'
import { Feed } from './feed.js'
import { type FinishedBranch, History } from './history.js'
import { Listeners } from './listeners.js'
import type { ForkOptions, LoRAHarnessOptions } from './options.js'
import { historyOf, type Past } from './past.js'
import { askProbe, Probes } from './probes.js'
import { noRecorder, type Recorder } from './recorder.js'
import { scoreOf } from './score.js'
import { examplesOf, shuffled } from './shuffle.js'
import { stagesOf } from './stages.js'
import { type ExampleResult, toStep } from './step.js'
import type { LoRAStore } from './store.js'

/**
 * Runs LoRA experiments one example at a time: retrieve → infer → evaluate → fine-tune → record.
 *
 * Each example is scored before anything is trained on it, so the mean score over a run is an honest one.
 * Every field may be set between two examples: they are read anew for each.
 */
export class LoRAHarness implements Callables {
  retrieveLoraFn: Callables['retrieveLoraFn']
  inferenceFn: Callables['inferenceFn']
  finetuneFn: Callables['finetuneFn']
  baselines: Record<string, BaselineFn>
  seed: number
  shuffle: boolean
  onError: 'continue' | 'stop'
  recorder: Recorder
  runId: string
  code: string
  #feed: Feed
  #history = new History()
  #probes: Probes | undefined
  /** Branches and keys of probes that were warned of: each once, not at every probing. */
  readonly #leakedProbes = new Set<string>()
  readonly #control: Control
  readonly #stepListeners = new Listeners<Step>()
  readonly #eventListeners = new Listeners<HarnessEvent>()

  constructor(options: LoRAHarnessOptions) {
    this.retrieveLoraFn = options.retrieveLoraFn
    this.inferenceFn = options.inferenceFn
    this.finetuneFn = options.finetuneFn
    this.baselines = options.baselines ?? {}
    this.seed = options.seed ?? 0
    this.shuffle = options.shuffle ?? false
    this.onError = options.onError ?? 'continue'
    this.recorder = options.recorder ?? noRecorder
    this.runId = options.runId ?? randomUUID()
    this.code = options.code ?? ''
    const source = options.exampleSource
    // Asked when the first example is read: seed and shuffle may be set until then.
    this.#feed = new Feed(() => (this.shuffle ? shuffled(source, this.seed) : examplesOf(source)))
    this.#probes = options.probes && new Probes(options.probes)
    this.#control = new Control(options.signal)
  }

  /**
   * Runs the examples that are left and yields each once it is recorded. Leaving the loop stops the run; a later
   * `run()` goes on with the next example.
   *
   * @param limit examples of the run in all; after so many it is at its end, where probes are asked once more
   * @throws HarnessError naming stage, example and cause; what was recorded before stays
   * @throws InputError if the source is empty or gives a malformed example
   */
  async *run({ limit = Number.POSITIVE_INFINITY } = {}): AsyncGenerator<ExampleResult, void, undefined> {
    this.#control.start()
    try {
      for (;;) {
        const result = await this.#control.next(() => this.#next(limit))
        if (!result) return
        yield result
      }
    } finally {
      this.#control.end()
    }
  }

  /** Takes the next example through all stages; null after the last one. */
  async #next(limit = Number.POSITIVE_INFINITY): Promise<ExampleResult | null> {
    const index = this.results.length
    const example = index < limit ? await this.#feed.at(index) : undefined
    if (!example || this.#probes?.due(index)) await this.#probe(index)
    if (!example) return null
    const { retrieveLoraFn, inferenceFn, finetuneFn, baselines, recorder } = this
    const sources = sourcesOf(this, this.code)
    const { branch } = this.#history
    const what = `example ${exampleKey(example)} (step ${index})`
    const question = viewOf(example)
    const harness = this.#view(index)
    const { ms, stage } = stagesOf(what, harness.signal, stage => harness.emit({ type: 'stage', stage }))
    const startedAt = new Date().toISOString()

    const retrievedLora = await stage('retrieve', async () => adapterOf(await retrieveLoraFn(question, harness)))
    this.#warnOfLeak(example, retrievedLora, index)
    const answer = await stage('infer', async () => generationOf(await inferenceFn(question, retrievedLora, harness)))
    const response = answer.text
    const score = await stage('evaluate', async () => deepFreeze(scoreOf(await example.evaluate(response))))

    const others: [name: string, ExampleResult['baselines'][string]][] = []
    for (const [name, baselineFn] of Object.entries(baselines)) {
      const { text } = await stage(`baseline ${name}`, async () => generationOf(await baselineFn(question, harness)))
      const { metrics } = await stage(`baseline ${name}`, async () => scoreOf(await example.evaluate(text)))
      others.push([name, { response: text, metrics }])
    }

    const update = await stage('finetune', () =>
      updateFrom(retrievedLora, () =>
        branch.skipUpdates.includes(index)
          ? skip('left out on this branch')
          : finetuneFn(example, retrievedLora, response, score.metrics, harness),
      ),
    )
    await stage('record', () => update.lora && recorder.keep?.(update.lora))
    const result: ExampleResult = deepFreeze({
      runId: this.runId,
      branch: branch.name,
      index,
      example: finished(example),
      response,
      ...score,
      baselines: Object.fromEntries(others),
      retrievedLora,
      updatedLora: update.lora,
      outcome: update.outcome,
      callables: hashesOf(sources),
      seed: harness.seed,
      tokens: { prompt: answer.promptTokens, new: answer.newTokens },
      ms: { ...ms },
      startedAt,
    })
    const step = toStep(result)
    await stage('record', () => recorder.record(step, { ...result, branch, sources }))

    this.#history.append(result)
    this.#stepListeners.tell(step)
    if (update.outcome.kind === 'failed' && this.onError === 'stop')
      throw new HarnessError(`finetune failed on ${what}: ${update.outcome.reason}`, { cause: update.cause })
    return result
  }

  /** Asks every probe with the state before example `index`, unless that was done. All are kept, or none. */
  async #probe(index: number): Promise<void> {
    if (!this.#probes || this.probings.at(-1)?.at === index) return
    const startedAt = new Date().toISOString()
    const asked = await this.#probes.all()
    const probes: Probing['probes'] = []
    for (const [i, probe] of asked.entries()) {
      // The same seed whenever it is asked, and none that a step has.
      const key = exampleKey(probe)
      const here = branchAnd(this.branch.name, key)
      const warn = (lora: LoRAHandle | null) => {
        if (this.#leakedProbes.has(here)) return
        if (this.#warnOfLeak(probe, lora, index, { probe: key })) this.#leakedProbes.add(here)
      }
      probes.push(await askProbe(probe, this, this.#view(index, -1 - i, { probe: key }), warn))
    }
    const probing: Probing = deepFreeze({ branch: this.branch.name, at: index, probes, startedAt })
    const { stage } = stagesOf(`the probes before step ${index}`, this.#control.signal, () => {})
    await stage('record', () => this.recorder.probe?.(probing))
    this.#history.appendProbing(probing)
    this.#eventListeners.tell({ type: 'probing', index, probes: probes.length })
  }

  /** Was an adapter trained on what it is about to be asked? Says so if it was. @param about is added to what is said */
  #warnOfLeak(
    example: ExampleContext,
    lora: LoRAHandle | null,
    index: number,
    about: { probe?: string } = {},
  ): boolean {
    const leak = this.#history.lineage.leakOf(example, lora)
    if (!leak) return false
    const event = { type: 'leak', key: exampleKey(example), ...leak, ...about }
    this.#eventListeners.tell({ ...event, index })
    this.recorder.note?.({ ...event, branch: this.branch.name, index, time: new Date().toISOString() })
    return true
  }

  /**
   * What the callables see: copies and closures, so that nothing in it leads to the source or a reference.
   *
   * @param part of the run's seed
   * @param about is added to what is emitted
   */
  #view(index: number, part = index, about: { probe?: string } = {}): HarnessView {
    const { results } = this
    const store = this.store.readOnly()
    const emit = (event: HarnessEvent) => this.#eventListeners.tell({ ...event, ...about, index })
    const seed = seedOf(this.seed, part)
    return Object.freeze({ store, index, seed, signal: this.#control.signal, results, emit })
  }

  /** Runs one example, alone or of a paused run, and resolves with it; null after the last one. */
  step(): Promise<ExampleResult | null> {
    return this.#control.step(() => this.#next())
  }

  /** Holds the run before its next example; resolves when no example is being worked on. */
  pause(): Promise<void> {
    return this.#control.pause()
  }

  /** Goes on after `pause()`. */
  resume(): void {
    this.#control.resume()
  }

  /** Ends the run. The example being worked on is dropped, not recorded, as soon as its current stage returns. */
  stop(): void {
    this.#control.stop()
  }

  /** Goes back to the state before example `k` (0 … results.length) as a new branch; the old one stays in `branches`. */
  rewind(k: number, name?: string, skipUpdates?: readonly number[]): void {
    if (this.#control.busy) throw new HarnessError('rewind(): an example is being worked on; await pause() first')
    const next = this.#history.fork({ at: k, name, skipUpdates })
    this.recorder.begin?.(next.branch)
    next.begin()
    this.#history.become(next)
  }

  /** A harness of its own on a new branch from the state before example `at`, with other callables where given. */
  fork({ at, name, skipUpdates, ...callables }: ForkOptions): LoRAHarness {
    const history = this.#history.fork({ at, name, skipUpdates })
    const fork = new LoRAHarness({ ...this, exampleSource: [], signal: this.#control.outer, ...callables })
    fork.recorder.begin?.(history.branch)
    history.begin()
    fork.#feed = this.#feed
    fork.#probes = this.#probes
    fork.#history = history
    return fork
  }

  /**
   * Puts finished steps back, as a record has them: the run goes on after the last one of `branch`. Examples are
   * read from the source again.
   *
   * @throws HarnessError if this harness has results already
   * @throws InputError if the source has fewer examples than the past
   */
  async restore(past: Past, branch = past.current): Promise<void> {
    if (this.#control.busy || this.results.length > 0)
      throw new HarnessError('restore(): this harness has begun already; restore a new one')
    this.#history = await historyOf(past, branch, this.#feed)
    for (const { type, branch, probe } of past.events())
      if (type === 'leak' && typeof probe === 'string') this.#leakedProbes.add(branchAnd(branch, probe))
  }

  /** Calls `listener` with every step once it is recorded, until the function returned is called. */
  onStep(listener: (step: Step) => void): () => void {
    return this.#stepListeners.add(listener)
  }

  /** Calls `listener` with what happens within examples (see HarnessEvent), such as tokens, until the function returned is called. */
  onEvent(listener: (event: HarnessEvent) => void): () => void {
    return this.#eventListeners.add(listener)
  }

  /** sha-256 of each callable as it is now: see `Step.callables`. */
  get callableHashes(): Step['callables'] {
    return hashesOf(sourcesOf(this, this.code))
  }
  get store(): LoRAStore {
    return this.#history.store
  }
  get results(): readonly ExampleResult[] {
    return this.#history.results
  }
  /** What the probes scored so far, by rising `at`. */
  get probings(): readonly Probing[] {
    return this.#history.probings
  }
  /** The branch that the next example belongs to. */
  get branch(): Branch {
    return this.#history.branch
  }
  /** Every branch that was rewound, then the current one. */
  get branches(): readonly FinishedBranch[] {
    return this.#history.branches
  }

  /** How many examples the source has, if it tells by a `length`. */
  total(): Promise<number | undefined> {
    return this.#feed.total()
  }
}

const branchAnd = (branch: string, key: string): string => JSON.stringify([branch, key])
