import type { Engine } from './engine.js'
import { ComputeHost, type HostStatus, type Say } from './host.js'

export type ComputeStatus = { kind: 'off' } | HostStatus

/** A line to a kernel that was opened with an offer. */
export interface ComputeLine {
  say: Say
  close(): void
}

/** What this browser does for one kernel: nothing, until a person has it serve. */
export class Compute {
  readonly #open: (device: 'webgpu' | 'wasm', told: ComputeHost['told'], closed: () => void) => ComputeLine
  readonly #engine: () => Promise<Engine>
  readonly #listeners = new Set<() => void>()
  #host: ComputeHost | undefined
  #line: ComputeLine | undefined
  #status: ComputeStatus = { kind: 'off' }

  constructor(
    open: (device: 'webgpu' | 'wasm', told: ComputeHost['told'], closed: () => void) => ComputeLine,
    engine: () => Promise<Engine>,
  ) {
    this.#open = open
    this.#engine = engine
  }

  get status(): ComputeStatus {
    return this.#status
  }

  get device(): 'webgpu' | 'wasm' | null {
    return this.#host?.device ?? null
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Offers this browser to the kernel, anew if it does already. */
  start(device: 'webgpu' | 'wasm'): void {
    this.stop()
    let line: ComputeLine | undefined
    const host = new ComputeHost(device, (word, buffers) => line?.say(word, buffers), this.#engine)
    this.#host = host
    host.subscribe(() => {
      if (this.#host === host) this.#now(host.status)
    })
    this.#now({ kind: 'waiting', why: '' })
    line = this.#open(
      device,
      (data, buffers) => host.told(data, buffers),
      () => {
        if (this.#host === host) this.stop()
      },
    )
    this.#line = line
  }

  /** Gives the model's memory back; a cell that waits for an answer gets an error. */
  stop(): void {
    const [host, line] = [this.#host, this.#line]
    this.#host = this.#line = undefined
    line?.close()
    void host?.dispose()
    this.#now({ kind: 'off' })
  }

  #now(status: ComputeStatus): void {
    this.#status = status
    for (const listener of this.#listeners) listener()
  }
}
