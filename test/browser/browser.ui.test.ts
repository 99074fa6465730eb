import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unzipSync, zipSync } from 'fflate'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoRAModel } from '../../src/engine/model.js'
import { identify } from '../../src/lora/adapter.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { readPeft } from '../../src/lora/peft.js'
import { decodeZip } from '../../src/lora/zip.js'
import { workFolder } from '../cli/cli.js'
import { fixture, reference } from '../helpers/fixtures.js'
import { largestError, relativeError } from '../helpers/measures.js'
import { CHROMIUM, launch } from './chromium.js'
import type { Answer, Task } from './page.js'
import { bundle, serve } from './site.js'

const folder = workFolder()
setAdapterFolder(join(folder, 'adapters'))

/** Float32 on both sides; some 1e-6 is seen, a wrong formula is off by 1e-2. */
const LOGITS = 1e-4
const GRADIENTS = 1e-4

const filesOf = (path: string): Map<string, Uint8Array> =>
  new Map(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .map(file => [file.slice(path.length + 1), new Uint8Array(readFileSync(file))]),
  )
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

describe.skipIf(!CHROMIUM && !process.env.CI)('in Chromium', () => {
  let browser: Browser
  let site: Awaited<ReturnType<typeof serve>>
  const requests: string[] = []
  const trouble: string[] = []
  beforeAll(async () => {
    await bundle(folder)
    site = await serve(folder)
    browser = await launch()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    site?.close()
  })

  async function ask(task: Task): Promise<Answer> {
    const page = await browser.newPage()
    page.on('request', request => requests.push(request.url()))
    page.on('console', message => message.type() === 'error' && trouble.push(message.text()))
    page.on('pageerror', error => trouble.push(String(error)))
    await page.goto(`${site.origin}/`)
    await page.waitForFunction(() => 'perform' in globalThis)
    const answer = await page.evaluate(
      t => (globalThis as unknown as { perform(t: Task): Promise<Answer> }).perform(t),
      task,
    )
    await page.close()
    return answer
  }

  const expected = reference('tiny-llama-ref')
  const { inputIds, labels, optimizer, tensors } = expected
  const adapter = `${fixture('tiny-llama-ref')}/adapter`
  const common = { inputIds, labels, optimizer, adapter: base64(zipSync(Object.fromEntries(filesOf(adapter)))) }

  describe.each(['wasm', 'webgpu'] as const)('%s', device => {
    let answer: Answer
    beforeAll(async () => {
      // One way to hand over a model each: by its address, and as files.
      const model =
        device === 'wasm'
          ? 'models/tiny-llama-genai'
          : Object.fromEntries([...filesOf(fixture('tiny-llama-genai-webgpu'))].map(([n, b]) => [n, base64(b)]))
      answer = await ask({ device, model, ...common })
    }, 300_000)

    test('loads, and says where', () => {
      expect(answer.about).toMatchObject({ device, dtype: 'fp32', id: device === 'wasm' ? 'tiny-llama-genai' : 'tiny' })
    })

    test('logits, loss and gradients are those of PEFT', () => {
      const base = largestError(answer.baseLogits, tensors.get('base_logits')!)
      const adapted = largestError(answer.adapterLogits, tensors.get('adapter_logits')!)
      const worst = Math.max(
        ...Object.entries(answer.grads).map(([name, g]) => relativeError(g, tensors.get(`grad.${name}`)!)),
      )
      console.info(
        `${device}: logits ${base.toExponential(1)}, with adapter ${adapted.toExponential(1)}, gradients ${worst.toExponential(1)}`,
      )
      expect(Math.max(base, adapted)).toBeLessThan(LOGITS)
      expect(Math.abs(answer.loss - expected.losses[0]!)).toBeLessThan(LOGITS)
      expect(Object.keys(answer.grads)).toHaveLength(28)
      expect(worst).toBeLessThan(GRADIENTS)
    })

    test('five AdamW steps are those of PEFT', () => {
      const { losses, targetLoss } = answer.training
      const worst = largestError([...losses, targetLoss.after], expected.losses)
      const logits = largestError(answer.afterLogits, tensors.get('after5_logits')!)
      console.info(
        `${device}: losses of five steps ${worst.toExponential(1)}, logits after them ${logits.toExponential(1)}`,
      )
      expect(worst).toBeLessThan(LOGITS)
      expect(logits).toBeLessThan(LOGITS)
      expect(answer.steps).toEqual([1, 2, 3, 4, 5])
    })

    test('an adapter comes in and goes out as a zip file with its identity', () => {
      expect(answer.imported).toBe(identify(readPeft(adapter).adapter))
      const zip = new Uint8Array(Buffer.from(answer.zip, 'base64'))
      expect(identify(decodeZip(zip).adapter)).toBe(answer.after)
      // As anybody would unpack it.
      const unpacked = join(folder, `unpacked-${device}`)
      mkdirSync(unpacked)
      for (const [name, bytes] of Object.entries(unzipSync(zip))) writeFileSync(join(unpacked, name), bytes)
      const { adapter: trained } = readPeft(unpacked)
      expect(identify(trained)).toBe(answer.after)
      for (const [name, { data }] of readPeft(`${fixture('tiny-llama-ref')}/adapter_after5`).adapter.tensors)
        expect(relativeError(trained.tensors.get(name)!.data, data), name).toBeLessThan(GRADIENTS)
    })

    test('generates with an adapter and without, as Node does on the CPU, and streams it', async () => {
      const model = await LoRAModel.load(fixture('tiny-llama-genai'), { device: 'cpu' })
      const prompt = [{ role: 'user', content: 'hello there' }]
      const lora = new LoRAHandle({ identifier: 'adapter', path: adapter })
      expect(answer.generated).toEqual(await model.generate(prompt, { lora, maxNewTokens: 12 }))
      expect(answer.base).toEqual(await model.generate(prompt, { maxNewTokens: 12 }))
      expect(answer.streamed).toBe(answer.generated.text)
      await model.dispose()
    })

    test('learns an answer from nothing', () => {
      const { before, after, said } = answer.taught
      console.info(`${device}: loss of the answer ${before.toFixed(2)} before, ${after.toFixed(2)} after`)
      expect(after).toBeLessThan(0.1 * before)
      expect(said).toBe('aaaa')
    })

    test('says what goes wrong, and stops when asked to', () => {
      expect(answer.failure).toMatch(/^InputError: loading http.*nowhere\/: /)
      expect(answer.unknown).toMatch(
        /^InputError: loading .*: device cuda cannot serve here: in a browser there are webgpu, wasm$/,
      )
      expect(answer.stopped).toBe('TimeoutError')
    })
  })

  test("no request left the page's origin, and nothing went wrong unseen", () => {
    expect(requests.length).toBeGreaterThan(8)
    expect(requests.filter(url => !url.startsWith(`${site.origin}/`) && !/^(blob|data):/.test(url))).toEqual([])
    expect(requests.some(url => url.endsWith('.wasm'))).toBe(true)
    expect(trouble.filter(text => !text.includes('404'))).toEqual([])
  })
})
