import { adamw } from '../grad/adamw.js'
import { backward } from '../grad/backward.js'
import { check } from '../graph/check.js'
import { Emit } from '../graph/emit.js'
import { copyGraph, type Graph, type Value } from '../graph/graph.js'
import { compose } from '../rules/compose.js'
import { exactProducts } from '../rules/exact.js'
import { fuse } from '../rules/fuse.js'
import { joinParts } from '../rules/join.js'
import { keepLastLogits } from '../rules/logits.js'
import { addLoraInputs, addLoraParameters, type LoraGroup, type LoraSite, type ParameterLayout } from '../rules/lora.js'
import { addLoss } from '../rules/loss.js'
import { lower } from '../rules/lower/index.js'
import { normsBeforeAttention } from '../rules/norms.js'
import { prune } from '../rules/prune.js'
import { recompute } from '../rules/recompute.js'
import { share } from '../rules/share.js'

/** The exported decoder with LoRA factors as graph inputs, for generating and scoring. */
export function inferenceGraph(exported: Graph, sites: readonly LoraSite[]): { graph: Graph; groups: LoraGroup[] } {
  return addLoraInputs(keepLastLogits(normsBeforeAttention(exactProducts(exported))), sites)
}

/**
 * Outputs of a training graph. `theta.next`, `adam.m.next` and `adam.v.next` go back in as `theta`, `adam.m` and
 * `adam.v` of the next step; `gradient` [P] is that of the loss, before clipping.
 */
export const TRAINING_OUTPUTS = [
  'loss',
  'nll',
  'gradient',
  'gradient_norm',
  'theta.next',
  'adam.m.next',
  'adam.v.next',
] as const

/**
 * One optimizer step as one graph. The passes, in order:
 *
 *  1. lower       fused operators become plain ones; no key/value cache
 *  2. compose     plain ones become those of the runtime that have a gradient here
 *  3. lora        low-rank branches, their factors cut from the vector `theta` [P]
 *  4. loss        LM head at supervised positions only, cross-entropy
 *  5. backward    the reverse walk: d loss / d theta
 *  6. adamw       clipping and the optimizer step
 *  7. prune       what nothing reads goes
 *  8. share       what is computed twice is computed once
 *  9. recompute   what is cheap is worked out again where the backward pass needs it, instead of kept in memory
 * 10. join, fuse  gradients of parts are put side by side; transposes go into the products that read them
 */
export function trainingGraph(exported: Graph, sites: readonly LoraSite[], layout: ParameterLayout): Graph {
  const decoder = compose(lower(exactProducts(exported)).graph).graph
  const step = recompute(share(optimizerStep(decoder, sites, layout)), 'loss')
  return fuse(joinParts(step).graph).graph
}

/**
 * Passes 3 to 7, for a lowered decoder. If it was not composed, the step is one of standard operators only, which can
 * also be run in float64.
 */
export function optimizerStep(decoder: Graph, sites: readonly LoraSite[], layout: ParameterLayout): Graph {
  const adapted = addLoraParameters(decoder, sites, layout)
  const scored = addLoss(adapted.graph)
  const e = new Emit(copyGraph(scored.graph))
  const gradients = backward(e, scored.logits, scored.dlogits, adapted.leaves)
  const flat = adapted.leaves.map(leaf => e.reshape(gradients.get(leaf)!, -1))
  const gradient = e.concat(flat, 0)
  const next = adamw(e, 'theta', gradient)
  const outputs: Record<(typeof TRAINING_OUTPUTS)[number], Value> = {
    loss: scored.loss,
    nll: scored.nll,
    gradient,
    gradient_norm: next.gradientNorm,
    'theta.next': next.theta,
    'adam.m.next': next.m,
    'adam.v.next': next.v,
  }
  return check(prune(renameOutputs(e, outputs)), 'the optimizer step')
}

/** Gives values the names that a graph is read by, and makes them its outputs. No node is added: a copy of θ costs time. */
export function renameOutputs(e: Emit, outputs: Record<string, Value>): Graph {
  const names = new Map(Object.entries(outputs).map(([name, v]) => [v, name]))
  const named = (v: Value): Value => names.get(v) ?? v
  const { nodes, types } = e.graph
  for (const [v, name] of names) types.set(name, e.type(v))
  e.graph.nodes = nodes.map(n => ({ ...n, inputs: n.inputs.map(named), outputs: n.outputs.map(named) }))
  e.graph.outputs = Object.keys(outputs)
  return e.graph
}
