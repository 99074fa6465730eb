import type { Locator } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { toy, writeNotebook } from './notebook.js'
import { command, kernelReady, openPanel, progress, runCell, SOON } from './pages.js'
import type { Lab, LabPage } from './server.js'

const chosen = (panel: Locator) => panel.locator('[data-lh="example"]').getAttribute('aria-label')
const connection = (panel: Locator) => panel.locator('.lh-Panel').getAttribute('data-connection')

/** What a person set, as JupyterLab keeps it; to be loaded with the next page. */
const set = (lab: Lab, plugin: string, settings: object) =>
  lab.api(`../lab/api/settings/${plugin}`, {
    method: 'PUT',
    body: JSON.stringify({ raw: JSON.stringify(settings) }),
  })
const OURS = 'lora-harness-jupyterlab:plugin'
const SHORTCUTS = '@jupyterlab/shortcuts-extension:shortcuts'

interface App {
  shell: { widgets(area: string): Iterable<Notebook> }
}
interface Notebook {
  context?: { path: string }
  sessionContext?: { session?: { kernel?: { id: string } } }
  dispose(): void
}

export function places(lab: () => Lab): void {
  test('as a person set it: in the side bar, with another key; then in a window of 900 px', async () => {
    onTestFinished(async () => {
      for (const plugin of [OURS, SHORTCUTS]) await set(lab(), plugin, {})
    })
    await set(lab(), OURS, { openIn: 'sidebar', follow: false, window: 20, showBaseline: false })
    const off = ['ArrowRight', 'J'].map(key => ({
      ...{ command: 'lora-harness:next', keys: [key], disabled: true },
      selector:
        '.lh-Panel:not(:has(input:focus)):not(:has(textarea:focus)):not(:has(select:focus)):not(:has([contenteditable="true"]:focus))',
    }))
    const other = { command: 'lora-harness:next', keys: ['N'], selector: '.lh-Panel' }
    await set(lab(), SHORTCUTS, { shortcuts: [...off, other] })
    writeNotebook(lab().folder, 'side.ipynb', [{ code: toy('side') }, { code: 'await h.run({ until: 12 })' }])
    const page = await lab().open('/lab/workspaces/side/tree/side.ipynb')
    await kernelReady(page)
    await runCell(page, 0)
    const panel = await openPanel(page)
    await runCell(page, 1)
    await expect.poll(() => progress(panel), SOON).toBe(12)
    expect(await page.locator('#jp-right-stack .lh-RunPanel').count()).toBe(1)
    expect(await panel.locator('[data-lh="sparkline"]').isVisible()).toBe(true)
    expect(await panel.locator('.lh-Timeline').isVisible()).toBe(false)
    expect(await panel.locator('button[data-lh="follow"]').getAttribute('aria-pressed')).toBe('false')

    await page.setViewportSize({ width: 900, height: 800 })
    await panel.locator('[data-lh="open-in-main"]').click()
    await page.locator('#jp-main-dock-panel .lh-RunPanel').waitFor()
    await command(page, 'filebrowser:hide-main')
    // Alone: beside a notebook it has half of the window, and stands as in a side bar.
    expect(await panel.locator('[data-lh="sparkline"]').isVisible()).toBe(true)
    await command(page, 'application:set-mode', { mode: 'single-document' })
    const timeline = panel.locator('[data-lh="timeline-history"]')
    await timeline.waitFor()
    expect(await panel.locator('[data-lh="drawer"]').isVisible()).toBe(true)
    const [inner, outer] = await panel.locator('.lh-Panel').evaluate(of => [of.scrollWidth, of.clientWidth])
    expect(inner).toBeLessThanOrEqual(outer!)
    expect(await panel.locator('[data-lh="timeline-label"]').allInnerTexts()).toHaveLength(1) // No baseline.
    const ground = panel.locator('.lh-Panel')
    await ground.press('Home')
    await ground.press('ArrowRight')
    expect(await chosen(panel)).toBe('Example 0')
    await ground.press('n')
    expect(await chosen(panel)).toBe('Example 1')
    expect(page.trouble).toEqual([])
    await page.context().close()
  })

  test('before there is a run: a cell with an example is put into the notebook, and not run', async () => {
    writeNotebook(lab().folder, 'first.ipynb', [{ code: '1 + 1' }])
    const page = await lab().open('/lab/workspaces/first/tree/first.ipynb')
    await kernelReady(page)
    const panel = await openPanel(page)
    await panel.locator('[data-lh="insert-example"]').click()
    const cell = page.locator('.jp-Notebook .jp-Cell').nth(1)
    await expect.poll(() => cell.locator('.cm-content').innerText(), SOON).toContain('new EmbeddedExampleSource')
    expect(await cell.locator('.jp-InputPrompt').innerText()).toMatch(/^\[ ?\]:$/)
    await page.context().close()
  })

  test('two notebooks with one kernel: the second one’s panel stays live when the first is closed', async () => {
    for (const name of ['one', 'two'])
      writeNotebook(lab().folder, `${name}.ipynb`, [{ code: toy('both', { examples: 400 }) }, { code: 'h.start()' }])
    const page = await lab().open('/lab/workspaces/both/tree/one.ipynb')
    await kernelReady(page)
    await runCell(page, 0)
    const id = await notebook(page, 'one.ipynb', of => of.sessionContext!.session!.kernel!.id)
    await command(page, 'docmanager:open', { path: 'two.ipynb', kernel: { id } })
    await page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell').first().waitFor()
    await command(page, 'lora-harness:open-panel', { path: 'two.ipynb', place: 'beside' })
    const panel = page.locator('.lh-RunPanel')
    await expect.poll(() => connection(panel), SOON).toBe('live')
    await notebook(page, 'one.ipynb', of => of.dispose())
    await panel.locator('.lh-Panel button[data-lh="step"]').click()
    await expect.poll(() => progress(panel), SOON).toBe(1)
    expect(await connection(panel)).toBe('live')
    await page.context().close()
  })
}

/** Does something with a notebook that is open. */
const notebook = <T>(page: LabPage, path: string, act: (of: Notebook) => T): Promise<T> =>
  page.evaluate(
    ([path, act]) => {
      const { shell } = (globalThis as unknown as { jupyterapp: App }).jupyterapp
      const of = [...shell.widgets('main')].find(widget => widget.context?.path === path)
      return new Function('of', `return (${act})(of)`)(of) as T
    },
    [path, String(act)] as const,
  )
