import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type LoadOptions, LoRAModel } from '../../src/engine/model.js'
import { HarnessError, InputError } from '../../src/errors.js'
import type { External } from '../../src/graph/graph.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { exported, fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
setAdapterFolder(join(folder, 'adapters'))
const prompt = [{ role: 'user', content: 'hello there' }]
let copies = 0

/** A copy of a tiny decoder, to be damaged. */
function copy(name = 'tiny-llama-genai'): string {
  const to = join(folder, `${name}-${copies++}`)
  cpSync(fixture(name), to, { recursive: true })
  return to
}
const edit = (path: string, change: (config: Record<string, unknown>) => void) => {
  const config = JSON.parse(readFileSync(path, 'utf8'))
  change(config)
  writeFileSync(path, JSON.stringify(config))
}

describe('load', () => {
  test('gives one object for the same arguments, until it is disposed', async () => {
    const path = copy()
    const model = await LoRAModel.load(path)
    expect(await LoRAModel.load(path, { dtype: 'fp32' })).toBe(model)
    expect(model).toMatchObject({ id: 'tiny-llama-genai-0', device: 'cpu', dtype: 'fp32', contextLength: 512 })
    await model.dispose()
    const again = await LoRAModel.load(path)
    expect(again).not.toBe(model)
    await again.generate(prompt, { maxNewTokens: 1 })
    await again.dispose()
  })

  test('a disposed model says so, and may be disposed again', async () => {
    const model = await LoRAModel.load(copy())
    const last = model.generate(prompt, { maxNewTokens: 2 })
    await Promise.all([model.dispose(), last])
    for (const call of [
      () => model.generate(prompt),
      () => model.score(prompt, 'a'),
      () => model.finetune(null, { messages: prompt, target: 'a' }),
    ])
      await expect(call()).rejects.toThrow(new HarnessError(`${model.id}: the model was disposed; load it again`))
    await model.dispose()
  })

  test('the 4-bit file of a folder answers, with an adapter too', async () => {
    const model = await LoRAModel.load(fixture('tiny-llama-genai'), { dtype: 'q4' })
    const lora = new LoRAHandle({ identifier: 'reference', path: fixture('tiny-llama-ref/adapter') })
    const [base, adapted] = [await model.logits([5, 9, 2]), await model.logits([5, 9, 2], { lora })]
    expect(model.dtype).toBe('q4')
    expect(base.data.every(Number.isFinite)).toBe(true)
    expect(adapted.data).not.toEqual(base.data)
    await model.dispose()
  })

  test.each<[string, object]>([
    ['device "tpu" does not exist; there are auto, cpu, wasm, webgpu, cuda, dml, coreml', { device: 'tpu' }],
    ['dtype "int3" is not served; use auto, fp32, fp16, q4, q4f16, int8', { dtype: 'int3' }],
    ['dtype "toString" is not served; use auto, fp32, fp16, q4, q4f16, int8', { dtype: 'toString' }],
  ])('%s', async (message, options) => {
    await expect(LoRAModel.load('somewhere', options as LoadOptions)).rejects.toThrow(
      new InputError(`loading somewhere: ${message}`),
    )
  })
})

describe('the fingerprint of a base model', () => {
  const graph = exported('tiny-llama-genai')
  const original = readFileSync(join(fixture('tiny-llama-genai'), 'onnx/model.onnx'))
  const [norm, head] = ['model.layers.0.input_layernorm.weight', 'lm_head.MatMul.weight'].map(
    v => graph.consts.get(v)!.data,
  )

  test.each<[string, number]>([
    ['a norm', original.indexOf(norm as Uint8Array)],
    ['a large matrix', (head as External).offset],
  ])('tells a model with another value in %s from its own: a warning with both', async (_, at) => {
    const [base, other] = [copy(), copy()]
    const bytes = Buffer.from(original)
    bytes[at]! ^= 1
    writeFileSync(join(other, 'onnx/model.onnx'), bytes)
    const [model, altered] = [await LoRAModel.load(base), await LoRAModel.load(other)]
    const lora = (await model.finetune(null, { messages: prompt, target: 'a' }, { steps: 1, seed: at })) as LoRAHandle
    const warned = once(process, 'warning')
    await altered.generate(prompt, { lora, maxNewTokens: 1 })
    const [warning] = (await warned) as [Error & { code: string }]
    expect(warning).toMatchObject({ code: 'LORA_BASE' })
    expect(warning.message).toMatch(
      new RegExp(
        `^adapter ${lora.identifier.slice(0, 12)} was trained on another base model \\(${model.id}, [0-9a-f]{12}\\) than ${altered.id} \\([0-9a-f]{12}\\); `,
      ),
    )
    await Promise.all([model.dispose(), altered.dispose()])
  })
})

describe('a folder that cannot be used is an InputError that names what is wrong', () => {
  test.each(['onnx/model.onnx', 'tokenizer.json', 'tokenizer_config.json', 'config.json', 'generation_config.json'])(
    'without %s',
    async file => {
      const path = copy()
      rmSync(join(path, file))
      const failure = await LoRAModel.load(path, { dtype: 'fp32' }).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(InputError)
      expect((failure as Error).message).toContain(file.slice(file.lastIndexOf('/') + 1))
      // A failed load is not remembered.
      cpSync(join(fixture('tiny-llama-genai'), file), join(path, file))
      await (await LoRAModel.load(path, { dtype: 'fp32' })).dispose()
    },
  )

  test.each<[string, (path: string) => void]>([
    [
      'not a whole ONNX model',
      path =>
        writeFileSync(join(path, 'onnx/model.onnx'), readFileSync(join(path, 'onnx/model.onnx')).subarray(0, 300_000)),
    ],
    ['not a whole ONNX model', path => writeFileSync(join(path, 'onnx/model.onnx'), '<!doctype html>')],
    [
      'transformers.js has no causal language model of type "bert-ish"',
      path => edit(join(path, 'config.json'), c => (c.model_type = 'bert-ish')),
    ],
    [
      'config.json must give a vocab_size, found undefined',
      path => edit(join(path, 'config.json'), c => delete c.vocab_size),
    ],
    ['generation_config.json is no JSON', path => writeFileSync(join(path, 'generation_config.json'), '{')],
    ['tokenizer', path => writeFileSync(join(path, 'tokenizer.json'), '{"model":')],
  ])('%s (%#)', async (message, damage) => {
    const path = copy()
    damage(path)
    const failure = await LoRAModel.load(path).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(InputError)
    expect((failure as Error).message).toContain(message)
  })

  test('a model without a chat template takes tokens, but no messages', async () => {
    const path = copy()
    edit(join(path, 'tokenizer_config.json'), c => delete c.chat_template)
    const model = await LoRAModel.load(path)
    expect((await model.logits([5, 9])).dims).toEqual([2, 320])
    await expect(model.generate(prompt)).rejects.toThrow(InputError)
    await expect(model.generate(prompt)).rejects.toThrow(
      `${model.id}: its chat template does not take these messages: `,
    )
    await model.dispose()
  })
})
