import { type ExampleResult, HarnessError, type LoRAHarness } from 'lora-harness'
import type { RunState } from 'lora-harness/protocol'

/** Ends a run before the source does: after so many examples in all, or after the first one for which it holds. */
export type Until = number | ((result: ExampleResult) => boolean | Promise<boolean>)

/** Why a run left its loop. */
export type End = 'finished' | 'until' | 'stopped' | 'interrupted'

/** A cell was interrupted: after an example, with nothing lost. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  /** @param done examples; `total`: how many there are, null if that is not known */
  constructor(done: number, total: number | null) {
    const of = total === null ? '' : ` of ${total}`
    const where = done === 0 ? 'before the first example' : `after example ${done - 1} (${done}${of} done)`
    super(`stopped ${where}; nothing is lost. Go on with: await h.run()`)
  }
}

/** One run of a harness at a time, and what it is doing. */
export class Loop {
  readonly #harness: LoRAHarness
  readonly #changed: () => void
  #status: 'idle' | 'running' | 'pausing' | 'paused' = 'idle'
  #ended: 'finished' | 'failed' | undefined
  #error: unknown
  #stage: string | null = null
  #going: Promise<End> | undefined
  #interrupted = false
  #stopped = false

  /** @param changed called whenever the state is another one */
  constructor(harness: LoRAHarness, changed: () => void) {
    this.#harness = harness
    this.#changed = changed
    harness.onEvent(event => {
      if (event.type === 'stage') this.#set(() => (this.#stage = String(event.stage)))
    })
  }

  get status(): RunState['status'] {
    return this.#status === 'idle' ? (this.#ended ?? 'idle') : this.#status
  }
  get stage(): string | null {
    return this.#stage
  }
  /** Why it failed. */
  get error(): unknown {
    return this.#ended === 'failed' ? this.#error : undefined
  }
  /** The run that is going, if there is one; rejects if it fails. */
  get going(): Promise<End> | undefined {
    return this.#going
  }

  /**
   * Runs examples until the source ends, `until` holds, or somebody stops it.
   *
   * @throws HarnessError if a run or a single step is going already
   * @throws what failed: see `LoRAHarness.run`
   */
  run(until: Until = Number.POSITIVE_INFINITY): Promise<End> {
    if (this.#going) throw new HarnessError('a run is going already; pause() or stop() it, or await its end')
    this.#requireIdle()
    if (typeof until === 'number' && this.#harness.results.length >= until) return Promise.resolve('until')
    this.#going = this.#run(until)
    return this.#going
  }

  async #run(until: Until): Promise<End> {
    this.#interrupted = false
    this.#stopped = false
    this.#begin('running')
    try {
      for await (const result of this.#harness.run()) {
        this.#set(() => (this.#stage = null))
        if (typeof until === 'function' ? await until(result) : this.#harness.results.length >= until) return 'until'
        if (this.#interrupted) return 'interrupted'
      }
      if (this.#interrupted) return 'interrupted'
      if (this.#stopped) return 'stopped'
      this.#ended = 'finished'
      return 'finished'
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      this.#going = undefined
      this.#harness.resume() // Else the next run would begin paused.
      this.#end()
    }
  }

  /**
   * Runs one example, alone or of a paused run; null after the last one.
   *
   * @throws HarnessError if a run is going, or an example is being worked on
   */
  async step(): Promise<ExampleResult | null> {
    if (this.#going) {
      const result = await this.#harness.step()
      this.#set(() => (this.#stage = null))
      return result
    }
    this.#requireIdle()
    this.#begin('running')
    try {
      const result = await this.#harness.step()
      if (result === null) this.#ended = 'finished'
      return result
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      this.#end()
    }
  }

  /** Holds the run after the example being worked on; resolves then. Nothing to do if none is going. */
  async pause(): Promise<void> {
    if (this.#status !== 'running' || !this.#going) return
    const going = this.#going
    this.#set(() => (this.#status = 'pausing'))
    await this.#harness.pause()
    // Meanwhile it may have gone on, or ended.
    if (this.#going === going && this.status === 'pausing') this.#set(() => (this.#status = 'paused'))
  }

  resume(): void {
    if (this.#status !== 'pausing' && this.#status !== 'paused') return
    this.#harness.resume()
    this.#set(() => (this.#status = 'running'))
  }

  /** Ends the run; the example being worked on is dropped, not recorded. Resolves when it has ended. */
  async stop(): Promise<void> {
    const going = this.#going
    if (!going) return
    this.#stopped = true
    this.#harness.stop()
    await going.catch(() => {})
  }

  /** Ends the run after the example being worked on. */
  interrupt(): void {
    this.#interrupted = true
    // A paused run may be working on a single step.
    if (this.#status !== 'running') void this.#harness.pause().then(() => this.stop())
  }

  #requireIdle(): void {
    if (this.#status !== 'idle') throw new HarnessError('an example is being worked on; await its end')
  }
  #set(change: () => void): void {
    change()
    this.#changed()
  }
  #begin(status: 'running'): void {
    this.#ended = undefined
    this.#set(() => (this.#status = status))
  }
  #fail(error: unknown): void {
    this.#ended = 'failed'
    this.#error = error
  }
  #end(): void {
    this.#stage = null
    this.#set(() => (this.#status = 'idle'))
  }
}
