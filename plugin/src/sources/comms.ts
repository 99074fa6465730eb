import '../model/no-eval.js'
import type { Kernel } from '@jupyterlab/services'
import { UUID } from '@lumino/coreutils'
import { CONTROL_COMM, EVENTS_COMM } from 'lora-harness/protocol'
import { commOn, type Line, onComm } from './raw-comm.js'

/**
 * How a page came to its comms. Unless they are `new`, something may have been missed: while the line was lost (`same`), or
 * while the page was loaded again (`found`).
 */
export type Attached = 'new' | 'same' | 'found'

/** What the two comms of a page and a kernel tell. */
export interface CommsEvents {
  attached(how: Attached): void
  /** The kernel has none of them any more. */
  closed(): void
  event(data: unknown): void
  reply(data: unknown): void
}

/** Where a page keeps what a reload should find: its session's storage. */
export type Kept = Pick<Storage, 'getItem' | 'setItem'>

interface Names {
  /** The name that this page gives itself. */
  client: string
  events: string
  control: string
}

/**
 * The events comm and the control comm of this page with one kernel. They are opened as soon as the kernel says that it
 * has runs, found again after a reload, and opened anew in a kernel that was started again.
 */
export class Comms {
  readonly #kernel: Kernel.IKernelConnection
  readonly #on: CommsEvents
  readonly #kept: Kept | undefined
  readonly #key: string
  readonly #unlisten: () => void
  #events: Line | undefined
  #control: Line | undefined
  #disposed = false
  /** Counts attempts: only the last one counts. */
  #attempt = 0

  /** @param place names the notebook among those of the page: each has comms of its own, with the same kernel too */
  constructor(kernel: Kernel.IKernelConnection, on: CommsEvents, kept?: Kept, place = '') {
    this.#kernel = kernel
    this.#on = on
    this.#kept = kept
    this.#key = `lora-harness:comms:${kernel.id}:${place}`
    // The kernel says that it has runs.
    this.#unlisten = onComm(kernel, EVENTS_COMM, () => {
      if (!this.open) this.#begin()
    })
  }

  get open(): boolean {
    return this.#control !== undefined && !this.#control.isDisposed && !this.#events!.isDisposed
  }

  /** Looks whether the kernel has runs, or still has these comms. Resolves when that is known, or cannot be. */
  async look(): Promise<void> {
    const attempt = ++this.#attempt
    const reply = await this.#kernel.requestCommInfo({}).catch(() => undefined)
    if (this.#disposed || attempt !== this.#attempt || !reply || reply.content.status !== 'ok') return
    const { comms } = reply.content
    const has = ({ events, control }: Names) =>
      comms[events]?.target_name === EVENTS_COMM && comms[control]?.target_name === CONTROL_COMM
    if (this.open) {
      if (has({ client: '', events: this.#events!.commId, control: this.#control!.commId }))
        return this.#on.attached('same')
      this.#drop()
      this.#on.closed()
    }
    const known = this.#recall()
    if (known && has(known)) return this.#take(known, 'found')
    if (Object.values(comms).some(({ target_name }) => target_name === EVENTS_COMM)) this.#begin()
  }

  /** Forgets the comms: their kernel is gone. */
  drop(): void {
    this.#attempt++
    this.#drop()
  }

  /** @throws Error if there is no comm */
  send(data: object): void {
    if (!this.open) throw new Error('there is no line to the kernel')
    this.#control!.send(data as never)
  }

  dispose(): void {
    this.#disposed = true
    if (!this.#kernel.isDisposed) {
      this.#unlisten()
      for (const comm of [this.#events, this.#control])
        if (comm && !comm.isDisposed) {
          comm.onClose = () => {}
          comm.close()
        }
    }
    this.drop()
  }

  #begin(): void {
    this.#take({ client: UUID.uuid4(), events: UUID.uuid4(), control: UUID.uuid4() }, 'new')
  }

  #take(names: Names, how: 'new' | 'found'): void {
    this.#attempt++
    const { client, events, control } = names
    const comms = [commOn(this.#kernel, EVENTS_COMM, events), commOn(this.#kernel, CONTROL_COMM, control)] as const
    ;[this.#events, this.#control] = comms
    comms[0].onMsg = message => this.#on.event(message.content.data)
    comms[1].onMsg = message => this.#on.reply(message.content.data)
    for (const comm of comms) {
      comm.onClose = () => {
        if (this.#events !== comm && this.#control !== comm) return
        this.#drop()
        this.#on.closed()
      }
      if (how === 'new') comm.open({ v: 1, client })
    }
    this.#kept?.setItem(this.#key, JSON.stringify(names))
    this.#on.attached(how)
  }

  #drop(): void {
    const comms = [this.#events, this.#control]
    this.#events = this.#control = undefined
    for (const comm of comms) if (comm && !comm.isDisposed) comm.dispose()
  }

  #recall(): Names | undefined {
    try {
      const { client, events, control } = JSON.parse(this.#kept?.getItem(this.#key) ?? 'null') as Names
      return [client, events, control].every(name => typeof name === 'string') ? { client, events, control } : undefined
    } catch {
      return undefined // Nothing was kept, or something else.
    }
  }
}
