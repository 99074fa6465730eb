import { type BaselineFn, type Callables, type FinetuneFn, InputError, type LoRAHarness } from 'lora-harness'
import { transport } from '../place.js'
import type { Cell } from '../transport.js'
import type { Sources } from './sources.js'

export const CALLABLES = ['retrieveLoraFn', 'inferenceFn', 'finetuneFn'] as const
type Name = (typeof CALLABLES)[number]
export type Baselines = Record<string, BaselineFn>

/** Functions that give a callable when it is needed: a name in them is looked up then, whichever cell declares it. */
export type Thunks = { [K in Name]?: () => Callables[K] } & { baselines?: () => Baselines }

type AnyFn = (...args: never[]) => unknown

/** The callables of a harness of a notebook: those that were set last, resolved at the begin of each example. */
export class LiveCallables {
  /** Lines of cells in which finetuneFn failed, by the index of the example. */
  readonly failures = new Map<number, string>()
  readonly #sources: Sources
  readonly #thunks = new Map<Name | 'baselines', () => unknown>()
  /** The cells that set them. */
  readonly #cells = new Map<string, Cell | undefined>()

  constructor(callables: Callables & { baselines?: Baselines | undefined }, sources: Sources) {
    this.#sources = sources
    for (const name of CALLABLES) this.set(name, callables[name])
    this.setBaselines(callables.baselines ?? {})
  }

  /** The same callables, but for some; what is set later is set in one of them only. */
  copy(callables: Partial<Callables & { baselines: Baselines }>): LiveCallables {
    const copy = new LiveCallables({ ...this.all, baselines: this.baselines }, this.#sources)
    for (const [name, thunk] of this.#thunks) copy.#thunks.set(name, thunk)
    for (const [name, cell] of this.#cells) copy.#cells.set(name, cell)
    copy.change(callables)
    return copy
  }

  /** Sets those that are given. @throws InputError if one is no function */
  change({ baselines, ...callables }: Partial<Callables & { baselines: Baselines }>): void {
    for (const name of CALLABLES) if (callables[name] !== undefined) this.set(name, callables[name])
    if (baselines !== undefined) this.setBaselines(baselines)
  }

  /** @throws InputError if it is no function */
  set<K extends Name>(name: K, callable: Callables[K]): void {
    requireFunction(name, callable)
    this.#thunks.set(name, () => callable)
    this.#cells.set(name, transport().currentCell())
  }

  /** @throws InputError if one is no function */
  setBaselines(baselines: Baselines): void {
    for (const [name, baseline] of Object.entries(baselines)) requireFunction(`baselines.${name}`, baseline)
    this.#thunks.set('baselines', () => baselines)
  }

  /** @throws InputError if one is no function, or does not give one now */
  use(thunks: Thunks): void {
    for (const [name, thunk] of Object.entries(thunks)) {
      if (!(CALLABLES as readonly string[]).includes(name) && name !== 'baselines')
        throw new InputError(`use(): there is no callable ${name}; there are ${CALLABLES.join(', ')} and baselines`)
      requireFunction(`use(): ${name}`, thunk)
      const given: unknown = thunk()
      if (name !== 'baselines') requireFunction(`use(): what ${name} gives`, given)
      this.#thunks.set(name as Name, thunk)
      this.#cells.set(name, transport().currentCell())
    }
  }

  /** The user's function as it is now. */
  get<K extends Name>(name: K): Callables[K] {
    const callable = this.#thunks.get(name)!() as Callables[K]
    requireFunction(name, callable)
    return callable
  }

  get baselines(): Baselines {
    return this.#thunks.get('baselines')!() as Baselines
  }

  /** Text of a callable as it is now, with what it names of the notebook. */
  text(name: Name): string {
    return this.#sources.text(this.get(name))
  }

  /** The same to be read: with the cell that set it, if it is written in none. */
  shown(name: Name): string {
    const cell = this.#cells.get(name)
    if (this.#sources.isOfCell(this.get(name)) || !cell) return this.text(name)
    return `${this.text(name)}\n\n// set in cell [${cell.number}]:\n${cell.code}`
  }

  /** One of them as a harness takes it: its text (`String`) is what hash and diff are made of. */
  #named<K extends Name>(name: K): Callables[K] {
    const callable = this.get(name) as AnyFn
    const same = name === 'finetuneFn' ? this.#noting(callable as FinetuneFn) : (...args: never[]) => callable(...args)
    return Object.assign(same, { toString: () => this.#sources.text(callable) }) as unknown as Callables[K]
  }

  /** A run goes on after a finetuneFn that threw, so the line is noted here. */
  #noting(finetuneFn: FinetuneFn): FinetuneFn {
    return async (...args) => {
      try {
        return await finetuneFn(...args)
      } catch (thrown) {
        const place = transport().where?.(thrown)
        if (place !== undefined) this.failures.set(args[4].index, place)
        throw thrown
      }
    }
  }

  get all(): Callables & { baselines: Baselines } {
    return {
      retrieveLoraFn: this.#named('retrieveLoraFn'),
      inferenceFn: this.#named('inferenceFn'),
      finetuneFn: this.#named('finetuneFn'),
      baselines: this.baselines,
    }
  }

  /** From now on a harness reads its callables here: once at the begin of each example. */
  govern(harness: LoRAHarness): void {
    const read = (name: string, get: () => unknown) =>
      Object.defineProperty(harness, name, { configurable: true, enumerable: true, get })
    for (const name of CALLABLES) read(name, () => this.#named(name))
    read('baselines', () => this.baselines)
  }
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new InputError(`${name} must be a function, found ${typeof value}`)
}
