/** What was cut from an item that was longer than `maxLength`. */
export interface Truncated {
  /** Its position among the items. */
  item: number
  side: 'left' | 'right'
  /** Tokens it had. */
  length: number
  /** Tokens cut. */
  tokens: number
  /** Supervised tokens lost. */
  supervised: number
}

import { InputError } from '../errors.js'

/** What training an adapter of ours left behind; shown in the step that made it. */
export interface TrainingSummary {
  /** Options of the call with their defaults, under the names of `FinetuneOptions`. */
  hyperparameters: Readonly<Record<string, string | number | null | readonly number[]>>
  /** Loss before each optimizer step, over its batch [nats/token]. */
  losses: number[]
  /** Global norm of the gradient before clipping, per optimizer step. */
  gradientNorms: number[]
  /** Learning rate of each optimizer step. */
  learningRates: number[]
  /** Wall time of each optimizer step [ms]. */
  stepMs: number[]
  /** Loss on the first item alone, before and after the update [nats/token]. */
  targetLoss: { before: number; after: number }
  /** Items that were cut to `maxLength`. */
  truncated: readonly Truncated[]
  /** SHA-256 of every chat that was learned, up to its answer (`chatHash`): tells whether an example was trained on. */
  items: readonly string[]
}

export interface LoRAHandleInit {
  /** Names the adapter. Two handles with one identifier are the same adapter. */
  identifier: string
  /** Absolute path of a PEFT folder, if the adapter lies in one. */
  path?: string
  /** For `LoRAStore.searchByEmbedding`. */
  embedding?: readonly number[]
  metadata?: Readonly<Record<string, unknown>>
}

let find = async (source: string): Promise<LoRAHandle> => {
  throw new InputError(
    `LoRAHandle.fromPeft(${JSON.stringify(source)}): here are neither folders nor a hub; this works in Node, with LoRAHandle from 'lora-harness'`,
  )
}

/** How this platform finds an adapter by folder or hub id; the package's entry for Node sets it. */
export const setAdapterSource = (source: (folderOrId: string) => Promise<LoRAHandle>): void => {
  find = source
}

/**
 * Names one adapter, whoever serves it.
 *
 * Handles of this project's own adapters have as identifier a hash of their tensors and settings, so an identifier
 * never means two different adapters. Handles for another stack may use any text.
 */
export class LoRAHandle {
  readonly identifier: string
  readonly path?: string
  readonly embedding?: readonly number[]
  readonly metadata: Readonly<Record<string, unknown>>

  /** @throws TypeError if the identifier is empty */
  constructor(init: LoRAHandleInit) {
    if (typeof init.identifier !== 'string' || init.identifier === '')
      throw new TypeError(`LoRAHandle: identifier must be a non-empty string, found ${JSON.stringify(init.identifier)}`)
    this.identifier = init.identifier
    if (init.path !== undefined) this.path = init.path
    if (init.embedding !== undefined) this.embedding = init.embedding
    this.metadata = init.metadata ?? {}
    Object.freeze(this)
  }

  /**
   * The adapter in a folder in PEFT's format, or in a repository of the hub (downloaded once). Its metadata have the
   * name of its base model, as the adapter says it.
   *
   * @throws InputError if there is no such folder or repository, or what it holds cannot be used
   */
  static fromPeft(folderOrId: string): Promise<LoRAHandle> {
    return find(folderOrId)
  }
}

/** Returned by a `finetuneFn` that chose not to train: the step's outcome is *skipped*, never *updated*. */
export class Skip {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** `return skip('answer was right')` from a `finetuneFn`. */
export const skip = (reason: string): Skip => new Skip(reason)
