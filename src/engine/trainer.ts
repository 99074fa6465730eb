import { platform } from '#platform'
import { InputError } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import { type Adapter, type AdapterConfig, ranksOf } from '../lora/adapter.js'
import type { TrainingNotes } from '../lora/card.js'
import { type LoRAHandle, type Skip, skip, type TrainingSummary } from '../lora/handle.js'
import { selectModules } from '../lora/modules.js'
import { itemHashes } from '../lora/trained.js'
import { layoutOf } from '../rules/lora.js'
import { type Encoder, encodeItems, makeBatch, type Row, type TrainingItem } from './batch.js'
import { trainingGraph } from './compile.js'
import type { Parts } from './load.js'
import { freshState, OptimizerStates, updateGraph } from './optimizer.js'
import {
  type FinetuneOptions,
  finetuneDefaults,
  type ItemOptions,
  requireFinetuneOptions,
  requireItemOptions,
  type Settings,
  settingsFor,
} from './options.js'
import { planOf } from './plan.js'
import { keep } from './recent.js'
import type { Resident, Residents } from './residents.js'
import { createSession, type Feeds, float32, type Session } from './session.js'
import { flatten, freshAdapter, gradient, type Learner, train, unflatten } from './train.js'

export type TrainingInput = TrainingItem | readonly TrainingItem[]

/** What a trainer needs of the model that it belongs to. */
export interface Host {
  parts: Parts
  encoder: Encoder
  residents: Residents
  /** Loss on a row with the inputs of an adapter [nats/token]. */
  score(row: Row, feeds: Feeds): Promise<{ nll: number }>
  /** Keeps a new adapter, and names it; the notes are for its card. */
  save(made: Resident, training: TrainingSummary, notes: TrainingNotes): LoRAHandle
}

/** So many sessions are kept: each holds the memory of its largest step, which for a small model is a gigabyte. */
const MOST_SESSIONS = 3

/** Trains the adapters of one model. Sessions are made once for each set of modules and ranks; those used last are kept. */
export class Trainer {
  readonly #host: Host
  readonly #sessions = new Map<string, Promise<Session>>()
  readonly #states = new OptimizerStates(platform.beside)

  constructor(host: Host) {
    this.#host = host
  }

  /** Loss [nats/token] and gradient by PEFT name, of all items together. */
  async gradients(
    lora: LoRAHandle,
    input: TrainingInput,
    options: ItemOptions,
  ): Promise<{ loss: number; grads: Map<string, Float32Array> }> {
    requireItemOptions('gradients', options)
    const { adapter } = this.#host.residents.get(lora)
    const learner = await this.#learner(adapter)
    const batch = makeBatch(encodeItems(toItems(input), this.#host.encoder, options))
    const { loss, gradient: flat } = await gradient(
      learner,
      float32(flatten(adapter, learner.layout), [learner.layout.size]),
      [batch],
    )
    return { loss, grads: new Map([...unflatten(flat, learner.layout)].map(([name, t]) => [name, t.data])) }
  }

  /** See `LoRAModel.finetune`. */
  async finetune(
    lora: LoRAHandle | null | undefined,
    input: TrainingInput,
    options: FinetuneOptions,
  ): Promise<LoRAHandle | Skip> {
    requireFinetuneOptions(options)
    const { residents, score, save } = this.#host
    const items = toItems(input)
    const rows = encodeItems(items, this.#host.encoder, options)
    const settings = settingsFor(options, items.length)
    const from = lora ? this.#continued(lora, options) : this.#fresh(options)
    const learner = await this.#learner(from)
    const { layout } = learner
    const keepsState = settings.optimizerState === 'continue'
    const state = lora && keepsState ? this.#states.get(lora, layout) : freshState(layout.size)
    const plan = planOf(items.length, settings)
    // The first step tells the loss on the first item if it begins with it.
    const asked =
      plan(1)[0]![0] === 0
        ? null
        : await score(rows[0]!, lora ? residents.get(lora).feeds : residents.prepare(from).feeds)

    const run = await train(learner, flatten(from, layout), state, rows, plan, settings)
    if (run.nonFiniteAt !== undefined)
      return skip(`non-finite ${Number.isFinite(run.losses.at(-1)) ? 'gradient' : 'loss'} at step ${run.nonFiniteAt}`)
    if (!run.theta.every(Number.isFinite)) return skip(`non-finite weights after step ${settings.steps}`)
    const made = residents.prepare({ config: from.config, tensors: unflatten(run.theta, layout) })
    const after = await score(rows[0]!, made.feeds)
    if (!Number.isFinite(after.nll)) return skip(`non-finite loss after step ${settings.steps}`)
    const used = new Set(Array.from({ length: settings.steps }, (_, t) => plan(t + 1)).flat(2))
    const training: TrainingSummary = {
      hyperparameters: hyperparametersOf(from.config, settings),
      losses: run.losses,
      gradientNorms: run.gradientNorms,
      learningRates: run.learningRates,
      stepMs: run.stepMs,
      targetLoss: { before: asked?.nll ?? run.firstItemBefore, after: after.nll },
      truncated: rows.flatMap(r => r.truncated ?? []),
      items: items.filter((_, i) => used.has(i)).flatMap(item => itemHashes(item, options.trainOn)),
    }
    const handle = save(made, training, notesOf(settings, rows.length, run.losses))
    // A training that moved nothing (rate 0) leaves the adapter, and so its state, as they were.
    if (keepsState && handle.identifier !== lora?.identifier) this.#states.add(handle, run.state, layout)
    return handle
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release()
    this.#sessions.clear()
    this.#states.clear()
  }

  #fresh({
    rank = finetuneDefaults.rank,
    alpha = finetuneDefaults.alpha,
    rslora = false,
    targetModules,
    seed = 0,
  }: FinetuneOptions): Adapter {
    const config: AdapterConfig = { r: rank, alpha, rslora, rankPattern: {}, alphaPattern: {} }
    return freshAdapter(config, selectModules(this.#host.parts.sites, targetModules), seed)
  }

  #continued(lora: LoRAHandle, { rank, alpha, rslora, targetModules }: FinetuneOptions): Adapter {
    const adapter = this.#host.residents.get(lora).adapter
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
    if (targetModules && selectModules(this.#host.parts.sites, targetModules).length !== ranksOf(adapter).size)
      throw new InputError(
        `finetune: targetModules other than those of adapter ${lora.identifier.slice(0, 12)}; leave it out to continue this adapter`,
      )
    return adapter
  }

  /** What trains the modules and ranks of an adapter. */
  async #learner({ config, tensors }: Adapter): Promise<Learner> {
    const { exported, sites, id } = this.#host.parts
    const layout = layoutOf(sites, ranksOf({ config, tensors }))
    const key = JSON.stringify(layout.tensors.map(t => [t.name, t.dims]))
    const session = await this.#session(key, `the training graph of ${id}`, () =>
      trainingGraph(exported, sites, layout),
    )
    const update = () => this.#session('update', `the optimizer step of ${id}`, updateGraph)
    return { layout, config, session, update }
  }

  /** A session that is made once, and kept while it is among the last used. */
  async #session(key: string, what: string, graph: () => Graph): Promise<Session> {
    const known = this.#sessions.get(key)
    const session =
      known ??
      createSession(graph(), what, {
        weights: this.#host.parts.weights,
        device: this.#host.parts.device,
        purpose: 'training',
        stay: output => output === 'gradient' || output.endsWith('.next'),
      })
    const gone = keep(this.#sessions, key, session, MOST_SESSIONS)
    if (gone) await (await gone).release()
    // A failed one may be tried again.
    session.catch(() => this.#sessions.delete(key))
    return session
  }
}

const toItems = (input: TrainingInput): readonly TrainingItem[] =>
  Array.isArray(input) ? input : [input as TrainingItem]

/** What an adapter's card says of its training. */
/** What of the settings decides what an adapter becomes. */
function hyperparametersOf({ r: rank, alpha }: AdapterConfig, settings: Settings): TrainingSummary['hyperparameters'] {
  const { steps, batchSize, microBatchSize, learningRate, scheduler, warmupSteps, weightDecay } = settings
  const { betas, epsilon, clipNorm, optimizerState, seed } = settings
  return {
    ...{ rank, alpha },
    ...{ steps, batchSize, microBatchSize, learningRate, scheduler, warmupSteps, weightDecay },
    ...{ betas, epsilon, clipNorm, optimizerState, seed },
  }
}

const notesOf = (s: Settings, items: number, losses: readonly number[]): TrainingNotes => ({
  items,
  'optimizer steps': s.steps,
  'batch size': s.batchSize,
  'learning rate': s.learningRate,
  schedule: s.scheduler,
  'warm-up steps': s.warmupSteps,
  'AdamW betas': s.betas.join(', '),
  'AdamW epsilon': s.epsilon,
  'weight decay': s.weightDecay,
  'gradient clipped to norm': s.clipNorm ?? 'not clipped',
  'loss of the first step, nats per token': losses[0]!.toFixed(4),
  'loss of the last step, nats per token': losses.at(-1)!.toFixed(4),
})
