import type { Locator } from 'playwright-core'
import type { LabPage } from './server.js'

interface App {
  commands: { execute(command: string, args?: object): Promise<unknown> }
  shell: {
    currentWidget: unknown
    widgets(area: string): Iterable<{ sessionContext?: { session?: { kernel?: { status: string } } } }>
  }
}

/** For what is waited for: long, for a machine that has other work. */
export const SOON = { timeout: 60_000, interval: 50 }

/** Does one of JupyterLab's commands, and waits for its end. */
export const command = (page: LabPage, id: string, args: object = {}): Promise<void> =>
  page.evaluate(
    async ([id, args]) => {
      await (globalThis as unknown as { jupyterapp: App }).jupyterapp.commands.execute(id, args)
    },
    [id, args] as const,
  )

/** The notebook's kernel is there and has nothing to do. */
export async function kernelReady(page: LabPage): Promise<void> {
  await page.waitForFunction(() => {
    const { jupyterapp } = globalThis as unknown as { jupyterapp?: App }
    const widgets = [...(jupyterapp?.shell.widgets('main') ?? [])]
    return widgets.some(widget => widget.sessionContext?.session?.kernel?.status === 'idle')
  })
}

/** Begins a cell of the notebook, as a person would. */
export async function beginCell(page: LabPage, index: number): Promise<void> {
  await page.locator('.jp-Notebook .jp-Cell').nth(index).locator('.jp-InputArea-prompt').click()
  await page.keyboard.press('Control+Enter')
}

/** Runs a cell to its end. */
export async function runCell(page: LabPage, index: number): Promise<void> {
  await beginCell(page, index)
  await page
    .locator('.jp-Notebook .jp-Cell')
    .nth(index)
    .locator('.jp-InputPrompt', { hasText: /\[\d+\]/ })
    .waitFor({ timeout: 90_000 })
}

/** The panel beside the notebook, opened by the button of the notebook. */
export async function openPanel(page: LabPage): Promise<Locator> {
  await page.locator('.jp-NotebookPanel-toolbar [data-command="lora-harness:open-panel"]').click()
  const panel = page.locator('.lh-RunPanel')
  await panel.waitFor()
  return panel
}

/** Number of examples that are done, as the status line says. */
export async function progress(panel: Locator): Promise<number> {
  return Number.parseInt((await panel.locator('[data-lh="progress"]').textContent()) ?? '', 10)
}

/** Does something with an element's canvas: how many of its pixels are drawn on. */
export const ink = (canvas: Locator): Promise<number> =>
  canvas.evaluate(element => {
    const { width, height } = element as HTMLCanvasElement
    if (width * height === 0) return 0
    const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
    return data.reduce((n, value, i) => (i % 4 === 3 && value > 0 ? n + 1 : n), 0)
  })

/** A cell of a notebook that draws only those in sight, brought into sight. */
export async function cellInSight(page: LabPage, index: number): Promise<Locator> {
  await page.evaluate(async at => {
    const { currentWidget } = (globalThis as unknown as { jupyterapp: App }).jupyterapp.shell
    await (currentWidget as { content: { scrollToItem(i: number): Promise<void> } }).content.scrollToItem(at)
  }, index)
  const cell = page.locator(`.jp-Notebook .jp-Cell[data-windowed-list-index="${index}"]`)
  await cell.waitFor()
  return cell
}
