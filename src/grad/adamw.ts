import type { Emit } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'

/** Scalar graph inputs of one AdamW step. */
export const ADAMW_INPUTS = [
  'lr',
  'decay',
  'beta1',
  'rest1',
  'beta2',
  'rest2',
  'correction1',
  'correction2',
  'epsilon',
  'clip_norm',
] as const

export interface AdamWOptions {
  learningRate: number
  weightDecay: number
  betas: readonly [number, number]
  epsilon: number
  /** Largest global norm of the gradient; null leaves it as it is. */
  clipNorm: number | null
}

/**
 * The scalars of step `t`, worked out in float64: 1 − 0.999 in float32 would be off by 5e-5.
 *
 * @param t number of this step, from 1
 */
export const adamwInputs = (o: AdamWOptions, t: number): Record<(typeof ADAMW_INPUTS)[number], number> => ({
  lr: o.learningRate,
  decay: 1 - o.learningRate * o.weightDecay,
  beta1: o.betas[0],
  rest1: 1 - o.betas[0],
  beta2: o.betas[1],
  rest2: 1 - o.betas[1],
  correction1: 1 - o.betas[0] ** t,
  correction2: Math.sqrt(1 - o.betas[1] ** t),
  epsilon: o.epsilon,
  clip_norm: o.clipNorm ?? Number.POSITIVE_INFINITY,
})

/**
 * Emits gradient clipping and one AdamW step (Loshchilov & Hutter 2019, with PyTorch's order of operations and the
 * 1e-6 of its `clip_grad_norm_`). All vectors have the length of θ [P].
 *
 *     g ← g · min(1, clip / (‖g‖ + 1e-6))
 *     m ← β₁m + (1−β₁)g        v ← β₂v + (1−β₂)g²
 *     θ ← θ(1 − lr·λ) − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
 *
 * Adds the inputs `adam.m`, `adam.v` and the scalars {@link ADAMW_INPUTS}.
 *
 * @returns the new θ, m, v, and the norm of the gradient before clipping
 */
export function adamw(
  e: Emit,
  theta: Value,
  gradient: Value,
): { theta: Value; m: Value; v: Value; gradientNorm: Value } {
  const { dtype, dims } = e.type(theta)
  const [m, v] = ['adam.m', 'adam.v'].map(name => e.input(name, dims, dtype)) as [Value, Value]
  const scalar = Object.fromEntries(ADAMW_INPUTS.map(name => [name, e.input(name, [], dtype)])) as Record<
    (typeof ADAMW_INPUTS)[number],
    Value
  >

  const gradientNorm = e.op('Sqrt', [e.sum(e.mul(gradient, gradient), [0], 0)])
  const room = e.div(scalar.clip_norm, e.add(gradientNorm, e.scalar(1e-6, theta)))
  const g = e.mul(gradient, e.op('Min', [room, e.scalar(1, theta)]))

  const m2 = e.add(e.mul(m, scalar.beta1), e.mul(g, scalar.rest1))
  const v2 = e.add(e.mul(v, scalar.beta2), e.mul(e.mul(g, g), scalar.rest2))
  const width = e.add(e.div(e.op('Sqrt', [v2]), scalar.correction2), scalar.epsilon)
  const move = e.mul(e.div(m2, width), e.div(scalar.lr, scalar.correction1))
  return { theta: e.sub(e.mul(theta, scalar.decay), move), m: m2, v: v2, gradientNorm }
}
