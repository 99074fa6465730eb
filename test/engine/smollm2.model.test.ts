import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { LoRAModel } from '../../src/engine/model.js'
import { freshAdapter } from '../../src/engine/train.js'
import { findSites } from '../../src/lora/modules.js'
import { ensureEmbeddedModel } from '../../src/models/embedded.js'
import { readOnnx } from '../../src/onnx/read.js'
import { random } from '../../src/tensor.js'
import { decoderFeeds } from '../helpers/fixtures.js'
import { gradientError } from '../helpers/gradient.js'
import { run } from '../helpers/ort.js'

let weights: string
beforeAll(async () => {
  weights = join(await ensureEmbeddedModel(), 'onnx')
})

/** Of central differences along a direction of 2.4 million entries of about ±1: it moves θ by about 1e-4. */
const STEP = 1e-7
/** Rounding of a loss of about 10 in float64, 1e-15, over the step; the derivatives compared are of the order of 100. */
const TOLERANCE = 1e-6

test.each(['fp32', 'q4'] as const)(
  '%s: without an adapter, no bit of a logit differs from the unmodified model',
  async dtype => {
    const file = dtype === 'q4' ? 'model_q4.onnx' : 'model.onnx'
    const bytes = readFileSync(join(weights, file))
    const inputIds = Array.from({ length: 32 }, (_, i) => 100 + 37 * i)
    const model = await LoRAModel.load('smollm2-135m-instruct', { dtype })
    const { data } = await model.logits(inputIds)
    await model.dispose()
    const { logits } = await run<Float32Array>(bytes, decoderFeeds(readOnnx(bytes, file), inputIds), weights)
    expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(logits!.data.buffer))).toBe(0)
  },
)

test('the gradient of a training step agrees with central differences in float64', async () => {
  const exported = readOnnx(readFileSync(join(weights, 'model.onnx')), 'model.onnx')
  const modules = findSites(exported, 'SmolLM2').flatMap(s => s.modules)
  const adapter = freshAdapter({ r: 8, alpha: 16, rslora: false, rankPattern: {}, alphaPattern: {} }, modules, 1)
  // A fresh adapter has B = 0, where the gradient of every A is zero too; a trained one has not.
  const rng = random(2)
  for (const [name, t] of adapter.tensors)
    if (name.includes('lora_B')) for (const i of t.data.keys()) t.data[i] = 0.01 * rng.normal()
  const inputIds = Array.from({ length: 32 }, () => rng.below(49152))
  const { worst } = await gradientError(exported, weights, adapter, { inputIds, labels: inputIds }, STEP)
  console.info(
    `SmolLM2, T = 32: gradient against central differences in float64, worst of 5 directions: ${worst.toExponential(1)}`,
  )
  expect(worst).toBeLessThan(TOLERANCE)
})
