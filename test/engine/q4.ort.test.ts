import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoRAModel } from '../../src/engine/model.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import type { LoRAHandle, TrainingSummary } from '../../src/lora/handle.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

setAdapterFolder(temporaryFolder())

let model: LoRAModel
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'), { dtype: 'q4' })
})
afterAll(() => model.dispose())

test('training on the frozen 4-bit base lowers the loss, and generating agrees with what training says', async () => {
  const messages = [{ role: 'user', content: 'hello there' }]
  const handle = (await model.finetune(
    null,
    { messages, target: 'a' },
    { steps: 40, learningRate: 2e-2 },
  )) as LoRAHandle
  const { targetLoss } = handle.metadata.training as TrainingSummary
  expect(targetLoss.after).toBeLessThan(0.1 * targetLoss.before)
  expect(await model.generate(messages, { lora: handle })).toMatchObject({ text: 'a', finishReason: 'stop' })
  expect((await model.score(messages, 'a', { lora: handle })).nll).toBe(targetLoss.after)
})
