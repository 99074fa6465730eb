import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoRAModel } from '../../src/engine/model.js'
import { identify } from '../../src/lora/adapter.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
const item = { messages: [{ role: 'user', content: 'hello there' }], target: 'a' }

let model: LoRAModel
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'))
})
afterAll(() => model.dispose())

test('an adapter without a path', async () => {
  const lora = new LoRAHandle({ identifier: 'elsewhere' })
  await expect(model.generate(item.messages, { lora })).rejects.toThrow(
    'adapter elsewhere: it has no path, so its weights cannot be read',
  )
})

test('an adapter altered since it was saved', async () => {
  const path = join(folder, 'altered')
  cpSync(fixture('tiny-llama-ref/adapter'), path, { recursive: true })
  const identifier = identify(readPeft(path).adapter)
  const weights = readFileSync(join(path, 'adapter_model.safetensors'))
  weights[weights.length - 1]! ^= 1
  writeFileSync(join(path, 'adapter_model.safetensors'), weights)
  await expect(model.generate(item.messages, { lora: new LoRAHandle({ identifier, path }) })).rejects.toThrow(
    new RegExp(
      `^adapter ${identifier.slice(0, 12)}: the files in .*altered hold other weights \\([0-9a-f]{12}\\); they were altered$`,
    ),
  )
})

test('an adapter of another model: names the module and both sizes', async () => {
  const adapter = readPeft(fixture('tiny-llama-ref/adapter')).adapter
  const name = 'base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight'
  adapter.tensors.set(name, { dims: [16, 4], data: new Float32Array(64) })
  const lora = new LoRAHandle(writePeft(adapter, folder, { name: 'other', fingerprint: '' }))
  await expect(model.finetune(lora, item)).rejects.toThrow(
    'adapter of another model: module model.layers.0.self_attn.k_proj maps 64 to 16, in tiny-llama-genai it maps 64 to 32',
  )
})

test('an adapter trained on another base of the same shape: a warning with both', async () => {
  const { adapter } = readPeft(fixture('tiny-llama-ref/adapter_after5'))
  const lora = new LoRAHandle(writePeft(adapter, folder, { name: 'its/base', fingerprint: 'f'.repeat(64) }))
  const warned = once(process, 'warning')
  await model.generate(item.messages, { lora, maxNewTokens: 1 })
  const [warning] = (await warned) as [Error & { code: string }]
  expect(warning.code).toBe('LORA_BASE')
  expect(warning.message).toMatch(
    /^adapter [0-9a-f]{12} was trained on another base model \(its\/base, f{12}\) than tiny-llama-genai \([0-9a-f]{12}\); its answers may be nonsense$/,
  )
})

test('an adapter named by a word: the name means what lies there now', async () => {
  const path = join(folder, 'mine')
  const lora = new LoRAHandle({ identifier: 'mine', path })
  const answers: Float32Array[] = []
  for (const version of ['adapter', 'adapter_after5']) {
    cpSync(fixture(`tiny-llama-ref/${version}`), path, { recursive: true })
    answers.push((await model.logits([5, 9, 2], { lora })).data)
  }
  expect(answers[0]).not.toEqual(answers[1])
})
