import { optimizerStep } from '../../src/engine/compile.js'
import { flatten, scalesOf } from '../../src/engine/train.js'
import { ADAMW_INPUTS } from '../../src/grad/adamw.js'
import type { Graph } from '../../src/graph/graph.js'
import { type Adapter, ranksOf } from '../../src/lora/adapter.js'
import { findSites } from '../../src/lora/modules.js'
import { layoutOf } from '../../src/rules/lora.js'
import { lower } from '../../src/rules/lower/index.js'
import { prune } from '../../src/rules/prune.js'
import { toFloat64 } from './float64.js'
import { along, dot, type Feed, int64, open, runIn, scalar, uniform } from './ort.js'

/**
 * The gradient of a whole training step against central differences of its loss, both in float64: the worst relative
 * difference along 5 random directions, and how far the gradient's norm output is from its norm.
 *
 * @param h length of the differences, in units of a direction whose entries are about ±1
 */
export async function gradientError(
  exported: Graph,
  weights: string,
  adapter: Adapter,
  { inputIds, labels }: { inputIds: readonly number[]; labels: readonly number[] },
  h: number,
): Promise<{ worst: number; norm: number }> {
  const sites = findSites(exported, 'model')
  const layout = layoutOf(sites, ranksOf(adapter))
  const scales = scalesOf(layout, adapter.config)
  const graph = toFloat64(optimizerStep(lower(exported).graph, sites, layout))

  const P = [layout.size]
  const theta: Feed = { dims: P, data: Float64Array.from(flatten(adapter, layout)) }
  const supervised = labels.flatMap((label, t) => (t > 0 && label !== -100 ? [t] : []))
  const S = supervised.length
  const fixed = {
    input_ids: int64(inputIds, [1, inputIds.length]),
    positions: int64(supervised.map(t => t - 1)),
    targets: int64(supervised.map(t => labels[t]!)),
    weights: { dims: [S], data: new Float64Array(S).fill(1 / S) },
    'lora.scales': { dims: [scales.length], data: Float64Array.from(scales) },
    'adam.m': { dims: P, data: new Float64Array(layout.size) },
    'adam.v': { dims: P, data: new Float64Array(layout.size) },
    ...Object.fromEntries(ADAMW_INPUTS.map(input => [input, scalar(0.5)])),
  }
  const step = await open(graph, weights)
  const { gradient, gradient_norm } = await runIn(step, { ...fixed, theta })
  await step.release()

  // Of the same graph only what the loss needs: a third of the work.
  const forward = prune({ ...graph, outputs: ['loss'] })
  const given = Object.fromEntries(
    Object.entries({ ...fixed, theta }).filter(([name]) => forward.inputs.includes(name)),
  )
  const session = await open(forward, weights)
  const at = async (x: Feed) => (await runIn(session, { ...given, theta: x })).loss!.data[0]!
  let worst = 0
  for (let seed = 1; seed <= 5; seed++) {
    const v = uniform(P, seed)
    const numeric = ((await at(along(theta, v, h))) - (await at(along(theta, v, -h)))) / (2 * h)
    const exact = dot(gradient!, v)
    worst = Math.max(worst, Math.abs(exact - numeric) / Math.max(1, Math.abs(exact)))
  }
  await session.release()
  return { worst, norm: Math.abs(gradient_norm!.data[0]! - Math.sqrt(dot(gradient!, gradient!))) }
}
