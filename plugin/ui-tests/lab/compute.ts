import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { writeNotebook } from './notebook.js'
import { beginCell, command, kernelReady, runCell, SOON } from './pages.js'
import type { Lab } from './server.js'

const tiny = fileURLToPath(new URL('../../../test/fixtures/tiny-llama-genai', import.meta.url))

/** The kernel's model, answered by the same kernel as it stands there: the browser's answers must be those. */
const ASK = `
const prompt = [{ role: 'user', content: 'hello there' }]
const { text } = await model.generate(prompt, { maxNewTokens: 8 })
const own = await (await LoRAModel.load(folder, { device: 'cpu' })).generate(prompt, { maxNewTokens: 8 })
const taught = await model.finetune(null, { messages: prompt, target: 'aaaa' }, { steps: 3, learningRate: 2e-2 })
if (taught instanceof Skip) throw new Error(taught.reason)
const after = await model.score(prompt, 'aaaa', { lora: taught })
const before = await model.score(prompt, 'aaaa')
JSON.stringify([model.device, text === own.text, after.nll < before.nll])`

export function compute(lab: () => Lab): void {
  test('a cell asks for a model, a person has this browser serve it, and the cell gets its answers', async () => {
    writeNotebook(lab().folder, 'gpu.ipynb', [
      {
        code: `import { LoRAModel, Skip } from 'lora-harness'\nimport { browserModel } from 'lora-harness-kernel'\nconst folder = ${JSON.stringify(tiny)}`,
      },
      { code: 'const model = await browserModel(folder)' },
      { code: ASK },
    ])
    const page = await lab().open('/lab/workspaces/gpu/tree/gpu.ipynb')
    await kernelReady(page)
    await runCell(page, 0)
    await beginCell(page, 1)
    const cell = (index: number) => page.locator('.jp-Notebook .jp-Cell').nth(index)
    await cell(1).getByText('Waiting for a browser to serve tiny-llama-genai').waitFor()
    // WebAssembly, as a person may choose: this machine's WebGPU is made of software.
    await command(page, 'lora-harness:serve-model', { device: 'wasm' })
    const line = page.locator('[data-lh="compute"]')
    await expect.poll(() => line.getAttribute('data-state'), SOON).toBe('ready')
    expect(await line.textContent()).toContain('This browser serves tiny-llama-genai on WebAssembly on the CPU')
    await runCell(page, 2)
    expect(await cell(2).locator('.jp-OutputArea-output').textContent()).toContain('["wasm",true,true]')
    await expect.poll(() => line.textContent(), SOON).toMatch(/2 calls, [\d.]+ tokens\/s/)
    expect(page.left).toEqual([])
    await line.locator('[data-lh="compute-stop"]').click()
    expect(await line.count()).toBe(0)
    await page.context().close()
  })
}
