import type { ControlReply, Json } from 'lora-harness/protocol'
import type { Ask } from '../model/source.js'

/** What is answered at once by a kernel that is not busy; other requests wait for the example being worked on. */
const PROMPT = ['runs', 'snapshot', 'pause', 'resume', 'example', 'lineage', 'callables', 'annotate']
/** How long an answer may take before a person is told that it is waited for [ms]. */
const PATIENCE = 3000

interface Pending {
  data: object
  id: string | undefined
  resolve: (result: Json) => void
  reject: (error: Error) => void
  timer: ReturnType<typeof setTimeout> | undefined
  overdue: boolean
}

/** Requests to a kernel and their answers, by number. */
export class Requests {
  readonly #pending = new Map<number, Pending>()
  readonly #send: (data: object) => void
  readonly #waiting: (id: string | undefined, waiting: boolean) => void
  /** Two pages may share a name, where a tab was duplicated: their numbers must not. */
  #next = Math.floor(Math.random() * 2 ** 40)

  /**
   * @param send throws if there is no line: what was asked is sent by `resend`
   * @param waiting told when answers about a run are waited for, and when they no longer are
   */
  constructor(send: (data: object) => void, waiting: (id: string | undefined, waiting: boolean) => void) {
    this.#send = send
    this.#waiting = waiting
  }

  /** @throws Error what the kernel says */
  ask(asked: Ask, id: string | undefined): Promise<Json> {
    const request = this.#next++
    const data = { ...asked, request, ...(id !== undefined && { id }) }
    return new Promise((resolve, reject) => {
      const pending: Pending = { data, id, resolve, reject, timer: undefined, overdue: false }
      this.#pending.set(request, pending)
      if (PROMPT.includes(asked.type))
        pending.timer = setTimeout(() => {
          pending.overdue = true
          this.#waiting(id, true)
        }, PATIENCE)
      this.#try(data)
    })
  }

  /** An answer: to a request of another page it is none of ours. */
  settle(reply: ControlReply): void {
    const pending = this.#take(reply.request)
    if (!pending) return
    if (reply.ok) pending.resolve(reply.result)
    else pending.reject(new Error(reply.error))
  }

  /** Sends again what has no answer: the kernel does what has the same number once. */
  resend(): void {
    for (const { data } of this.#pending.values()) this.#try(data)
  }

  /** Nothing that was asked will be answered. */
  fail(why: string): void {
    for (const request of [...this.#pending.keys()]) this.#take(request)!.reject(new Error(why))
  }

  #take(request: number): Pending | undefined {
    const pending = this.#pending.get(request)
    if (!pending) return undefined
    this.#pending.delete(request)
    clearTimeout(pending.timer)
    const { id, overdue } = pending
    if (overdue && ![...this.#pending.values()].some(other => other.overdue && other.id === id))
      this.#waiting(id, false)
    return pending
  }

  #try(data: object): void {
    try {
      this.#send(data)
    } catch {
      // There is no line: it is sent when there is one.
    }
  }
}
