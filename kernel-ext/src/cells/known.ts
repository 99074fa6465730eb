import { type LoRAHarness, pointOf, type RunWriter } from 'lora-harness'
import type { RunEvent, RunState, Step, TimelinePoint } from 'lora-harness/protocol'
import type { LiveCallables } from './callables.js'
import { Loop } from './loop.js'
import type { Told } from './runs.js'

/** What is known of a run, kept as it goes on, and those who are told. */
export class Known {
  readonly #of: { id: string; folder: string | null; record: RunWriter; live: LiveCallables }
  #harness!: LoRAHarness
  #loop!: Loop
  #points: TimelinePoint[] = []
  #events: RunEvent[]
  /** The answer to the example being worked on, as far as it has come. */
  #answer = { index: -1, text: '' }
  #total: number | null = null
  /** Resolves when it is known how many examples there are, if the source tells it. */
  counted!: Promise<void>
  readonly #watchers = new Set<(told: Told) => void>()

  constructor(of: { id: string; folder: string | null; record: RunWriter; live: LiveCallables }, harness: LoRAHarness) {
    this.#of = of
    this.#events = of.record.events()
    this.take(harness)
  }

  /** Goes on with another harness of the same record. */
  take(harness: LoRAHarness): void {
    const { live, record } = this.#of
    this.#harness = harness
    live.govern(harness)
    this.#points = record.timeline(harness.branch.name)
    this.#loop = new Loop(harness, () => this.tellState())
    harness.onStep(step => this.#stepped(step))
    harness.onEvent(({ type, text, index, probe }) => {
      // Baselines and probes speak, too.
      if (type === 'token' && probe === undefined && this.#loop.stage === 'infer')
        this.#spoken(Number(index), String(text))
      else if (type === 'stage' && this.#loop.stage === 'retrieve') this.#answer = { index: -1, text: '' }
    })
    this.counted = harness.total().then(
      total => {
        this.#total = total ?? null
        this.tellState()
      },
      () => {}, // The first example will say it.
    )
  }

  #stepped(step: Step): void {
    const point = pointOf(step)
    this.#points.push(point)
    this.#answer = { index: -1, text: '' }
    this.#tell({ type: 'points', branch: step.branch, from: step.index, points: [point] })
  }

  #spoken(index: number, text: string): void {
    const before = this.#answer.index === index ? this.#answer.text : ''
    this.#answer = { index, text: before + text }
    this.#tell({ type: 'token', index, from: before.length, text })
  }

  /** What was noted beside steps, by this harness or by its record. */
  noted(event: RunEvent): void {
    this.#events.push(event)
    this.#tell({ type: 'event', n: this.#events.length - 1, event })
  }

  /** The harness went back to before example `k`. */
  rewound(k: number): void {
    this.#points = this.#points.slice(0, k)
    this.tellBranches()
    this.tellState()
  }

  tellState(): void {
    this.#tell({ type: 'state', state: this.state })
  }
  tellBranches(): void {
    this.#tell({ type: 'branches', branches: [...this.#of.record.branches], current: this.#harness.branch.name })
  }
  tellClosed(): void {
    this.#tell({ type: 'closed' })
  }
  #tell(told: Told): void {
    for (const watcher of this.#watchers) watcher(told)
  }

  /** Calls `watcher` with whatever happens, until the function returned is called. */
  watch(watcher: (told: Told) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  get harness(): LoRAHarness {
    return this.#harness
  }
  get loop(): Loop {
    return this.#loop
  }
  get points(): readonly TimelinePoint[] {
    return this.#points
  }
  get events(): readonly RunEvent[] {
    return this.#events
  }
  get answer(): { index: number; text: string } {
    return this.#answer
  }
  get total(): number | null {
    return this.#total
  }
  get state(): RunState {
    const { id, folder } = this.#of
    const { status, stage, error } = this.#loop
    const { runId, callableHashes, branch, results } = this.#harness
    const index = results.length
    return {
      ...{ id, runId, folder, branch: branch.name },
      status: status === 'idle' && index === this.#total ? 'finished' : status,
      ...{ index, total: this.#total, stage },
      error: error === undefined ? null : error instanceof Error ? error.message : String(error),
      callables: callableHashes,
    }
  }
}
