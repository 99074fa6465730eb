import type { Json, Step, TimelinePoint } from 'lora-harness/protocol'
import type { Run } from './shown.js'
import { partsOf } from './shown.js'
import type { RunSource } from './source.js'

/** The texts of an example, cut: what lists show, and what is searched. */
export interface Texts {
  /** Begin of what was asked last. */
  question: string
  response: string
  reference: string
  /** Why it failed or was skipped. */
  reason: string
  /** Begin of each baseline's answer, and whether the whole of it is the adapter's answer. */
  baselines: Map<string, { response: string; same: boolean }>
}

/** Characters of each text that lists and search know. */
export const KEPT = 1000
/** Characters of steps that are kept whole: about 64 MB. */
const MOST = 32_000_000
/** Requests on their way at a time. */
const AT_ONCE = 6

/** Evaluators call the right answer by several names. */
const REFERENCES = ['golden_answer', 'golden', 'target', 'reference', 'answer']

/** The right answer, where the evaluator told it. */
export function referenceOf({ details }: Pick<Step, 'details'>): string | null {
  const name = REFERENCES.find(known => Object.hasOwn(details, known))
  return name === undefined ? null : textOf(details[name]!)
}

/** A value as text: texts as they are, else JSON. */
export const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** What was asked last. */
export const questionOf = ({ messages }: Pick<Step, 'messages'>): string =>
  (messages.findLast(message => message.role === 'user') ?? messages.at(-1))?.content ?? ''

/** The branch whose own example this is: a branch shares those before it left its parent. */
export const ownerOf = ({ branches }: Pick<Run, 'branches'>, branch: string, index: number): string =>
  partsOf(branches, branch).find(part => index < part.end)?.name ?? branch

const cut = (text: string): string => text.trimStart().slice(0, KEPT)

const textsOf = (step: Step): Texts => ({
  question: cut(questionOf(step)),
  response: cut(step.response),
  reference: cut(referenceOf(step) ?? ''),
  reason: cut(step.outcome.reason ?? ''),
  baselines: new Map(
    Object.entries(step.baselines).map(([name, { response }]) => [
      name,
      { response: cut(response), same: response === step.response },
    ]),
  ),
})

/** About how much memory a step takes [characters]. */
const sizeOf = (step: Step): number =>
  [step.response, ...step.messages.map(m => m.content), ...Object.values(step.baselines).map(b => b.response)].reduce(
    (sum, text) => sum + text.length,
    JSON.stringify(step.details).length + 1000,
  )

/** What is known of an example beside its point. */
export interface Detail {
  step: Step | null
  texts: Texts | null
  /** Why the step could not be had. */
  error: string | null
}

/**
 * Steps of a run, asked for when they are needed, a few at a time and the last wanted first. Whole steps are kept while
 * there is room, the begin of their texts as long as the point is: another point at the same index is another example.
 */
export class Details {
  /** Counts what came: see `subscribe`. */
  version = 0
  readonly #source: RunSource
  readonly #texts = new WeakMap<TimelinePoint, Texts>()
  #errors = new WeakMap<TimelinePoint, string>()
  #connected = ''
  /** The last used comes last. */
  readonly #steps = new Map<TimelinePoint, Step>()
  #size = 0
  readonly #under = new Map<TimelinePoint, Promise<void>>()
  /** What lists show now. */
  #wanted: readonly TimelinePoint[] = []
  #branch = ''
  /** Branches of which everything is wanted: how many of their examples were put into the queue. */
  readonly #all = new Map<string, number>()
  readonly #queue: [branch: string, point: TimelinePoint][] = []
  readonly #listeners = new Set<() => void>()

  constructor(source: RunSource) {
    this.#source = source
    source.store.texts = point => this.texts(point)
    source.store.subscribe(() => this.#follow())
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get(point: TimelinePoint): Detail {
    return {
      ...{ step: this.#steps.get(point) ?? null, texts: this.texts(point) ?? null },
      error: this.#errors.get(point) ?? null,
    }
  }

  texts(point: TimelinePoint): Texts | undefined {
    return this.#texts.get(point)
  }

  /** What a list shows now; replaces what it wanted before and has not got. */
  want(branch: string, points: readonly TimelinePoint[]): void {
    this.#branch = branch
    this.#wanted = points
    this.#pump()
  }

  /** Texts of all examples of a branch, those to come too. */
  wantAll(branch: string): void {
    this.#all.set(branch, 0)
    this.#pump()
  }

  wantsAll(branch: string): boolean {
    return this.#all.has(branch)
  }

  /** Asks for one example at once, unless it is there or on its way. Never throws: see `error`. */
  load(branch: string, point: TimelinePoint): Promise<void> {
    const step = this.#steps.get(point)
    if (step) {
      this.#steps.delete(point)
      this.#steps.set(point, step)
      return Promise.resolve()
    }
    const under = this.#under.get(point) ?? this.#ask(branch, point)
    this.#under.set(point, under)
    return under
  }

  async #ask(branch: string, point: TimelinePoint): Promise<void> {
    const { index } = point
    try {
      const owner = ownerOf(this.#source.store, branch, index)
      const step = await this.#source.ask({ type: 'example', branch: owner, index })
      this.#texts.set(point, textsOf(step))
      this.#errors.delete(point)
      this.#keep(point, step)
    } catch (error) {
      this.#errors.set(point, error instanceof Error ? error.message : String(error))
    }
    this.#under.delete(point)
    this.version++
    for (const listener of this.#listeners) listener()
    this.#pump()
  }

  #keep(point: TimelinePoint, step: Step): void {
    this.#steps.set(point, step)
    this.#size += sizeOf(step)
    for (const [old, dropped] of this.#steps) {
      if (this.#size <= MOST || old === point) break
      this.#steps.delete(old)
      this.#size -= sizeOf(dropped)
    }
  }

  #follow(): void {
    const { kind } = this.#source.store.connection
    // What could not be had while the kernel was lost may be there now.
    if (kind !== this.#connected) this.#errors = new WeakMap()
    this.#connected = kind
    this.#pump()
  }

  #pump(): void {
    if (this.#source.cannot('example') !== null) return
    for (const [branch, queued] of this.#all) {
      const line = this.#source.store.line(branch)
      // A run that was told of anew has other points.
      for (const point of line.slice(queued <= line.length ? queued : 0)) this.#queue.push([branch, point])
      this.#all.set(branch, line.length)
    }
    const isMissing = (point: TimelinePoint) =>
      !this.#texts.has(point) && !this.#errors.has(point) && !this.#under.has(point)
    while (this.#under.size < AT_ONCE) {
      const wanted = this.#wanted.find(isMissing)
      if (wanted) void this.load(this.#branch, wanted)
      else {
        const [branch, point] = this.#queue.pop() ?? []
        if (branch === undefined || !point) return
        if (isMissing(point)) void this.load(branch, point)
      }
    }
  }
}

const known = new WeakMap<RunSource, Details>()

/** Details of a source: one for all views of it. */
export function detailsOf(source: RunSource): Details {
  const details = known.get(source) ?? new Details(source)
  known.set(source, details)
  return details
}
