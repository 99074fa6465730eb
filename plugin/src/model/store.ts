import type { Annotation, Branch, EventMessage, RunEvent, RunState, TimelinePoint } from 'lora-harness/protocol'
import type { Texts } from './details.js'

/** How what is shown comes to be known. */
export type Connection =
  /** Following a kernel. */
  | { kind: 'live' }
  /** A kernel is there, and the first snapshot has not come whole. */
  | { kind: 'loading' }
  /** The kernel was lost; what is shown was true `since` [ms since 1970]. */
  | { kind: 'lost'; since: number }
  /** The kernel was started anew and knows nothing of the run. */
  | { kind: 'restarted' }
  /** The run was closed by its notebook. */
  | { kind: 'closed' }
  /** From a file or a notebook's output: nothing will change. */
  | {
      kind: 'stored'
      what: string
      /** Version of its format, if it is another one than ours. */
      version?: string
    }

/** A message as it is told: without its address. */
export type Told = EventMessage extends infer M ? (M extends unknown ? Omit<M, 'seq' | 'id'> : never) : never

/**
 * What is known of one run. Filled by messages, read by every view; who reads is told of a change once for each call of
 * `schedule`, however much came.
 */
export class RunStore {
  readonly id: string
  state: RunState | null = null
  branches: readonly Branch[] = []
  /** The branch that the next example belongs to. */
  current = 'main'
  events: readonly RunEvent[] = []
  /** The answer to the example being worked on, as far as it has come. */
  token: { index: number; text: string } | null = null
  connection: Connection = { kind: 'loading' }
  /** What was told and made no sense, in words; null if all did. */
  trouble: string | null = null
  /** When it began to do what it does, as far as was heard [ms since 1970]. */
  since = Date.now()
  /** Why what was asked is not answered yet, in words; null while nothing waits for long. */
  busy: string | null = null
  /** Texts of an example, as far as they were read: see `Details`. */
  texts: (point: TimelinePoint) => Texts | undefined = () => undefined
  /** Counts changes: see `subscribe`. */
  version = 0
  /** Own points of each branch, from its `at` on. */
  readonly #own = new Map<string, TimelinePoint[]>()
  readonly #lines = new Map<string, TimelinePoint[]>()
  readonly #listeners = new Set<() => void>()
  readonly #schedule: (tell: () => void) => void
  #scheduled = false

  /** @param schedule when to tell of changes: at the next frame, in a page */
  constructor(id: string, schedule: (tell: () => void) => void = tell => queueMicrotask(tell)) {
    this.id = id
    this.#schedule = schedule
  }

  /** For React's `useSyncExternalStore`, with `version` as the snapshot. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Examples of a branch with those of its parents, by index. Grows in place; never change it. */
  line(name: string): readonly TimelinePoint[] {
    const known = this.#lines.get(name)
    if (known) return known
    const branch = this.branches.find(b => b.name === name)
    const before = branch?.parent == null ? [] : this.line(branch.parent).slice(0, branch.at)
    const line = [...before, ...(this.#own.get(name) ?? [])]
    this.#lines.set(name, line)
    return line
  }

  /** The last annotation of an example. */
  annotation(branch: string, index: number): Annotation | undefined {
    return this.events.findLast(
      (event): event is Annotation => event.type === 'annotation' && event.branch === branch && event.index === index,
    )
  }

  /** @returns false if something before it has not been told, and so it was left out */
  apply(told: Told): boolean {
    const fits = this.#take(told)
    if (fits) this.changed()
    return fits
  }

  #take(told: Told): boolean {
    switch (told.type) {
      case 'state':
        if (this.state && told.state.runId !== this.state.runId) this.forget()
        if (told.state.status !== this.state?.status || told.state.stage !== this.state.stage) this.since = Date.now()
        this.state = told.state
        if (told.state.status !== 'running' && told.state.stage === null) this.token = null
        return true
      case 'branches':
        this.branches = told.branches
        this.current = told.current
        this.#lines.clear()
        return true
      case 'points':
        return this.#points(told.branch, told.from, told.points)
      case 'event':
        if (told.n > this.events.length) return false
        this.events = this.events.toSpliced(told.n, 1, told.event)
        return true
      case 'token': {
        const { index, from, text } = told
        const before = this.token?.index === index ? this.token.text : ''
        if (from > before.length) return false
        const whole = before.slice(0, from) + text
        this.token = whole === '' ? null : { index, text: whole }
        return true
      }
      case 'ready':
        this.connection = { kind: 'live' }
        return true
      case 'closed':
        this.connection = { kind: 'closed' }
        this.busy = null
        return true
    }
  }

  #points(name: string, from: number, points: readonly TimelinePoint[]): boolean {
    const branch = this.branches.find(b => b.name === name)
    const own = this.#own.get(name) ?? []
    if (!branch || from < branch.at || from > branch.at + own.length) return false
    this.#own.set(name, own)
    const line = this.#lines.get(name)
    const appended = from === branch.at + own.length && line?.length === from
    own.splice(from - branch.at, points.length, ...points)
    if (appended) line.push(...points)
    // What left this branch before may share what has changed.
    else this.#lines.clear()
    if (this.token && points.some(point => point.index === this.token!.index)) this.token = null
    return true
  }

  /** Index up to which each branch is known. */
  known(): Record<string, number> {
    return Object.fromEntries(this.branches.map(({ name, at }) => [name, at + (this.#own.get(name)?.length ?? 0)]))
  }

  /** Forgets all: it was of another run. */
  forget(): void {
    this.#own.clear()
    this.#lines.clear()
    this.branches = []
    this.events = []
    this.token = null
    this.trouble = null
    this.changed()
  }

  set(part: { connection?: Connection; trouble?: string | null; busy?: string | null }): void {
    Object.assign(this, part)
    this.changed()
  }

  changed(): void {
    this.version++
    if (this.#scheduled) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      for (const listener of this.#listeners) listener()
    })
  }
}
