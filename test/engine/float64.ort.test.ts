import { expect, test } from 'vitest'
import { optimizerStep } from '../../src/engine/compile.js'
import { flatten } from '../../src/engine/train.js'
import { ADAMW_INPUTS } from '../../src/grad/adamw.js'
import { ranksOf, scaleOf } from '../../src/lora/adapter.js'
import { findSites } from '../../src/lora/modules.js'
import { readPeft } from '../../src/lora/peft.js'
import { layoutOf } from '../../src/rules/lora.js'
import { DECODERS, exported, fixture, reference, weightsOf } from '../helpers/fixtures.js'
import { toFloat64 } from '../helpers/float64.js'
import { along, dot, type Feed, int64, open, runIn, scalar, uniform } from '../helpers/ort.js'

/** Of central differences along a direction of some 8,000 entries of about ±1: it moves θ by about 5e-5. */
const STEP = 1e-6
/**
 * Truncation falls with the square of the step (at 1e-5 it shows as 1e-7), rounding grows as 1e-16 / STEP = 1e-10 times
 * the loss. The figures compared are of the order of 10.
 */
const TOLERANCE = 1e-8

test.each(DECODERS)(
  '%s: the gradient of the whole training step agrees with central differences in float64',
  async (name, referenceName) => {
    const { adapter } = readPeft(`${fixture(referenceName)}/adapter`)
    const { inputIds, labels } = reference(referenceName)
    const graph = exported(name)
    const sites = findSites(graph, name)
    const layout = layoutOf(sites, ranksOf(adapter))
    const session = await open(toFloat64(optimizerStep(graph, sites, layout)), weightsOf(name))

    const P = [layout.size]
    const theta: Feed = { dims: P, data: Float64Array.from(flatten(adapter, layout)) }
    const supervised = labels.flatMap((label, t) => (t > 0 && label !== -100 ? [t] : []))
    const S = supervised.length
    const fixed = {
      input_ids: int64(inputIds, [1, inputIds.length]),
      positions: int64(supervised.map(t => t - 1)),
      targets: int64(supervised.map(t => labels[t]!)),
      weights: { dims: [S], data: new Float64Array(S).fill(1 / S) },
      'lora.scales': {
        dims: [layout.modules.length],
        data: Float64Array.from(layout.modules, m => scaleOf(adapter.config, m)),
      },
      'adam.m': { dims: P, data: new Float64Array(layout.size) },
      'adam.v': { dims: P, data: new Float64Array(layout.size) },
      ...Object.fromEntries(ADAMW_INPUTS.map(input => [input, scalar(0.5)])),
    }
    const at = (x: Feed) => runIn(session, { ...fixed, theta: x })
    const { gradient, gradient_norm } = await at(theta)
    expect(gradient_norm!.data[0]).toBeCloseTo(Math.sqrt(dot(gradient!, gradient!)), 12)
    let worst = 0
    for (let seed = 1; seed <= 5; seed++) {
      const v = uniform(P, seed)
      const [plus, minus] = [await at(along(theta, v, STEP)), await at(along(theta, v, -STEP))]
      const numeric = (plus.loss!.data[0]! - minus.loss!.data[0]!) / (2 * STEP)
      const exact = dot(gradient!, v)
      worst = Math.max(worst, Math.abs(exact - numeric) / Math.max(1, Math.abs(exact)))
    }
    console.info(
      `${name}: gradient against central differences in float64, worst of 5 directions: ${worst.toExponential(1)}`,
    )
    expect(worst).toBeLessThan(TOLERANCE)
    await session.release()
  },
)
