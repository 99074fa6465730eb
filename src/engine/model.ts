import { join } from 'node:path'
import pLimit from 'p-limit'
import { HarnessError, InputError } from '../errors.js'
import { type Adapter, type AdapterConfig, ranksOf } from '../lora/adapter.js'
import { adapterFolder } from '../lora/folder.js'
import { LoRAHandle, type Skip, skip, type TrainingSummary } from '../lora/handle.js'
import { selectModules } from '../lora/modules.js'
import { type BaseModel, writePeft } from '../lora/peft.js'
import type { Generation, Message } from '../protocol/index.js'
import { layoutOf, type ParameterLayout } from '../rules/lora.js'
import { type Encoder, makeBatch, requireTokens, type TrainingItem } from './batch.js'
import { trainingGraph } from './compile.js'
import { encoderOf } from './encoder.js'
import { type GenerateOptions, generate, makeDecoder, requireGenerateOptions } from './generate.js'
import { forward, loraFeeds, negativeLogLikelihood } from './infer.js'
import { FILES, loadParts, type ModelDType, type Parts } from './load.js'
import { type FinetuneOptions, finetuneDefaults, requireFinetuneOptions, withDefaults } from './options.js'
import { Residents } from './residents.js'
import { createSession, type Feeds, type Session } from './session.js'
import { flatten, freshAdapter, gradient, train, unflatten } from './train.js'

export type { FinetuneOptions, GenerateOptions, ModelDType, TrainingItem }

export interface LoadOptions {
  /** `auto` is the CPU, the one device served so far. */
  device?: 'auto' | 'cpu'
  dtype?: ModelDType
}

type Lora = LoRAHandle | null | undefined

/**
 * An exported decoder that answers with LoRA adapters, and trains them, in ONNX Runtime.
 *
 * Calls may overlap; they are served one after the other.
 */
export class LoRAModel {
  readonly id: string
  readonly device = 'cpu'
  readonly dtype: ModelDType
  readonly contextLength: number
  readonly #parts: Parts
  readonly #decoder: ReturnType<typeof makeDecoder>
  readonly #encoder: Encoder
  /** One call at a time: the adapter in use is the session's state. */
  readonly #queue = pLimit(1)
  readonly #residents: Residents
  readonly #trainers = new Map<string, Promise<Session>>()
  readonly #noLora: Feeds
  #current: Feeds
  #disposed = false

  static readonly #loaded = new Map<string, Promise<LoRAModel>>()

  /**
   * Loads a model; the same arguments give the same object.
   *
   * @param idOrFolder the embedded model's id, a folder in transformers.js layout, or a hub id
   * @throws InputError for an unknown id, a folder without the files, a graph that is not supported, a damaged file
   */
  static async load(idOrFolder: string, options: LoadOptions = {}): Promise<LoRAModel> {
    const { device = 'auto', dtype = 'fp32' } = options
    if (device !== 'auto' && device !== 'cpu')
      throw new InputError(`loading ${idOrFolder}: device ${JSON.stringify(device)} is not served; use 'cpu' or 'auto'`)
    if (!Object.hasOwn(FILES, dtype))
      throw new InputError(
        `loading ${idOrFolder}: dtype ${JSON.stringify(dtype)} is not served; use ${Object.keys(FILES).join(' or ')}`,
      )
    const key = `${idOrFolder}\n${dtype}`
    const loading = LoRAModel.#loaded.get(key) ?? loadParts(idOrFolder, dtype).then(parts => new LoRAModel(parts, key))
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
    this.dtype = parts.dtype
    this.#encoder = encoderOf(parts)
    this.contextLength = this.#encoder.contextLength
    this.#residents = new Residents(parts)
    this.#noLora = loraFeeds(parts.groups, null)
    this.#current = this.#noLora
    this.#decoder = makeDecoder(parts.config, parts.generationConfig, parts.session, () => this.#current)
  }

  /**
   * Answers with an adapter, or as the base model if `lora` is null or left out.
   *
   * @throws InputError for a prompt that does not fit, an adapter of another model, options out of range
   */
  async generate(messages: readonly Message[], options: GenerateOptions & { lora?: Lora } = {}): Promise<Generation> {
    const { lora, ...rest } = options
    requireGenerateOptions(rest)
    return this.#serve(async () => {
      this.#use(lora)
      return generate(this.#decoder, this.#parts.tokenizer, this.#encoder.prompt(messages), this.contextLength, rest)
    })
  }

  /** Mean loss of an answer's tokens, the one that ends the turn included [nats/token]. */
  score(
    messages: readonly Message[],
    target: string,
    options: { lora?: Lora } = {},
  ): Promise<{ nll: number; tokens: number }> {
    return this.#serve(() => this.#score({ messages, target }, this.#use(options.lora)))
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
    input: TrainingItem | readonly TrainingItem[],
  ): Promise<{ loss: number; grads: Map<string, Float32Array> }> {
    return this.#serve(async () => {
      const adapter = this.#residents.get(lora).adapter
      const { session, layout } = await this.#trainer(adapter)
      const { loss, gradient: flat } = await gradient(
        session,
        flatten(adapter, layout),
        layout,
        adapter.config,
        makeBatch(toItems(input), this.#encoder),
      )
      return { loss, grads: new Map([...unflatten(flat, layout)].map(([name, t]) => [name, t.data])) }
    })
  }

  /**
   * Trains a new version of an adapter: AdamW, from fresh optimizer state, on one item or on several as one batch.
   * The given adapter is not changed. `lora` null starts a new one.
   *
   * @returns the new adapter, saved as a PEFT folder; or a Skip if a loss or gradient was not finite, with nothing saved
   * @throws InputError for bad items or options, a rank or alpha other than the given adapter's
   */
  async finetune(
    lora: Lora,
    input: TrainingItem | readonly TrainingItem[],
    options: FinetuneOptions = {},
  ): Promise<LoRAHandle | Skip> {
    requireFinetuneOptions(options)
    return this.#serve(async () => {
      const batch = makeBatch(toItems(input), this.#encoder)
      const from = lora ? this.#continued(lora, options) : this.#fresh(options)
      const { session, layout } = await this.#trainer(from)
      const o = withDefaults(options)
      const run = await train(session, flatten(from, layout), layout, from.config, batch, o)
      if (run.nonFiniteAt !== undefined)
        return skip(`non-finite ${Number.isFinite(run.losses.at(-1)) ? 'gradient' : 'loss'} at step ${run.nonFiniteAt}`)
      if (!run.theta.every(Number.isFinite)) return skip(`non-finite weights after step ${o.steps}`)
      const made = this.#residents.prepare({ config: from.config, tensors: unflatten(run.theta, layout) })
      const after = await this.#score(toItems(input)[0]!, made.feeds)
      if (!Number.isFinite(after.nll)) return skip(`non-finite loss after step ${o.steps}`)
      const training: TrainingSummary = {
        losses: run.losses,
        gradientNorms: run.gradientNorms,
        stepMs: run.stepMs,
        targetLoss: { before: run.firstItemBefore, after: after.nll },
      }
      const { identifier, path } = writePeft(made.adapter, adapterFolder(), this.#base)
      const handle = new LoRAHandle({ identifier, path, metadata: { training } })
      this.#residents.add(identifier, made)
      return handle
    })
  }

  /** Frees the sessions. The model cannot be used afterwards. */
  async dispose(): Promise<void> {
    LoRAModel.#loaded.delete(this.#key)
    await this.#queue(async () => {
      if (this.#disposed) return
      this.#disposed = true
      await this.#parts.session.release()
      for (const trainer of this.#trainers.values()) await (await trainer).release()
      this.#trainers.clear()
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

  get #base(): BaseModel {
    return { name: this.id, fingerprint: this.#parts.fingerprint }
  }

  /** Makes an adapter the one that the session answers with. */
  #use(lora: Lora): Feeds {
    this.#current = lora ? this.#residents.get(lora).feeds : this.#noLora
    return this.#current
  }

  #fresh({
    rank = finetuneDefaults.rank,
    alpha = finetuneDefaults.alpha,
    rslora = false,
    targetModules,
    seed = 0,
  }: FinetuneOptions): Adapter {
    const config: AdapterConfig = { r: rank, alpha, rslora, rankPattern: {}, alphaPattern: {} }
    return freshAdapter(config, selectModules(this.#parts.sites, targetModules), seed)
  }

  #continued(lora: LoRAHandle, { rank, alpha, rslora, targetModules }: FinetuneOptions): Adapter {
    const adapter = this.#residents.get(lora).adapter
    const { config } = adapter
    for (const [name, asked, has] of [
      ['rank', rank, config.r],
      ['alpha', alpha, config.alpha],
      ['rslora', rslora, config.rslora],
    ] as const)
      if (asked !== undefined && asked !== has)
        throw new InputError(
          `finetune: ${name} ${asked} was asked for, but adapter ${lora.identifier.slice(0, 12)} has ${has}; leave it out to continue this adapter, or pass null to start a new one`,
        )
    if (targetModules && selectModules(this.#parts.sites, targetModules).length !== ranksOf(adapter).size)
      throw new InputError(
        `finetune: targetModules other than those of adapter ${lora.identifier.slice(0, 12)}; leave it out to continue this adapter`,
      )
    return adapter
  }

  /** A training session for the modules and ranks of an adapter; made once for each such set. */
  async #trainer(adapter: Adapter): Promise<{ session: Session; layout: ParameterLayout }> {
    const { exported, sites, folder, id } = this.#parts
    const layout = layoutOf(sites, ranksOf(adapter))
    const key = JSON.stringify(layout.tensors.map(t => [t.name, t.dims]))
    const trainer =
      this.#trainers.get(key) ??
      createSession(trainingGraph(exported, sites, layout), `the training graph of ${id}`, {
        weights: join(folder, 'onnx'),
        purpose: 'training',
      })
    this.#trainers.set(key, trainer)
    trainer.catch(() => this.#trainers.delete(key))
    return { session: await trainer, layout }
  }

  async #score(item: TrainingItem, feeds: Feeds): Promise<{ nll: number; tokens: number }> {
    const { inputIds, dims, positions, targets } = makeBatch([item], this.#encoder)
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

const toItems = (input: TrainingItem | readonly TrainingItem[]): readonly TrainingItem[] =>
  Array.isArray(input) ? input : [input as TrainingItem]
