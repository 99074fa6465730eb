import { InputError } from '../errors.js'
import { type Adapter, identify, requireFit } from '../lora/adapter.js'
import type { LoRAHandle } from '../lora/handle.js'
import { readPeft } from '../lora/peft.js'
import { loraFeeds } from './infer.js'
import type { Parts } from './load.js'
import type { Feeds } from './session.js'

/** An adapter in memory, as PEFT's tensors and as the inputs of the inference graph. */
export interface Resident {
  adapter: Adapter
  feeds: Feeds
}

/** At most so many are kept, the ones used last. */
const MOST = 32

/** The adapters of one model that are in memory. */
export class Residents {
  readonly #parts: Parts
  readonly #kept = new Map<string, Resident>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * The adapter that a handle names, from its folder unless it is in memory.
   *
   * @throws InputError if it cannot be read, was altered, or is of another model
   */
  get({ identifier, path }: LoRAHandle): Resident {
    // Only an identifier that is a hash of the content says for ever what is in it; others are read anew.
    const hashed = /^[0-9a-f]{64}$/.test(identifier)
    const known = hashed ? this.#kept.get(identifier) : undefined
    if (known) return this.#keep(identifier, known)
    if (!path) throw new InputError(`adapter ${identifier}: it has no path, so its weights cannot be read`)
    const { id, sites, fingerprint } = this.#parts
    const { adapter, base } = readPeft(path)
    const name = identifier.slice(0, 12)
    if (hashed && identify(adapter) !== identifier)
      throw new InputError(
        `adapter ${name}: the files in ${path} hold other weights (${identify(adapter).slice(0, 12)}); they were altered`,
      )
    const modules = sites.flatMap(s => s.modules)
    requireFit(adapter, modules, id)
    if (base.fingerprint !== '' && base.fingerprint !== fingerprint)
      process.emitWarning(
        `adapter ${name} was trained on another base model (${base.name || 'unnamed'}, ${base.fingerprint.slice(0, 12)}) than ${id} (${fingerprint.slice(0, 12)}); its answers may be nonsense`,
        { code: 'LORA_BASE' },
      )
    return this.#keep(identifier, this.prepare(adapter))
  }

  /** An adapter in both forms, not kept. */
  prepare(adapter: Adapter): Resident {
    return { adapter, feeds: loraFeeds(this.#parts.groups, adapter) }
  }

  /** Keeps a new adapter. */
  add(identifier: string, resident: Resident): void {
    this.#keep(identifier, resident)
  }

  clear(): void {
    this.#kept.clear()
  }

  #keep(identifier: string, resident: Resident): Resident {
    this.#kept.delete(identifier)
    this.#kept.set(identifier, resident)
    if (this.#kept.size > MOST) this.#kept.delete(this.#kept.keys().next().value!)
    return resident
  }
}
