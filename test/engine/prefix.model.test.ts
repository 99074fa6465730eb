import { afterAll, beforeAll, expect, test } from 'vitest'
import { loraFeeds } from '../../src/engine/infer.js'
import { findModel, loadParts, type Parts } from '../../src/engine/load.js'
import { withPrefixes } from '../../src/engine/prefix.js'
import { type Feeds, float32, int64 } from '../../src/engine/session.js'
import { freshAdapter } from '../../src/engine/train.js'
import { modulesIn } from '../../src/rules/lora.js'
import { random } from '../../src/tensor.js'

let parts: Parts
beforeAll(async () => {
  parts = await loadParts(await findModel('smollm2-135m-instruct', { device: 'cpu', dtype: 'fp32' }))
})
afterAll(() => parts.session.release())

function promptFeeds(ids: readonly number[]): Feeds {
  const T = ids.length
  const feeds: Feeds = {
    input_ids: int64(ids, [1, T]),
    attention_mask: int64(Array(T).fill(1), [1, T]),
    num_logits_to_keep: int64([1], []),
  }
  for (const meta of parts.session.inputMetadata) {
    if (meta.name === 'position_ids') feeds[meta.name] = int64([...ids.keys()], [1, T])
    if (meta.name.startsWith('past_key_values.')) feeds[meta.name] = float32(new Float32Array(), [1, 3, 0, 64])
  }
  return feeds
}

const bits = (outputs: Feeds) =>
  Object.entries(outputs).map(
    ([name, t]) => `${name} ${Buffer.from((t.data as Float32Array).buffer).toString('base64')}`,
  )

test('the prefix of the prompt before, taken over: the same bits of logits, keys and values, sooner', async () => {
  const modules = modulesIn(parts.sites)
  const config = { r: 8, alpha: 16, rslora: false, rankPattern: {}, alphaPattern: {} }
  const adapter = freshAdapter(config, modules, 1)
  const rng = random(2)
  for (const [name, { data }] of adapter.tensors)
    if (name.includes('lora_B')) for (const i of data.keys()) data[i] = 0.02 * rng.normal()
  const tokens = (n: number) => Array.from({ length: n }, () => 100 + rng.below(40000))
  const shared = tokens(200)
  const [first, second] = [
    [...shared, ...tokens(50)],
    [...shared, ...tokens(40)],
  ]
  for (const lora of [loraFeeds(parts.groups, null, parts.device), loraFeeds(parts.groups, adapter, parts.device)]) {
    const alone = await withPrefixes(parts.session, 64)(promptFeeds(second), lora)
    const run = withPrefixes(parts.session, 64)
    const timed = async (ids: number[]) => {
      const start = performance.now()
      const outputs = await run(promptFeeds(ids), lora)
      return { outputs, ms: performance.now() - start }
    }
    const whole = await timed(first)
    const { outputs, ms } = await timed(second)
    expect(bits(outputs)).toEqual(bits(alone))
    console.info(
      `SmolLM2: a prompt of 250 tokens ${whole.ms.toFixed(0)} ms; one of 240 with 200 in common ${ms.toFixed(0)} ms`,
    )
  }
})
