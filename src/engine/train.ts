import { ADAMW_INPUTS, type AdamWOptions, adamwInputs } from '../grad/adamw.js'
import { type Adapter, type AdapterConfig, scaleOf } from '../lora/adapter.js'
import type { LoraModule, ParameterLayout } from '../rules/lora.js'
import { random } from '../tensor.js'
import { type Batch, makeBatch, type Row } from './batch.js'
import type { OptimizerState } from './optimizer.js'
import type { Settings } from './options.js'
import type { Plan } from './plan.js'
import { rateAt } from './schedule.js'
import { type Feeds, float32, int64, type Session, scalar } from './session.js'
import { free, hostData } from './transfer.js'

/** The tensors of an adapter as one vector θ [P], in the layout's order. */
export function flatten(adapter: Adapter, layout: ParameterLayout): Float32Array {
  const theta = new Float32Array(layout.size)
  for (const t of layout.tensors) theta.set(adapter.tensors.get(t.name)!.data, t.offset)
  return theta
}

/** α/r of each module, once for each row of its A [Σr]. */
export const scalesOf = (layout: ParameterLayout, config: AdapterConfig): Float32Array =>
  Float32Array.from(layout.modules.flatMap(m => Array<number>(m.r).fill(scaleOf(config, m.name))))

/** The tensors in a vector [P], by their PEFT names. */
export const unflatten = (vector: Float32Array, layout: ParameterLayout) =>
  new Map(
    layout.tensors.map(({ name, dims, offset }) => [
      name,
      { dims, data: vector.slice(offset, offset + dims[0] * dims[1]) },
    ]),
  )

/**
 * A new adapter, as PEFT makes one: A uniform in ±1/√in (Kaiming with a = √5), B = 0, so that it changes nothing yet.
 */
export function freshAdapter(config: AdapterConfig, modules: readonly LoraModule[], seed: number): Adapter {
  const rng = random(seed)
  const tensors: Adapter['tensors'] = new Map()
  for (const m of modules) {
    const A = Float32Array.from({ length: config.r * m.in }, () => (2 * rng.uniform() - 1) / Math.sqrt(m.in))
    tensors.set(`base_model.model.${m.name}.lora_A.weight`, { dims: [config.r, m.in], data: A })
    tensors.set(`base_model.model.${m.name}.lora_B.weight`, {
      dims: [m.out, config.r],
      data: new Float32Array(m.out * config.r),
    })
  }
  return { config, tensors }
}

/** An adapter's training: θ [P] by a layout, and the sessions that work on it. */
export interface Learner {
  layout: ParameterLayout
  config: AdapterConfig
  /** Of a training graph (`trainingGraph`) for this layout. */
  session: Session
  /** Of `updateGraph`, made when a step needs it. */
  update: () => Promise<Session>
}

/**
 * What a training graph is fed beside θ and the optimizer's inputs.
 *
 * @param S supervised tokens of the whole step, of which this batch may be a part
 */
function batchFeeds(batch: Batch, { layout, config }: Learner, S: number): Feeds {
  const own = batch.targets.length
  const scales = scalesOf(layout, config)
  return {
    input_ids: int64(batch.inputIds, batch.dims),
    positions: int64(batch.positions, [own]),
    targets: int64(batch.targets, [own]),
    weights: float32(new Float32Array(own).fill(1 / S), [own]),
    'lora.scales': float32(scales, [scales.length]),
  }
}

const adamwFeeds = (options: AdamWOptions, t: number): Feeds => {
  const values = adamwInputs(options, t)
  return Object.fromEntries(ADAMW_INPUTS.map(name => [name, scalar(values[name])]))
}

const STILL: AdamWOptions = { learningRate: 0, weightDecay: 0, betas: [0, 0], epsilon: 1, clipNorm: null }

const supervised = (batches: readonly Batch[]): number => batches.reduce((sum, b) => sum + b.targets.length, 0)

/**
 * Mean loss over all supervised tokens of some batches [nats/token], its gradient with respect to θ [P], and the loss
 * on the first item alone. Each batch is one pass; what they give is added up on the host.
 *
 * @param signal stops between two passes by throwing its reason
 */
export async function gradient(
  learner: Learner,
  theta: Output,
  batches: readonly Batch[],
  signal?: AbortSignal,
): Promise<{ loss: number; gradient: Float32Array; firstItem: number }> {
  const zeros = float32(new Float32Array(learner.layout.size), [learner.layout.size])
  const fixed = { theta, 'adam.m': zeros, 'adam.v': zeros, ...adamwFeeds(STILL, 1) }
  const S = supervised(batches)
  const total = new Float32Array(learner.layout.size)
  let [loss, firstItem] = [0, Number.NaN]
  for (const [i, batch] of batches.entries()) {
    signal?.throwIfAborted()
    const out = await learner.session.run({ ...fixed, ...batchFeeds(batch, learner, S) }, ['loss', 'nll', 'gradient'])
    loss += only(out.loss!)
    if (i === 0) firstItem = firstOf(out.nll!, batch)
    const part = await hostData(out.gradient!)
    free([out.gradient!])
    for (let p = 0; p < part.length; p++) total[p]! += part[p]!
  }
  return { loss, gradient: total, firstItem }
}

export interface TrainingRun {
  theta: Float32Array
  /** After the last step. */
  state: OptimizerState
  /** Mean over the supervised tokens of the batch, before each step [nats/token]. */
  losses: number[]
  /** Global norm before clipping, of each step. */
  gradientNorms: number[]
  /** That each step was taken with. */
  learningRates: number[]
  /** Wall time of each step [ms]. */
  stepMs: number[]
  /** Loss on the item that the first step began with, before that step [nats/token]. */
  firstItemBefore: number
  /** Number (from 1) of the step whose loss or gradient was not finite, if one was; θ is then of no use. */
  nonFiniteAt?: number
}

/** What a step leaves, beside θ and the optimizer's state as inputs of the next. */
interface Stepped {
  loss: number
  gradientNorm: number
  firstItem: number
  state: Feeds
}

const AFTER = ['gradient_norm', 'theta.next', 'adam.m.next', 'adam.v.next'] as const

const afterStep = (out: Feeds): Feeds => ({
  theta: out['theta.next']!,
  'adam.m': out['adam.m.next']!,
  'adam.v': out['adam.v.next']!,
})

/** A step whose batch fits in one pass: one run of the training graph. */
async function inOnePass(learner: Learner, batch: Batch, inputs: Feeds): Promise<Stepped> {
  const feeds = { ...batchFeeds(batch, learner, batch.targets.length), ...inputs }
  const out = (await learner.session.run(feeds, ['loss', 'nll', ...AFTER])) as Feeds
  return {
    loss: only(out.loss!),
    gradientNorm: only(out.gradient_norm!),
    firstItem: firstOf(out.nll!, batch),
    state: afterStep(out),
  }
}

/** A step over several passes, with the sum of their gradients. */
async function inPasses(learner: Learner, batches: readonly Batch[], inputs: Feeds, signal?: AbortSignal) {
  const { gradient: sum, ...found } = await gradient(learner, inputs.theta!, batches, signal)
  const update = await learner.update()
  const out = (await update.run({ ...inputs, gradient: float32(sum, [sum.length]) }, [...AFTER])) as Feeds
  return { ...found, gradientNorm: only(out.gradient_norm!), state: afterStep(out) }
}

/**
 * AdamW from θ and a state of the optimizer, over batches of rows.
 *
 * @param plan which rows each step learns from, in parts of one pass each
 * @param o `signal` stops between two passes by throwing its reason
 */
export async function train(
  learner: Learner,
  theta: Float32Array,
  from: OptimizerState,
  rows: readonly Row[],
  plan: Plan,
  o: Settings,
): Promise<TrainingRun> {
  const P = [learner.layout.size]
  let state: Feeds = { theta: float32(theta, P), 'adam.m': float32(from.m, P), 'adam.v': float32(from.v, P) }
  const run: TrainingRun = {
    theta,
    state: from,
    losses: [],
    gradientNorms: [],
    learningRates: [],
    stepMs: [],
    firstItemBefore: Number.NaN,
  }
  try {
    for (let t = 1; t <= o.steps; t++) {
      o.signal?.throwIfAborted()
      const start = performance.now()
      const learningRate = o.learningRate * rateAt(o.scheduler, t, o.steps, o.warmupSteps)
      const batches = plan(t).map(part => makeBatch(part.map(i => rows[i]!)))
      const inputs = { ...state, ...adamwFeeds({ ...o, learningRate }, from.steps + t) }
      const { loss, gradientNorm, firstItem, ...after } =
        batches.length === 1
          ? await inOnePass(learner, batches[0]!, inputs)
          : await inPasses(learner, batches, inputs, o.signal)
      const ms = performance.now() - start
      if (t === 1) run.firstItemBefore = firstItem
      run.losses.push(loss)
      run.gradientNorms.push(gradientNorm)
      run.learningRates.push(learningRate)
      run.stepMs.push(ms)
      free(Object.values(state))
      state = after.state
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return { ...run, nonFiniteAt: t }
      o.onStep?.({ step: t, steps: o.steps, loss, gradientNorm, learningRate, ms })
    }
    const vector = (name: string) => hostData(state[name]!)
    run.theta = await vector('theta')
    run.state = { m: await vector('adam.m'), v: await vector('adam.v'), steps: from.steps + o.steps }
    return run
  } finally {
    free(Object.values(state))
  }
}

type Output = Feeds[string]
const only = (scalar: Output): number => (scalar.data as Float32Array)[0]!
/** Mean loss of a batch's first item. */
const firstOf = (nll: Output, batch: Batch): number => mean((nll.data as Float32Array).subarray(0, batch.counts[0]))
const mean = (xs: Float32Array): number => xs.reduce((sum, x) => sum + x, 0) / xs.length
