import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probe } from '../../src/engine/device.js'
import { LoRAModel } from '../../src/engine/model.js'
import { createSession, float32 } from '../../src/engine/session.js'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph } from '../../src/graph/graph.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, type TrainingSummary } from '../../src/lora/handle.js'
import { readPeft } from '../../src/lora/peft.js'
import { type Decoder, fixture, reference, TABLE } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'
import { largestError, relativeError } from '../helpers/measures.js'
import { SWIFTSHADER, useSwiftShader } from '../helpers/swiftshader.js'

useSwiftShader()
setAdapterFolder(temporaryFolder())

/** Float32 on both sides: some 1e-6 is seen, a wrong form of an operation is off by 1e-3 and more. */
const BOUND = 1e-4

/** A few of the fixtures, so that it does not take long: each exporter, and what is special on WebGPU. */
const CHOSEN = [
  ['tiny-llama-genai', 'fp32'], // packed attention
  ['tiny-qwen2-genai', 'fp32'], // biases
  ['tiny-qwen3-optimum', 'fp32'], // sines and cosines in the graph, norms of queries and keys
  ['tiny-phi3-genai', 'fp32'], // a window
  ['tiny-llama-genai', 'q4'], // four-bit weights
]
const decoders = TABLE.filter(d => CHOSEN.some(([name, dtype]) => d.name === name && d.dtype === dtype))

const figures: string[] = []
afterAll(() => console.info(`WebGPU in Node (SwiftShader), largest errors against PEFT:\n${figures.join('\n')}`))

describe.skipIf(!SWIFTSHADER && !process.env.CI)('WebGPU in Node', () => {
  test('answers the probe', async () => {
    expect(await probe('webgpu')).toMatchObject({ ok: true })
  })

  describe.each(decoders)('$name $dtype', (decoder: Decoder) => {
    const { name, dtype } = decoder
    const expected = reference(decoder.reference)
    const { inputIds, labels, tensors, optimizer } = expected
    const lora = new LoRAHandle({ identifier: decoder.reference, path: `${fixture(decoder.reference)}/adapter` })
    let model: LoRAModel
    let cpu: LoRAModel
    beforeAll(async () => {
      model = await LoRAModel.load(fixture(name), { device: 'webgpu', dtype })
      cpu = await LoRAModel.load(fixture(name), { device: 'cpu', dtype })
      return async () => {
        await model.dispose()
        await cpu.dispose()
      }
    })

    test('gives the logits, gradients and training of PEFT, all of it on the device', async () => {
      const base = largestError((await model.logits(inputIds)).data, tensors.get('base_logits')!)
      const adapted = largestError((await model.logits(inputIds, { lora })).data, tensors.get('adapter_logits')!)
      const { loss, grads } = await model.gradients(lora, { inputIds, labels })
      const gradient = Math.max(...[...grads].map(([n, g]) => relativeError(g, tensors.get(`grad.${n}`)!)))
      const { lr, weight_decay, betas, eps } = optimizer
      const options = { steps: 5, learningRate: lr, weightDecay: weight_decay, betas, epsilon: eps, clipNorm: null }
      const after = (await model.finetune(lora, { inputIds, labels }, options)) as LoRAHandle
      const { losses } = after.metadata.training as TrainingSummary
      const steps = largestError(losses, expected.losses.slice(0, 5))
      const onCpu = (await cpu.finetune(lora, { inputIds, labels }, options)) as LoRAHandle
      const [mine, theirs] = [after, onCpu].map(({ path }) => readPeft(path!).adapter.tensors)
      const trained = Math.max(...[...mine!].map(([n, t]) => relativeError(t.data, theirs!.get(n)!.data)))
      const row = {
        base,
        adapted,
        loss: Math.abs(loss - expected.losses[0]!),
        gradient,
        steps,
        'against the CPU': trained,
      }
      figures.push(
        [`${name} ${dtype}`, ...Object.entries(row).map(([k, x]) => `${k} ${x.toExponential(1)}`)].join(' | '),
      )
      expect(Math.max(...Object.values(row))).toBeLessThan(BOUND)
    })

    test('generates what the CPU does, with an adapter, without, and with it again', async () => {
      const prompt = [{ role: 'user', content: 'hello there' }]
      for (const own of [lora, null, lora])
        expect(await model.generate(prompt, { lora: own, maxNewTokens: 8 })).toEqual(
          await cpu.generate(prompt, { lora: own, maxNewTokens: 8 }),
        )
    })
  })

  test('long prompts: what its attention gets wrong over 32 tokens and more is seen, and gone round', async () => {
    const [gpu, cpu] = [
      await LoRAModel.load(fixture('tiny-llama-genai'), { device: 'webgpu' }),
      await LoRAModel.load(fixture('tiny-llama-genai'), { device: 'cpu' }),
    ]
    expect(gpu.deviceReason).toBe(
      'webgpu: asked for; it answers; prompts are read in parts, because its attention over many tokens is wrong',
    )
    const ids = Array.from({ length: 70 }, (_, i) => (i * 37 + 11) % 300)
    const worst = largestError((await gpu.logits(ids)).data, (await cpu.logits(ids)).data)
    figures.push(`tiny-llama-genai fp32, 70 tokens | logits against the CPU ${worst.toExponential(1)}`)
    expect(worst).toBeLessThan(BOUND)
    const prompt = [{ role: 'user', content: 'hello there my friend '.repeat(8) }]
    expect(await gpu.generate(prompt, { maxNewTokens: 4 })).toEqual(await cpu.generate(prompt, { maxNewTokens: 4 }))
    await gpu.dispose()
    await cpu.dispose()
  })

  test('what is not computed on the device is an error, at every run', async () => {
    const e = new Emit(emptyGraph())
    // The runtime has this one on the CPU alone.
    e.graph.outputs = [e.typed('Det', [e.input('x', [2, 2], 'float32')], {}, { dtype: 'float32', dims: [] })]
    const session = await createSession(e.graph, 'a determinant', {
      weights: '.',
      purpose: 'training',
      device: 'webgpu',
    })
    for (let run = 0; run < 2; run++)
      await expect(session.run({ x: float32(Float32Array.of(1, 2, 3, 4), [2, 2]) })).rejects.toThrow(
        'a determinant on webgpu: part of it ran on the CPU, because ONNX Runtime has no kernel for it there: 1 Det.',
      )
    await session.release()
  })

  test.each([
    ['fp16', 'tiny-llama-genai-webgpu', 'half floats'],
    ['int8', 'tiny-llama-optimum', 'products of eight-bit integers'],
  ] as const)('%s weights, which it cannot compute with here, are an error at once', async (dtype, name, what) => {
    await expect(LoRAModel.load(fixture(name), { device: 'webgpu', dtype })).rejects.toThrow(
      `webgpu has no ${what} here, which ${dtype} needs; use fp32, q4`,
    )
  })

  test('a soft-cap, which it would leave out, is refused', async () => {
    await expect(LoRAModel.load(fixture('tiny-gemma2-genai'), { device: 'webgpu' })).rejects.toThrow('soft-cap')
  })
})
