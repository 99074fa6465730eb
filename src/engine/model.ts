import pLimit from 'p-limit'
import { platform } from '#platform'
import { HarnessError } from '../errors.js'
import type { TrainingNotes } from '../lora/card.js'
import type { BaseModel } from '../lora/format.js'
import { LoRAHandle, type Skip, type TrainingSummary, type Truncated } from '../lora/handle.js'
import type { ModelDType } from '../models/dtypes.js'
import type { Generation, Message } from '../protocol/index.js'
import { type Encoder, encodeItems, makeBatch, type Row, requireTokens, type TrainingItem } from './batch.js'
import { encoderOf } from './encoder.js'
import { type GenerateOptions, generate, makeDecoder, requireGenerateOptions } from './generate.js'
import { forward, loraFeeds, negativeLogLikelihood } from './infer.js'
import { findModel, loadParts, type Parts } from './load.js'
import {
  type FinetuneOptions,
  type ItemOptions,
  requireItemOptions,
  type StepProgress,
  type TemplateOptions,
} from './options.js'
import type { Device } from './platform.js'
import { withPrefixes } from './prefix.js'
import { type Resident, Residents } from './residents.js'
import type { Feeds } from './session.js'
import { Trainer, type TrainingInput } from './trainer.js'

export type {
  Device,
  FinetuneOptions,
  GenerateOptions,
  ItemOptions,
  ModelDType,
  StepProgress,
  TemplateOptions,
  TrainingItem,
}

export interface LoadOptions {
  /** `auto`, the default: the fastest that answers a probe. One asked for by name is that one, or an error. */
  device?: Device | 'auto'
  /** `auto`, the default: of the model's files the most exact one that the device can compute with. */
  dtype?: ModelDType | 'auto'
}

type Lora = LoRAHandle | null | undefined

/**
 * An exported decoder that answers with LoRA adapters, and trains them, in ONNX Runtime.
 *
 * Calls may overlap; they are served one after the other.
 */
export class LoRAModel {
  readonly id: string
  readonly device: Device
  /** Why this device, in words. */
  readonly deviceReason: string
  readonly dtype: ModelDType
  readonly contextLength: number
  readonly #parts: Parts
  readonly #decoder: ReturnType<typeof makeDecoder>
  readonly #encoder: Encoder
  /** One call at a time: the adapter in use is the session's state. */
  readonly #queue = pLimit(1)
  readonly #residents: Residents
  readonly #trainer: Trainer
  readonly #noLora: Feeds
  #current: Feeds
  #disposed = false

  static readonly #loaded = new Map<string, Promise<LoRAModel>>()

  /**
   * Loads a model; the same files on the same device are the same object.
   *
   * @param idOrFolder the embedded model's id, a folder in transformers.js layout, or a hub id
   * @throws InputError for an unknown id, a folder without the files, a graph that is not supported, a damaged file, a
   * device that cannot serve
   */
  static async load(idOrFolder: string, options: LoadOptions = {}): Promise<LoRAModel> {
    const found = await findModel(idOrFolder, options)
    const key = [found.files.place, found.files.dtype, found.choice.device].join('\n')
    const loading = LoRAModel.#loaded.get(key) ?? loadParts(found).then(parts => new LoRAModel(parts, key))
    LoRAModel.#loaded.set(key, loading)
    // A failed load may be tried again.
    loading.catch(() => LoRAModel.#loaded.delete(key))
    return loading
  }

  readonly #key: string

  private constructor(parts: Parts, key: string) {
    this.#parts = parts
    this.#key = key
    this.id = parts.id
    this.device = parts.device
    this.deviceReason = parts.deviceReason
    this.dtype = parts.dtype
    this.#encoder = encoderOf(parts)
    this.contextLength = this.#encoder.contextLength
    this.#residents = new Residents(parts)
    this.#trainer = new Trainer({
      parts,
      encoder: this.#encoder,
      residents: this.#residents,
      score: (row, feeds) => this.#score(row, feeds),
      save: (made, training, notes) => this.#save(made, training, notes),
    })
    this.#noLora = loraFeeds(parts.groups, null, parts.device)
    this.#current = this.#noLora
    // On WebGPU keys and values stay on the device, where they cannot be cut.
    const { session } = parts
    const run =
      parts.device === 'webgpu'
        ? (feeds: Feeds, lora: Feeds) => session.run({ ...feeds, ...lora }) as Promise<Feeds>
        : withPrefixes(session)
    this.#decoder = makeDecoder(parts.config, parts.generationConfig, parts.session, feeds => run(feeds, this.#current))
  }

  /**
   * Answers with an adapter, or as the base model if `lora` is null or left out.
   *
   * @throws InputError for a prompt that does not fit, an adapter of another model, options out of range
   */
  async generate(
    messages: readonly Message[],
    options: GenerateOptions & { lora?: Lora; template?: TemplateOptions } = {},
  ): Promise<Generation> {
    const { lora, template, ...rest } = options
    requireGenerateOptions(rest)
    return this.#serve(async () => {
      this.#use(lora)
      const prompt = this.#encoder.prompt(messages, template)
      return generate(this.#decoder, this.#parts.tokenizer, prompt, this.contextLength, rest)
    })
  }

  /**
   * Mean loss of an answer's tokens, the one that ends the turn included [nats/token].
   *
   * @returns `truncated` if the options let it be cut and it was
   */
  async score(
    messages: readonly Message[],
    target: string,
    { lora, ...options }: ItemOptions & { lora?: Lora } = {},
  ): Promise<{ nll: number; tokens: number; truncated?: Truncated }> {
    requireItemOptions('score', options)
    return this.#serve(async () => {
      const row = encodeItems([{ messages, target }], this.#encoder, options)[0]!
      const found = await this.#score(row, this.#use(lora))
      return row.truncated ? { ...found, truncated: row.truncated } : found
    })
  }

  /**
   * Logits [T, V] of a sequence, one row a token, with an adapter or without.
   *
   * @throws InputError for an empty sequence, one that does not fit the context, an id outside the vocabulary
   */
  async logits(
    inputIds: readonly number[],
    options: { lora?: Lora } = {},
  ): Promise<{ data: Float32Array; dims: [number, number] }> {
    requireTokens(inputIds, 'logits', this.#encoder)
    return this.#serve(() => forward(this.#parts.session, this.#use(options.lora), inputIds, 0))
  }

  /**
   * Loss of an item or a batch [nats/token] and its gradient for every tensor of an adapter, by PEFT name:
   * lora_A [r, in], lora_B [out, r].
   */
  gradients(
    lora: LoRAHandle,
    input: TrainingInput,
    options: ItemOptions = {},
  ): Promise<{ loss: number; grads: Map<string, Float32Array> }> {
    return this.#serve(() => this.#trainer.gradients(lora, input, options))
  }

  /**
   * Trains a new version of an adapter: AdamW, on one item or on several, as one batch or in batches of `batchSize`.
   * The given adapter is not changed. `lora` null starts a new one. The model need not be loaded anew, nor its training
   * graph compiled again, for other settings: only another set of modules or another rank makes a new session.
   *
   * @returns the new adapter, saved as a PEFT folder; or a Skip if a loss or gradient was not finite, with nothing saved
   * @throws InputError for bad items or options, a rank or alpha other than the given adapter's
   */
  async finetune(lora: Lora, input: TrainingInput, options: FinetuneOptions = {}): Promise<LoRAHandle | Skip> {
    return this.#serve(() => this.#trainer.finetune(lora, input, options))
  }

  /** Frees the sessions. The model cannot be used afterwards. */
  async dispose(): Promise<void> {
    LoRAModel.#loaded.delete(this.#key)
    await this.#queue(async () => {
      if (this.#disposed) return
      this.#disposed = true
      await this.#parts.session.release()
      await this.#trainer.release()
      this.#residents.clear()
    })
  }

  /** Runs a call when those before it are done. */
  #serve<T>(call: () => Promise<T>): Promise<T> {
    return this.#queue(() => {
      if (this.#disposed) throw new HarnessError(`${this.id}: the model was disposed; load it again`)
      return call()
    })
  }

  /** Saves a new adapter, and keeps it in memory. */
  #save(made: Resident, training: TrainingSummary, notes: TrainingNotes): LoRAHandle {
    const saved = platform.saveAdapter(made.adapter, this.#base, notes)
    this.#residents.add(saved.identifier, made)
    return new LoRAHandle({ ...saved, metadata: { training } })
  }

  get #base(): BaseModel {
    return { name: this.id, fingerprint: this.#parts.fingerprint }
  }

  /** Makes an adapter the one that the session answers with. */
  #use(lora: Lora): Feeds {
    this.#current = lora ? this.#residents.get(lora).feeds : this.#noLora
    return this.#current
  }

  /** Mean loss of a row's supervised tokens [nats/token]. */
  async #score(row: Row, feeds: Feeds): Promise<{ nll: number; tokens: number }> {
    const { inputIds, dims, positions, targets } = makeBatch([row])
    const keep = dims[1] - positions[0]!
    const {
      data,
      dims: [n, V],
    } = await forward(this.#parts.session, feeds, inputIds, keep)
    const total = targets.reduce((sum, target, i) => {
      const row = positions[i]! - (dims[1] - n)
      return sum + negativeLogLikelihood(data.subarray(row * V, (row + 1) * V), target)
    }, 0)
    return { nll: total / targets.length, tokens: targets.length }
  }
}
