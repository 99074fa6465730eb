import { describe, expect, test } from 'vitest'
import { chooseDevice, DEVICES, probe } from '../../src/engine/device.js'
import { LoRAModel } from '../../src/engine/model.js'
import type { Device } from '../../src/engine/platform.js'
import { fixture } from '../helpers/fixtures.js'
import { useSwiftShader } from '../helpers/swiftshader.js'

useSwiftShader()

describe('a probe', () => {
  test('of the CPU answers', async () => {
    expect(await probe('cpu')).toMatchObject({ device: 'cpu', ok: true, half: true, ms: expect.any(Number) })
  })

  test.each(DEVICES)('of %s says what it found, without throwing', async device => {
    const found = await probe(device)
    expect(found.ok ? found.ms : found.problem.length).toBeGreaterThan(0)
  })
})

describe('device', () => {
  test('auto: the CPU where nothing is faster; a GPU made of software is not', async () => {
    const { device, reason } = await chooseDevice('auto', 'loading x')
    // On a machine with a GPU another device may be right; its reason says how much faster it is.
    if (device !== 'cpu') return expect(reason).toMatch(/^\w+: it runs the probe in [\d.]+ ms, the cpu in [\d.]+ ms$/)
    expect(reason).toMatch(/^cpu: (\w+ (does not serve \(.+\)|is slower \(\d+ ms\))(; |$))+$/)
    const model = await LoRAModel.load(fixture('tiny-llama-genai'))
    expect(model).toMatchObject({ device: 'cpu', deviceReason: reason, dtype: 'fp32' })
    expect(await LoRAModel.load(fixture('tiny-llama-genai'), { device: 'cpu', dtype: 'fp32' })).toBe(model)
    await model.dispose()
  })

  test('one that is not for this platform is an error that says what is', async () => {
    const not: Device = process.platform === 'darwin' ? 'dml' : 'coreml'
    await expect(LoRAModel.load(fixture('tiny-llama-genai'), { device: not })).rejects.toThrow(
      new RegExp(`^loading .*: device ${not} cannot serve here: in Node on ${process.platform} there are .*cpu$`),
    )
  })

  test('one that cannot serve is an error with cause and remedy, not the CPU', async () => {
    const found = await probe('cuda')
    if (found.ok) return
    await expect(chooseDevice('cuda', 'loading x')).rejects.toThrow(
      found.here
        ? `loading x: device cuda cannot serve: a probe was tried on it, and ONNX Runtime said: ${found.problem}. Remedy: it needs an NVIDIA driver`
        : 'loading x: device cuda cannot serve here: in Node on',
    )
  })
})

test('dtype auto is the most exact file that is there', async () => {
  const model = await LoRAModel.load(fixture('tiny-qwen2-genai'), { device: 'cpu' })
  expect(model.dtype).toBe('fp32')
  await model.dispose()
})
