import '../model/no-eval.js'
import type { Kernel } from '@jupyterlab/services'
import type { IDisposable } from '@lumino/disposable'
import { type ISignal, Signal } from '@lumino/signaling'
import type { ControlAnswers } from 'lora-harness/protocol'
import type { AskOf, AskType } from '../model/source.js'
import { type Attached, Comms, type Kept } from './comms.js'
import { KernelSource } from './kernel-source.js'
import { readAnswer, readEvent, readReply } from './read.js'
import { Requests } from './requests.js'

export interface KernelRunsOptions {
  /** When stores tell of changes: `requestAnimationFrame` in a page. */
  schedule?: (tell: () => void) => void
  /** Where to keep what a reload should find: `sessionStorage` in a page. */
  kept?: Kept
  /** Names the notebook among those of the page. */
  place?: string
}

/** The runs of the kernel of one notebook, followed on one pair of comms however many panels show them. */
export class KernelRuns implements IDisposable {
  readonly kernel: Kernel.IKernelConnection
  readonly #sources = new Map<string, KernelSource>()
  /** Names of those that the kernel has told of. */
  readonly #told = new Set<string>()
  readonly #appeared = new Signal<this, KernelSource>(this)
  readonly #schedule: (tell: () => void) => void
  readonly #comms: Comms
  readonly #requests: Requests
  #disposed = false

  constructor(
    kernel: Kernel.IKernelConnection,
    { schedule = tell => queueMicrotask(tell), kept, place }: KernelRunsOptions = {},
  ) {
    this.kernel = kernel
    this.#schedule = schedule
    this.#comms = new Comms(
      kernel,
      {
        attached: how => this.#attached(how),
        closed: () => this.#gone(),
        event: data => this.#event(data),
        reply: data => this.#reply(data),
      },
      kept,
      place,
    )
    this.#requests = new Requests(
      data => this.#comms.send(data),
      (id, waiting) => this.#waiting(id, waiting),
    )
    kernel.connectionStatusChanged.connect(this.#connection, this)
    kernel.statusChanged.connect(this.#status, this)
    kernel.disposed.connect(this.#lost, this)
    if (kernel.connectionStatus === 'connected') void this.#comms.look()
  }

  /** The runs there are, in the order in which they appeared; those that were only expected among them. */
  get sources(): readonly KernelSource[] {
    return [...this.#sources.values()]
  }
  /** A run was told of for the first time. */
  get appeared(): ISignal<this, KernelSource> {
    return this.#appeared
  }

  /** The run of that name, even if nothing of it is known yet, as when a panel is restored before its kernel has spoken. */
  expect(id: string): KernelSource {
    const source = this.#sources.get(id) ?? new KernelSource(id, this, this.#schedule)
    this.#sources.set(id, source)
    return source
  }

  /** @throws Error what the kernel says, or why there is no answer */
  async ask<T extends AskType>(request: AskOf<T>, id?: string): Promise<ControlAnswers[T]> {
    if (this.#disposed) throw new Error('the panel was closed')
    return readAnswer(request.type as T, await this.#requests.ask(request, id))
  }

  /** Tries at once to reach the kernel, and looks what was missed. */
  reconnect(): void {
    if (this.#disposed || this.kernel.isDisposed) return
    if (this.kernel.connectionStatus === 'connected') void this.#comms.look()
    else this.kernel.reconnect().catch(() => {}) // That it failed is seen in the connection's status.
  }

  get isDisposed(): boolean {
    return this.#disposed
  }
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#comms.dispose()
    this.#requests.fail('the panel was closed')
    this.#lost()
    Signal.clearData(this)
  }

  #attached(how: Attached): void {
    for (const source of this.#sources.values()) source.attached(how)
    if (how !== 'new') this.#requests.resend()
    this.ask({ type: 'runs' }).then(
      states =>
        this.#listed(
          states.map(({ id }) => id),
          how,
        ),
      () => {}, // The line was lost again.
    )
  }

  /** The kernel says which runs it has. */
  #listed(ids: readonly string[], how: Attached): void {
    for (const id of ids) if (!this.#told.has(id)) this.#of(id, how)
    // A kernel that still has our comms is the one that had the run.
    const connection = { kind: how === 'new' ? ('restarted' as const) : ('closed' as const) }
    for (const [id, { store }] of this.#sources) if (!ids.includes(id)) store.set({ connection })
  }

  /** A run that the kernel tells of. @param how its first messages come, if it was not told of before */
  #of(id: string, how: Attached): KernelSource {
    const source = this.expect(id)
    if (!this.#told.has(id)) {
      this.#told.add(id)
      source.attached(how)
      this.#appeared.emit(source)
    }
    return source
  }

  #event(data: unknown): void {
    const read = readEvent(data)
    if ('trouble' in read) {
      const source = read.id === undefined ? undefined : this.#sources.get(read.id)
      source?.store.set({ trouble: read.trouble })
      return
    }
    const { id, seq } = read.message
    this.#of(id, seq === 0 ? 'new' : 'found').take(read.message)
  }

  #reply(data: unknown): void {
    const reply = readReply(data)
    if (reply) this.#requests.settle(reply)
  }

  #waiting(id: string | undefined, waiting: boolean): void {
    const busy = waiting ? 'The kernel is busy and has not answered yet; it will when it can' : null
    for (const [name, { store }] of this.#sources) if (id === undefined || id === name) store.set({ busy })
  }

  #connection(_: unknown, status: Kernel.ConnectionStatus): void {
    if (status === 'connected') void this.#comms.look()
    else this.#lost()
  }

  #status(_: unknown, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') this.#gone()
    else if (status === 'dead') this.#lost()
  }

  /** The kernel cannot be reached; its runs may go on. */
  #lost(): void {
    for (const source of this.#sources.values()) {
      source.detached()
      const { kind } = source.store.connection
      if (kind === 'live' || kind === 'loading') source.store.set({ connection: { kind: 'lost', since: Date.now() } })
    }
  }

  /** There is another kernel now, or none: what was asked will not be answered. */
  #gone(): void {
    this.#comms.drop()
    this.#requests.fail('the kernel was started anew')
    for (const source of this.#sources.values()) {
      source.detached()
      source.store.set({ connection: { kind: 'restarted' }, busy: null })
    }
  }
}
