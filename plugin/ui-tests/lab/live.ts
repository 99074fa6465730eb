import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator } from 'playwright-core'
import { expect, test } from 'vitest'
import { toy, writeNotebook } from './notebook.js'
import { kernelReady, openPanel, progress, runCell, SOON } from './pages.js'
import type { Lab, LabPage } from './server.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A notebook with a run, its panel beside it. */
async function begin(lab: Lab, id: string, options?: Parameters<typeof toy>[1]): Promise<[LabPage, Locator]> {
  writeNotebook(lab.folder, `${id}.ipynb`, [
    { code: toy(id, options) },
    { code: 'h.start()' },
    { code: 'process.pid' },
    { code: 'await h.run()' },
  ])
  const page = await lab.open(`/lab/workspaces/${id}/tree/${id}.ipynb`)
  await kernelReady(page)
  await runCell(page, 0)
  return [page, await openPanel(page)]
}

const doing = (panel: Locator) => panel.locator('[data-lh="doing"]').getAttribute('data-doing')
const connection = (panel: Locator) => panel.locator('.lh-Panel').getAttribute('data-connection')
const press = (panel: Locator, name: string) => panel.locator(`.lh-Panel button[data-lh="${name}"]`).click()
const chosen = (panel: Locator) => panel.locator('[data-lh="example"]').getAttribute('aria-label')

export function live(lab: () => Lab): void {
  test('a run is followed and steered from its panel: pause, step, resume, rewind, fork', async () => {
    const [page, panel] = await begin(lab(), 'steered', { examples: 200, ms: 40 })
    await runCell(page, 1)
    await expect.poll(() => progress(panel), SOON).toBeGreaterThan(3)
    await press(panel, 'pause')
    await expect.poll(() => doing(panel), SOON).toBe('paused')
    const held = await progress(panel)
    await press(panel, 'step')
    await expect.poll(() => progress(panel), SOON).toBe(held + 1)
    // Exactly one: it stays so while the next thing is done.
    await panel.locator('.lh-Panel').press('Home')
    expect(await chosen(panel)).toBe('Example 0')
    expect(await progress(panel)).toBe(held + 1)

    await press(panel, 'pause') // Resume.
    await expect.poll(() => progress(panel), SOON).toBeGreaterThan(held + 3)
    expect(await chosen(panel)).toBe('Example 0') // What is looked at does not move.

    await panel.locator('.lh-Panel').press('ArrowRight')
    await press(panel, 'rewind')
    await panel.locator('[data-lh="continue"]').click()
    const branches = panel.locator('select[data-lh="branch"]')
    await expect.poll(() => branches.locator('option').allTextContents(), SOON).toContain('main-2 (worked on)')
    await expect.poll(() => doing(panel), SOON).not.toBe('running')
    await expect.poll(() => progress(panel), SOON).toBe(2)

    await press(panel, 'fork')
    await panel.locator('[data-lh="continue"]').click()
    await panel.locator('[data-lh="open-run"]').click()
    await expect.poll(() => panel.locator('[data-lh="run-picker"] option').count(), SOON).toBe(2)
    expect(page.trouble).toEqual([])
    expect(page.left).toEqual([])
    await page.context().close()
  })

  test('after a reload the panel is back, with the run and the example that was looked at; its address leads there too', async () => {
    const [page, panel] = await begin(lab(), 'again')
    await runCell(page, 3)
    await expect.poll(() => progress(panel), SOON).toBe(30)
    await panel.locator('.lh-Panel').press('Home')
    await panel.locator('.lh-Panel').press('ArrowRight')
    await expect.poll(() => chosen(panel)).toBe('Example 1')
    // JupyterLab saves what is open a moment later.
    const workspace = async () => JSON.stringify(await lab().api('../lab/api/workspaces/again'))
    await expect.poll(workspace, SOON).toMatch(/"index": ?1[,}]/)
    await page.reload()
    await expect.poll(() => chosen(panel), SOON).toBe('Example 1')
    expect(await progress(panel)).toBe(30)

    const tab = await lab().open('/lab/workspaces/link/tree/again.ipynb#lora=again/main/4/metrics')
    await expect.poll(() => chosen(tab.locator('.lh-RunPanel')), SOON).toBe('Example 4')
    await Promise.all([tab.context().close(), page.context().close()])
  })

  test('two tabs on one run: each looks where it likes, and both see what one of them does', async () => {
    const [page, panel] = await begin(lab(), 'shared')
    const other = await lab().open('/lab/workspaces/other/tree/shared.ipynb', { context: page.context() })
    await kernelReady(other)
    const second = await openPanel(other)
    await press(second, 'step')
    for (const one of [panel, second]) await expect.poll(() => progress(one), SOON).toBe(1)
    await press(panel, 'step')
    for (const one of [panel, second]) await expect.poll(() => progress(one), SOON).toBe(2)
    await second.locator('.lh-Panel').press('Home')
    expect(await chosen(second)).toBe('Example 0')
    expect(await chosen(panel)).toBe('Example 1')
    await page.context().close()
  })

  test('a kernel that is killed: said within 5 s, what is known stays readable', async () => {
    const [page, panel] = await begin(lab(), 'killed')
    await runCell(page, 3)
    await expect.poll(() => progress(panel), SOON).toBe(30)
    const example = () => panel.locator('[data-lh="example"]').textContent()
    await panel.locator('.lh-Panel').press('Home')
    await expect.poll(example, SOON).toContain('What is 0?')
    await panel.locator('.lh-Panel').press('End')
    await expect.poll(example, SOON).toContain('What is 29?')
    await runCell(page, 2)
    const pid = Number(
      await page.locator('.jp-Notebook .jp-Cell').nth(2).locator('.jp-OutputArea-output').textContent(),
    )
    process.kill(pid, 'SIGKILL')
    const from = performance.now()
    await expect.poll(() => connection(panel), { timeout: 20_000, interval: 50 }).not.toBe('live')
    console.log(`killed: said after ${((performance.now() - from) / 1000).toFixed(1)} s`)
    expect(performance.now() - from).toBeLessThan(5_000)
    expect(await panel.locator('[data-lh="notices"]').textContent()).toMatch(/kernel/i)
    // JupyterLab says in a dialog of its own that it starts another one.
    await page.locator('.jp-Dialog button').first().click()
    await panel.locator('.lh-Panel').press('Home')
    await expect.poll(example, SOON).toContain('What is 0?')
    await page.context().close()
  })

  test('a kernel that is started anew on purpose is told from one that was lost', async () => {
    const [page, panel] = await begin(lab(), 'restarted')
    await press(panel, 'step')
    await expect.poll(() => progress(panel), SOON).toBe(1)
    await page.evaluate(async () => {
      const { jupyterapp } = globalThis as unknown as {
        jupyterapp: { shell: { widgets(): Iterable<{ sessionContext?: { restartKernel(): Promise<void> } }> } }
      }
      for (const widget of jupyterapp.shell.widgets()) await widget.sessionContext?.restartKernel()
    })
    await expect.poll(() => connection(panel), SOON).toBe('restarted')
    await kernelReady(page)
    await runCell(page, 0)
    await expect.poll(() => connection(panel), SOON).toBe('live')
    expect(await progress(panel)).toBe(1)
    await page.context().close()
  })

  test('a line that breaks while the run goes on: what is known stays, and what was missed comes with it', async () => {
    const context = await lab().browser.newContext({ viewport: { width: 1400, height: 900 } })
    await context.addInitScript(() => {
      const sockets: WebSocket[] = []
      const wire = Object.assign(globalThis, { down: false, sockets })
      globalThis.WebSocket = class extends WebSocket {
        constructor(url: string | URL, protocols?: string | string[]) {
          // Port 9 takes nobody.
          super(wire.down && String(url).includes('/channels') ? 'ws://127.0.0.1:9/' : url, protocols)
          if (String(url).includes('/channels')) sockets.push(this)
        }
      }
    })
    writeNotebook(lab().folder, 'line.ipynb', [{ code: toy('line', { examples: 400 }) }, { code: 'h.start()' }])
    const page = await lab().open('/lab/workspaces/line/tree/line.ipynb', { context })
    await kernelReady(page)
    await runCell(page, 0)
    const panel = await openPanel(page)
    await runCell(page, 1)
    await expect.poll(() => progress(panel), SOON).toBeGreaterThan(2)
    await panel.locator('.lh-Panel').press('Home')
    const example = () => panel.locator('[data-lh="example"]').textContent()
    await expect.poll(example, SOON).toContain('What is 0?')
    await page.evaluate(() => {
      const wire = globalThis as unknown as { down: boolean; sockets: WebSocket[] }
      wire.down = true
      for (const socket of wire.sockets) socket.close()
    })
    const from = performance.now()
    await expect.poll(() => connection(panel), { timeout: 20_000, interval: 50 }).toBe('lost')
    expect(performance.now() - from).toBeLessThan(5_000)
    const known = await progress(panel)
    expect(await example()).toContain('What is 0?')
    await page.evaluate(() => Object.assign(globalThis, { down: false }))
    await panel.getByRole('button', { name: 'Reconnect now' }).click()
    await expect.poll(() => connection(panel), SOON).toBe('live')
    await expect.poll(() => progress(panel), SOON).toBeGreaterThan(known)
    await context.close()
  })

  test('an exported run opens from the file browser without a kernel, to look at', async () => {
    const folder = lab().folder
    const file = join(folder, 'saved.lora-run.zip')
    execFileSync(
      process.execPath,
      [join(root, 'dist/cli/main.js'), 'export', 'runs/again', '--format', 'zip', '--out', file],
      { cwd: folder },
    )
    const page = await lab().open('/lab/workspaces/saved/tree/saved.lora-run.zip')
    const panel = page.locator('.lh-RunPanel')
    await expect.poll(() => connection(panel), SOON).toBe('stored')
    expect(await progress(panel)).toBe(30)
    await panel.locator('.lh-Panel').press('Home')
    await expect.poll(() => panel.locator('[data-lh="example"]').textContent(), SOON).toContain('What is 0?')
    const pause = panel.locator('button[data-lh="pause"]')
    expect(await pause.getAttribute('aria-disabled')).toBe('true')
    expect(await pause.getAttribute('title')).toContain('file')
    expect(page.left).toEqual([])
    await page.context().close()
  })
}
