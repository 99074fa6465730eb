import { InputError } from '../errors.js'
import type { Branch } from './recorder.js'
import type { ExampleResult } from './step.js'
import { LoRAStore } from './store.js'

/** A branch with its results: those of its parent before `at`, then its own. */
export type FinishedBranch = Branch & { readonly results: readonly ExampleResult[] }

/**
 * The state of a run: what is finished, and which adapters that left behind.
 *
 * Adapters never change, so the state before example k is the first k results and nothing else.
 */
export class History {
  #branch: Branch
  #results: readonly ExampleResult[]
  #store: LoRAStore
  #left: readonly FinishedBranch[] = []
  /** Names of all branches of the run; forks share it. */
  readonly #names: Set<string>

  constructor(branch: Branch, results: readonly ExampleResult[] = [], names = new Set([branch.name])) {
    this.#branch = branch
    this.#names = names
    this.#results = Object.freeze([...results])
    this.#store = storeOf(results)
  }

  get branch(): Branch {
    return this.#branch
  }

  get results(): readonly ExampleResult[] {
    return this.#results
  }

  get store(): LoRAStore {
    return this.#store
  }

  /** Every branch that was rewound, then the current one. */
  get branches(): readonly FinishedBranch[] {
    return [...this.#left, { ...this.#branch, results: this.#results }]
  }

  append(result: ExampleResult): void {
    this.#results = Object.freeze([...this.#results, result])
    remember(this.#store, result)
  }

  /** Goes back to the state before example `at`, as a new branch. @throws InputError as `fork` */
  rewind(at: number, name?: string): void {
    const next = this.fork(at, name)
    this.#left = this.branches
    this.#branch = next.branch
    this.#results = next.results
    this.#store = next.store
  }

  /**
   * A history of its own from the state before example `at`.
   *
   * @param name of the new branch; `branch-1`, `branch-2` … by default
   * @throws InputError if `at` lies outside 0 … results.length (inclusive) or the run has a branch of that name
   */
  fork(at: number, name = `branch-${this.#names.size}`): History {
    const { length } = this.#results
    if (!Number.isInteger(at) || at < 0 || at > length)
      throw new InputError(
        `leaving branch ${this.#branch.name} at example ${at}: it must be an integer from 0 to ${length}`,
      )
    if (this.#names.has(name)) throw new InputError(`naming a branch ${name}: the run has one of that name already`)
    this.#names.add(name)
    return new History({ name, parent: this.#branch.name, at }, this.#results.slice(0, at), this.#names)
  }
}

function storeOf(results: readonly ExampleResult[]): LoRAStore {
  const store = new LoRAStore()
  for (const result of results) remember(store, result)
  return store
}

function remember(store: LoRAStore, { example, updatedLora, retrievedLora, metrics, response }: ExampleResult): void {
  store.record({ example, handle: updatedLora ?? retrievedLora, metrics, response })
}
