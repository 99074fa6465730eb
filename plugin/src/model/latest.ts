/** What came of a question. */
export type Answer<T> = { value: T } | { error: string }

/** Part of the kernel's time that questions nobody waits for may take: after each, the rest of it passes first. */
const SHARE = 0.1

interface Question<T> {
  key: string
  ask: () => Promise<T>
  /** Nobody picked it: the run went on. */
  patient: boolean
}

/**
 * Answers to questions that take a kernel's time: one is on its way at a time, and of those that come meanwhile only the
 * last is asked.
 */
export class Latest<T> {
  /** Counts what came: see `subscribe`. */
  version = 0
  readonly #most: number
  readonly #answers = new Map<string, Answer<T>>()
  readonly #listeners = new Set<() => void>()
  #under: string | null = null
  #next: Question<T> | null = null
  #restUntil = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param most answers that are kept */
  constructor(most: number) {
    this.#most = most
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get(key: string): Answer<T> | undefined {
    return this.#answers.get(key)
  }

  /** Asks this next, instead of what was to be asked next; not at all if its answer is known. */
  want(key: string, ask: () => Promise<T>, { patient = false } = {}): void {
    clearTimeout(this.#timer)
    this.#next = this.#answers.has(key) || this.#under === key ? null : { key, ask, patient }
    this.#pump()
  }

  /** Nothing more is wanted. */
  rest(): void {
    clearTimeout(this.#timer)
    this.#next = null
  }

  /** Forgets an answer, so that it can be asked for again. */
  forget(key: string): void {
    if (this.#answers.delete(key)) this.#changed()
  }

  #pump(): void {
    if (this.#under !== null || !this.#next) return
    const wait = this.#next.patient ? this.#restUntil - performance.now() : 0
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#pump(), wait)
      return
    }
    const question = this.#next
    this.#next = null
    void this.#ask(question)
  }

  async #ask({ key, ask }: Question<T>): Promise<void> {
    this.#under = key
    const begun = performance.now()
    let answer: Answer<T>
    try {
      answer = { value: await ask() }
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) }
    }
    const now = performance.now()
    this.#restUntil = now + (now - begun) * (1 / SHARE - 1)
    this.#under = null
    this.#answers.set(key, answer)
    if (this.#answers.size > this.#most) this.#answers.delete(this.#answers.keys().next().value!)
    this.#changed()
    this.#pump()
  }

  #changed(): void {
    this.version++
    for (const listener of this.#listeners) listener()
  }
}
