import { platform } from '#platform'
import { InputError } from '../errors.js'
import { type Adapter, identify, requireFit } from '../lora/adapter.js'
import { baseMismatch } from '../lora/format.js'
import type { LoRAHandle } from '../lora/handle.js'
import { modulesIn } from '../rules/lora.js'
import { loraFeeds } from './infer.js'
import type { Parts } from './load.js'
import { keep } from './recent.js'
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
  get(handle: LoRAHandle): Resident {
    const { identifier } = handle
    // Only an identifier that is a hash of the content says for ever what is in it; others are read anew.
    const hashed = /^[0-9a-f]{64}$/.test(identifier)
    const known = hashed ? this.#kept.get(identifier) : undefined
    if (known) return this.#keep(identifier, known)
    const { id, sites, fingerprint } = this.#parts
    const { adapter, base } = platform.readAdapter(handle)
    const name = identifier.slice(0, 12)
    if (hashed && identify(adapter) !== identifier)
      throw new InputError(
        `adapter ${name}: the files in ${handle.path} hold other weights (${identify(adapter).slice(0, 12)}); they were altered`,
      )
    requireFit(adapter, modulesIn(sites), id)
    const mismatch = baseMismatch(base, { name: id, fingerprint })
    if (mismatch) platform.warn(`adapter ${name} was ${mismatch}`, 'LORA_BASE')
    const resident = this.prepare(adapter)
    return hashed ? this.#keep(identifier, resident) : resident
  }

  /** An adapter in both forms, not kept. */
  prepare(adapter: Adapter): Resident {
    return { adapter, feeds: loraFeeds(this.#parts.groups, adapter, this.#parts.device) }
  }

  /** Keeps a new adapter. */
  add(identifier: string, resident: Resident): void {
    this.#keep(identifier, resident)
  }

  clear(): void {
    this.#kept.clear()
  }

  #keep(identifier: string, resident: Resident): Resident {
    keep(this.#kept, identifier, resident, MOST)
    return resident
  }
}
