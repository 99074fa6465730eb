import type { ControlAnswers, EventMessage } from 'lora-harness/protocol'
import type { AskOf, AskType, RunSource } from '../model/source.js'
import { RunStore } from '../model/store.js'
import type { Attached } from './comms.js'
import type { KernelRuns } from './kernel.js'
import { reasonAgainst } from './reasons.js'

/** Pauses between snapshots asked for when one after the other brings no whole picture [ms]. */
const AGAIN = [0, 500, 2000, 10_000, 30_000]
/** How long one of which something was missed may take to say that it is whole [ms]. */
const WHOLE = 3000

/** One run of a kernel. Many panels may show it; it lives as long as its `KernelRuns`. */
export class KernelSource implements RunSource {
  readonly store: RunStore
  readonly #runs: KernelRuns
  /** Number of the message that is next; undefined where any may be. */
  #next: number | undefined
  /** A snapshot was asked for and is not whole. */
  #asked = false
  /** Nothing has come since it was asked for. */
  #waiting = false
  /** Something was missed since it was asked for. */
  #missed = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(id: string, runs: KernelRuns, schedule: (tell: () => void) => void) {
    this.store = new RunStore(id, schedule)
    this.#runs = runs
  }

  cannot(type: AskType): string | null {
    return reasonAgainst(type, this.store)
  }

  async ask<T extends AskType>(request: AskOf<T>): Promise<ControlAnswers[T]> {
    return this.#runs.ask(request, this.store.id)
  }

  reconnect(): void {
    this.#runs.reconnect()
  }

  /** Nothing: other panels may show it. `KernelRuns.dispose` ends it. */
  dispose(): void {}

  /** Takes what the kernel tells of this run. */
  take({ seq, id: _, ...told }: EventMessage): void {
    if (this.#next !== undefined && seq < this.#next) return // It came late: a snapshot has it.
    // What was missed before a snapshot begins, with the state, is in it.
    if (seq !== this.#next && !(this.#waiting && told.type === 'state')) this.#missed = true
    this.#next = seq + 1
    this.#waiting = false
    if (told.type === 'ready') {
      this.#asked = false
      const { state, current } = this.store
      if (this.#missed || !state || this.store.line(current).length < state.index) {
        this.#resync()
        return
      }
      this.#tries = 0
    }
    if (!this.store.apply(told)) this.#missed = true
    if (!this.#missed) return
    if (!this.#asked) this.#resync()
    else this.#timer ??= setTimeout(() => this.#resync(), WHOLE)
  }

  /** The comms are open. */
  attached(how: Attached): void {
    this.detached()
    if (how !== 'same') this.#next = how === 'new' ? 0 : undefined
    this.#asked = how === 'new' // The kernel begins a new comm with a snapshot.
    this.#missed = false
    this.#tries = 0
    if (how !== 'new') this.#resync()
  }

  /** Nothing will come for now. */
  detached(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Asks for what is missing. */
  #resync(): void {
    this.detached()
    this.#asked = true
    this.#waiting = true
    this.#missed = false
    const pause = AGAIN[Math.min(this.#tries++, AGAIN.length - 1)]!
    if (pause === 0) this.#snapshot()
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#snapshot()
      }, pause)
  }

  #snapshot(): void {
    const { state } = this.store
    const since = state && { runId: state.runId, known: this.store.known() }
    this.ask({ type: 'snapshot', ...since }).catch(() => {
      this.#asked = false // There is no such run any more, or no kernel: the next message asks again.
    })
  }
}
