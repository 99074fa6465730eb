import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { baseWeights } from '../../src/engine/base-weights.js'
import { findSites } from '../../src/lora/modules.js'
import { FILES } from '../../src/models/dtypes.js'
import { ensureEmbeddedModel } from '../../src/models/embedded.js'
import { readOnnx } from '../../src/onnx/read.js'

async function norms(folder: string, dtype: 'fp32' | 'q4'): Promise<Map<string, number>> {
  const graph = readOnnx(readFileSync(join(folder, 'onnx', `${FILES[dtype]}.onnx`)), `${FILES[dtype]}.onnx`)
  const out = new Map<string, number>()
  for await (const { module, data } of baseWeights(graph, findSites(graph, 'smollm2'), join(folder, 'onnx')))
    out.set(module, Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)))
  return out
}

test('the embedded model has the same weights in both of its forms, offsets of blocks included', async () => {
  const folder = await ensureEmbeddedModel()
  const [fp32, q4] = [await norms(folder, 'fp32'), await norms(folder, 'q4')]
  expect(q4.size).toBe(210)
  // Scale, integer and offset are multiplied and added in float32 in another order.
  for (const [module, norm] of q4) expect(Math.abs(norm / fp32.get(module)! - 1), module).toBeLessThan(1e-6)
}, 120_000)
