import { setImmediate } from 'node:timers/promises'
import { HarnessError } from '../errors.js'
import type { ExampleResult } from './step.js'

type Turn = Promise<ExampleResult | null>

/** Decides when the next example may run: pause, single steps, stop. Knows nothing of what an example is. */
export class Control {
  /** Stops the run too. */
  readonly outer: AbortSignal | undefined
  #own = new AbortController()
  #signal: AbortSignal
  #running = false
  #paused = false
  #busy = false
  /** A `step()` of a paused run that waits to be given its turn. */
  #asked: ((turn: Turn | null) => void) | undefined
  readonly #waiting: (() => void)[] = []

  constructor(outer?: AbortSignal) {
    this.outer = outer
    this.#signal = this.#listen()
  }

  /** Aborted when the run is stopped. */
  get signal(): AbortSignal {
    return this.#signal
  }

  /** Is an example being worked on? */
  get busy(): boolean {
    return this.#busy
  }

  /** @throws HarnessError if a run is going already */
  start(): void {
    if (this.#running) throw new HarnessError('run(): a run is going already; leave or stop() it first')
    if (this.#busy) throw new HarnessError('run(): an example is being worked on; await step() first')
    this.#running = true
    this.#renew()
  }

  /** Ends a run, and with it everything that heeds its signal. */
  end(): void {
    this.#running = false
    this.stop()
    this.#asked?.(null)
    this.#asked = undefined
  }

  stop(): void {
    this.#own.abort()
  }

  /** Resolves when no example is being worked on. */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#busy) await this.#change()
  }

  resume(): void {
    this.#paused = false
    this.#wake()
  }

  /** A run's next turn: waits while paused. null: stopped, or `work` found nothing to do. */
  async next(work: () => Turn): Turn {
    await setImmediate() // Callables may all be synchronous: let pause, stop and messages in.
    while (this.#paused && !this.#asked && !this.#signal.aborted) await this.#change()
    const asked = this.#asked
    this.#asked = undefined
    const turn = this.#signal.aborted ? null : this.#work(work)
    asked?.(turn)
    return turn
  }

  /** One turn by hand: of the paused run if there is one, else on its own. */
  async step(work: () => Turn): Turn {
    if (this.#running && !this.#paused) throw new HarnessError('step(): the run is going; pause() it first')
    if (this.#busy || this.#asked) throw new HarnessError('step(): an example is being worked on; await it first')
    if (!this.#running) {
      this.#renew()
      return this.#signal.aborted ? null : this.#work(work)
    }
    return new Promise<ExampleResult | null>(resolve => {
      this.#asked = resolve
      this.#wake()
    })
  }

  async #work(work: () => Turn): Turn {
    this.#busy = true
    try {
      return await work()
    } catch (thrown) {
      if (this.#signal.aborted && thrown === this.#signal.reason) return null
      throw thrown
    } finally {
      this.#busy = false
      this.#wake()
    }
  }

  /** After a stop: a signal that is not aborted yet, unless the outer one is. */
  #renew(): void {
    if (!this.#own.signal.aborted) return
    this.#own = new AbortController()
    this.#signal = this.#listen()
  }

  #listen(): AbortSignal {
    const signal = this.outer ? AbortSignal.any([this.#own.signal, this.outer]) : this.#own.signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    return signal
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
