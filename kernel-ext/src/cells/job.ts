import { inspect } from 'node:util'
import type { RunState } from 'lora-harness/protocol'
import { transport } from '../place.js'
import { DISPLAY, type MimeBundle } from '../transport.js'
import type { End } from './loop.js'
import type { NotebookHarness } from './notebook.js'
import { follow } from './views.js'

/** A run in the background: cells can be run meanwhile. */
export class Job {
  /** When it has ended, why; rejects with what failed. */
  readonly done: Promise<End>
  /** The run that it shows. */
  readonly end: Promise<End>
  readonly #run: NotebookHarness

  constructor(run: NotebookHarness, end: Promise<End>) {
    this.#run = run
    this.end = end
    const off = transport().onInterrupt(() => run.loop.pause())
    const shown = follow(run, end)
    this.done = end.finally(off)
    // What failed is on the display; whoever awaits `done` gets it, too.
    Promise.all([shown, this.done]).catch(() => {})
  }

  /** Holds it after the example being worked on; resolves then. */
  pause(): Promise<void> {
    return this.#run.loop.pause()
  }
  resume(): void {
    this.#run.loop.resume()
  }
  /** Ends it; the example being worked on is dropped, not recorded. Resolves when it has ended. */
  stop(): Promise<void> {
    return this.#run.loop.stop()
  }
  get state(): RunState {
    return this.#run.state
  }

  toString(): string {
    const { id, status, index } = this.state
    const next = { running: 'its display is updated where it was started', paused: 'job.resume() goes on' }
    const hint = status in next ? `; ${next[status as keyof typeof next]}` : ''
    return `Job of run ${id}: ${status}, ${index} examples done${hint}`
  }
  [DISPLAY](): MimeBundle {
    return { 'text/plain': this.toString() }
  }
  [inspect.custom](): string {
    return this.toString()
  }
}
