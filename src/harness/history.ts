import { InputError } from '../errors.js'
import type { Branch, Probing } from '../protocol/index.js'
import { Lineage } from './leaks.js'
import type { ExampleResult } from './step.js'
import { LoRAStore } from './store.js'

/** A branch with its results and probings: those of its parent from before it left, then its own. */
export type FinishedBranch = Branch & {
  readonly results: readonly ExampleResult[]
  readonly probings: readonly Probing[]
}

/** The branch that a run begins with. */
export const MAIN: Branch = Object.freeze({ name: 'main', parent: null, at: 0, skipUpdates: Object.freeze([]) })

/** Where a new branch leaves, and how it differs. */
export interface Leave {
  /** Example before which it leaves (0 … results.length). */
  at: number
  /** `branch-1`, `branch-2` … by default. */
  name?: string | undefined
  /** Indices of examples that are answered and scored, but not learned from; none by default. */
  skipUpdates?: readonly number[] | undefined
}

/**
 * The state of a run: what is finished, and which adapters that left behind.
 *
 * Adapters never change, so the state before example k is the first k results and nothing else.
 */
export class History {
  #branch: Branch
  #results: readonly ExampleResult[]
  #probings: readonly Probing[]
  #store: LoRAStore
  #lineage: Lineage
  #left: readonly FinishedBranch[]
  /** Names of all branches of the run; forks share it. */
  readonly #names: Set<string>

  /** @param left other branches of the run */
  constructor(
    branch: Branch = MAIN,
    results: readonly ExampleResult[] = [],
    probings: readonly Probing[] = [],
    left: readonly FinishedBranch[] = [],
    names = new Set([...left.map(({ name }) => name), branch.name]),
  ) {
    this.#branch = branch
    this.#names = names
    this.#left = left
    this.#results = Object.freeze([...results])
    this.#probings = Object.freeze([...probings])
    this.#store = new LoRAStore()
    this.#lineage = new Lineage()
    for (const result of results) this.#remember(result)
  }

  get branch(): Branch {
    return this.#branch
  }

  get results(): readonly ExampleResult[] {
    return this.#results
  }

  /** By rising `at`. */
  get probings(): readonly Probing[] {
    return this.#probings
  }

  get store(): LoRAStore {
    return this.#store
  }

  /** What the adapters of the results were trained on. */
  get lineage(): Lineage {
    return this.#lineage
  }

  /** Every branch that was rewound, then the current one. */
  get branches(): readonly FinishedBranch[] {
    return [...this.#left, { ...this.#branch, results: this.#results, probings: this.#probings }]
  }

  /** Takes the name of its branch: no other branch may have it from now on. */
  begin(): void {
    this.#names.add(this.#branch.name)
  }

  append(result: ExampleResult): void {
    this.#results = Object.freeze([...this.#results, result])
    this.#remember(result)
  }

  /** Takes in what the probes scored before the next example. */
  appendProbing(probing: Probing): void {
    this.#probings = Object.freeze([...this.#probings, probing])
  }

  /** Goes on as one of its forks; the branch so far is left. */
  become(fork: History): void {
    this.#left = this.branches
    this.#branch = fork.branch
    this.#results = fork.results
    this.#probings = fork.probings
    this.#store = fork.store
    this.#lineage = fork.lineage
  }

  /**
   * A history of its own from the state before an example.
   *
   * @throws InputError if `at` or one of `skipUpdates` is not an index that the branch can have, or the run has a branch
   *   of that name
   */
  fork({ at, name = `branch-${this.#names.size}`, skipUpdates = [] }: Leave): History {
    const { length } = this.#results
    const leaving = `leaving branch ${this.#branch.name} at example ${at}`
    if (!Number.isInteger(at) || at < 0 || at > length)
      throw new InputError(`${leaving}: it must be an integer from 0 to ${length}`)
    const wrong = skipUpdates.find(index => !Number.isInteger(index) || index < at)
    if (wrong !== undefined)
      throw new InputError(`${leaving}: skipUpdates has ${wrong}; it must hold indices of examples from ${at} on`)
    if (name === '') throw new InputError(`${leaving}: its name is empty`)
    if (this.#names.has(name)) throw new InputError(`naming a branch ${name}: the run has one of that name already`)
    const branch = Object.freeze({ name, parent: this.#branch.name, at, skipUpdates: Object.freeze([...skipUpdates]) })
    // Probes that were asked before example `at` were asked with the state that the branch begins with.
    const probings = this.#probings.filter(probing => probing.at <= at)
    return new History(branch, this.#results.slice(0, at), probings, [], this.#names)
  }

  #remember(result: ExampleResult): void {
    const { example, updatedLora, retrievedLora, metrics, response } = result
    this.#store.record({ example, handle: updatedLora ?? retrievedLora, metrics, response })
    this.#lineage.add(result)
  }
}
