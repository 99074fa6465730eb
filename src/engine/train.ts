import { ADAMW_INPUTS, type AdamWOptions, adamwInputs } from '../grad/adamw.js'
import { type Adapter, type AdapterConfig, scaleOf } from '../lora/adapter.js'
import type { LoraModule, ParameterLayout } from '../rules/lora.js'
import { random } from '../tensor.js'
import type { Batch } from './batch.js'
import { type Feeds, float32, int64, type Session, scalar } from './session.js'

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

/** Everything a training graph is fed that does not change from step to step. */
function batchFeeds(batch: Batch, layout: ParameterLayout, config: AdapterConfig): Feeds {
  const S = batch.targets.length
  const scales = scalesOf(layout, config)
  return {
    input_ids: int64(batch.inputIds, batch.dims),
    positions: int64(batch.positions, [S]),
    targets: int64(batch.targets, [S]),
    weights: float32(new Float32Array(S).fill(1 / S), [S]),
    'lora.scales': float32(scales, [scales.length]),
  }
}

const adamwFeeds = (options: AdamWOptions, t: number): Feeds => {
  const values = adamwInputs(options, t)
  return Object.fromEntries(ADAMW_INPUTS.map(name => [name, scalar(values[name])]))
}

export interface TrainingRun {
  theta: Float32Array
  /** Mean over the supervised tokens of the batch, before each step [nats/token]. */
  losses: number[]
  /** Global norm before clipping, of each step. */
  gradientNorms: number[]
  /** Wall time of each step [ms]. */
  stepMs: number[]
  /** Loss on the first item of the batch alone, before the first step [nats/token]. */
  firstItemBefore: number
  /** Number (from 1) of the step whose loss or gradient was not finite, if one was; θ is then of no use. */
  nonFiniteAt?: number
}

/**
 * AdamW on one batch, from θ, with fresh optimizer state.
 *
 * @param session of a training graph (`trainingGraph`) for this layout
 * @param signal stops between two steps by throwing its reason
 */
export async function train(
  session: Session,
  theta: Float32Array,
  layout: ParameterLayout,
  config: AdapterConfig,
  batch: Batch,
  options: AdamWOptions & { steps: number; signal?: AbortSignal | undefined },
): Promise<TrainingRun> {
  const fixed = batchFeeds(batch, layout, config)
  const P = [layout.size]
  let state: Feeds = {
    theta: float32(theta, P),
    'adam.m': float32(new Float32Array(layout.size), P),
    'adam.v': float32(new Float32Array(layout.size), P),
  }
  const run: TrainingRun = { theta, losses: [], gradientNorms: [], stepMs: [], firstItemBefore: Number.NaN }
  for (let t = 1; t <= options.steps; t++) {
    options.signal?.throwIfAborted()
    const start = performance.now()
    const out = await session.run({ ...fixed, ...state, ...adamwFeeds(options, t) }, [
      'loss',
      'nll',
      'gradient_norm',
      'theta.next',
      'adam.m.next',
      'adam.v.next',
    ])
    const loss = (out.loss!.data as Float32Array)[0]!
    const norm = (out.gradient_norm!.data as Float32Array)[0]!
    if (t === 1) run.firstItemBefore = mean((out.nll!.data as Float32Array).subarray(0, batch.counts[0]))
    run.losses.push(loss)
    run.gradientNorms.push(norm)
    run.stepMs.push(performance.now() - start)
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) return { ...run, nonFiniteAt: t }
    state = { theta: out['theta.next']!, 'adam.m': out['adam.m.next']!, 'adam.v': out['adam.v.next']! }
  }
  run.theta = state.theta!.data as Float32Array
  return run
}

/** Loss of a batch [nats/token] and its gradient with respect to θ [P]. */
export async function gradient(
  session: Session,
  theta: Float32Array,
  layout: ParameterLayout,
  config: AdapterConfig,
  batch: Batch,
) {
  const P = [layout.size]
  const zeros = () => float32(new Float32Array(layout.size), P)
  const still: AdamWOptions = { learningRate: 0, weightDecay: 0, betas: [0, 0], epsilon: 1, clipNorm: null }
  const feeds = {
    ...batchFeeds(batch, layout, config),
    theta: float32(theta, P),
    'adam.m': zeros(),
    'adam.v': zeros(),
    ...adamwFeeds(still, 1),
  }
  const out = await session.run(feeds, ['loss', 'gradient'])
  return { loss: (out.loss!.data as Float32Array)[0]!, gradient: out.gradient!.data as Float32Array }
}

const mean = (xs: Float32Array): number => xs.reduce((sum, x) => sum + x, 0) / xs.length
