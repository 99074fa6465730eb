import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type LoRAHandle, LoRAModel, readPeft, Skip, setAdapterFolder, type TrainingSummary } from 'lora-harness'
import type { ComputeWord } from 'lora-harness/protocol'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserModel } from '../../kernel-ext/src/compute/browser-model.js'
import { CHROMIUM, launch } from '../../test/browser/chromium.js'
import { serve } from '../../test/browser/site.js'
import { fixture } from '../../test/helpers/fixtures.js'
import { fakePage, type Line } from '../../test/kernel-ext/cells/page.js'
import type { HostStatus } from '../src/compute/host.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'))
const WASM = 'ort-wasm-simd-threaded.asyncify.wasm'
const messages = [{ role: 'user', content: 'hello there' }] as const

describe.skipIf(!CHROMIUM && !process.env.CI)('a model computed by Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'compute-'))
  setAdapterFolder(join(folder, 'adapters'))
  let browser: Browser
  let site: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    await build({
      entryPoints: {
        page: here('page/compute.ts'),
        browser: here('../src/compute/browser.ts'),
        worker: here('../src/compute/worker.ts'),
      },
      ...{ bundle: true, splitting: true, format: 'esm', platform: 'browser', target: 'es2022' },
      ...{ tsconfigRaw: {}, outdir: folder, logLevel: 'error' },
    })
    copyFileSync(join(ort, WASM), join(folder, WASM))
    site = await serve(folder)
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
    rmSync(folder, { recursive: true })
  })

  const kernel = fakePage()

  /** A tab that offers itself; with all that it said. Two of one `context` share what the browser keeps. */
  async function tab(device: 'webgpu' | 'wasm', context?: BrowserContext) {
    const page = await (context ?? (await browser.newContext())).newPage()
    const said: ComputeWord[] = []
    const line: Line[] = []
    await page.exposeFunction('toKernel', (word: ComputeWord, buffers: string[]) => {
      said.push(word)
      line[0]!.say(
        word,
        buffers.map(b => new Uint8Array(Buffer.from(b, 'base64'))),
      )
    })
    await page.goto(`${site.origin}/`)
    await page.waitForFunction(() => 'offer' in globalThis)
    await page.evaluate(d => (globalThis as unknown as { offer(d: string): void }).offer(d), device)
    kernel.lines.length = 0
    const hears = (order: unknown, buffers: readonly Uint8Array[]) => {
      const told = [order, buffers.map(b => Buffer.from(b).toString('base64'))] as const
      page
        .evaluate(([o, b]) => (globalThis as unknown as { told(o: unknown, b: string[]): void }).told(o, b), told)
        .catch(() => {}) // The tab was closed.
    }
    line.push(kernel.open('lora-harness.compute.v1', { client: 'test', device }, hears))
    const status = () => page.evaluate(() => (globalThis as unknown as { hostStatus(): HostStatus }).hostStatus())
    const wanted = () => said.flatMap(word => (word.type === 'want' ? [word.name] : []))
    const leave = async () => {
      await page.close()
      line[0]!.close()
    }
    return { page, status, wanted, leave }
  }

  test('with WebAssembly it answers and learns as here, and each file is sent once', async () => {
    const folder = fixture('tiny-llama-genai')
    const here = await LoRAModel.load(folder, { device: 'cpu' })
    const waiting = browserModel(folder)
    await expect
      .poll(() => kernel.shown.map(({ bundle }) => String(bundle['text/plain'])))
      .toEqual([
        expect.stringMatching(
          /^Waiting for a browser to serve tiny-llama-genai \(\d+ MB\)\. In JupyterLab, choose "Run inference/,
        ),
      ])
    const context = await browser.newContext()
    const first = await tab('wasm', context)
    const model = await waiting
    expect(model).toMatchObject({ id: 'tiny-llama-genai', device: 'wasm', dtype: 'fp32' })
    expect(await first.status()).toMatchObject({ kind: 'ready', calls: 0, notKept: null })
    expect(first.wanted()).toContain('onnx/model.onnx')

    const pieces: string[] = []
    const answer = await model.generate(messages, { maxNewTokens: 12, onToken: text => void pieces.push(text) })
    expect(answer).toEqual(await here.generate(messages, { maxNewTokens: 12 }))
    expect(pieces.join('')).toBe(answer.text)

    const item = { messages: [...messages], target: 'aaaa' }
    const options = { steps: 5, learningRate: 2e-2 }
    const taught = await model.finetune(null, item, options)
    if (taught instanceof Skip) throw new Error(taught.reason)
    const own = await here.finetune(null, item, options)
    if (own instanceof Skip) throw new Error(own.reason)
    // float32 on two runtimes, five steps: 1e-3 is far under what one step changes.
    const losses = (lora: LoRAHandle) => (lora.metadata.training as TrainingSummary).losses
    expect(losses(taught)).toHaveLength(5)
    for (const [i, loss] of losses(taught).entries()) expect(loss).toBeCloseTo(losses(own)[i]!, 3)
    expect(losses(taught)[4]).toBeLessThan(losses(taught)[0]! - 0.1)
    // What came is an adapter like any other: it is served here too, and says the same.
    expect(readPeft(taught.path!).adapter.tensors.size).toBeGreaterThan(0)
    const there = await model.score(messages, 'aaaa', { lora: taught })
    expect(there.nll).toBeCloseTo((await here.score(messages, 'aaaa', { lora: taught })).nll, 4)
    expect(await first.status()).toMatchObject({ calls: 2, tokensPerSecond: expect.any(Number) })

    await expect(model.generate(messages, { maxNewTokens: -1 })).rejects.toThrow(/maxNewTokens/)
    await expect(model.generate(messages, { maxNewTokens: 400, signal: AbortSignal.timeout(1) })).rejects.toMatchObject(
      { name: 'TimeoutError' },
    )

    const unanswered = model.generate(messages, { maxNewTokens: 400 })
    await first.leave()
    await expect(unanswered).rejects.toThrow(/is gone/)
    await expect(model.generate(messages)).rejects.toThrow(/the browser that served the model is gone/)

    // Another tab of the browser: the files are there, the adapter is fetched when a call names it.
    const again = browserModel(folder)
    const second = await tab('wasm', context)
    const served = await again
    expect(second.wanted()).toEqual([])
    expect((await served.score(messages, 'aaaa', { lora: taught })).nll).toBe(there.nll)
    expect(second.wanted()).toEqual([`adapter:${taught.identifier}`])
    await second.leave()
    await here.dispose()
  })

  test('with WebGPU it answers', async () => {
    const waiting = browserModel(fixture('tiny-llama-genai-webgpu'))
    const gpu = await tab('webgpu')
    const model = await waiting
    expect(model).toMatchObject({ device: 'webgpu' })
    const here = await LoRAModel.load(fixture('tiny-llama-genai'), { device: 'cpu' })
    const [there, own] = [await model.score(messages, 'aaaa'), await here.score(messages, 'aaaa')]
    expect(there.nll).toBeCloseTo(own.nll, 4) // The same weights in float32.
    await gpu.leave()
    await here.dispose()
  })

  test('interrupting the wait ends it; a tab that comes when nobody asks is told so, and serves the next one', async () => {
    const given = browserModel(fixture('tiny-llama-genai'))
    given.catch(() => {})
    await expect.poll(() => kernel.interrupt()).toBe(1)
    await expect(given).rejects.toThrow('interrupted while waiting')
    const early = await tab('wasm')
    await expect.poll(early.status).toMatchObject({ kind: 'waiting', why: expect.stringContaining('No cell asks') })
    expect(await browserModel(fixture('tiny-llama-genai'))).toMatchObject({ device: 'wasm' })
    await early.leave()
  })
})
