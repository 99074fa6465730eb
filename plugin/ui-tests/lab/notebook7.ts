import { expect, test } from 'vitest'
import { toy, writeNotebook } from './notebook.js'
import { kernelReady, openPanel, progress, runCell, SOON } from './pages.js'
import { startLab } from './server.js'

export function notebook7(): void {
  test('Notebook 7 draws cards, and has the panel in its side bar', async () => {
    const site = await startLab('notebook')
    try {
      writeNotebook(site.folder, 'seven.ipynb', [{ code: toy('seven') }, { code: 'await h.run()' }])
      const page = await site.open('/notebooks/seven.ipynb')
      await kernelReady(page)
      await runCell(page, 0)
      await page.locator('[data-lh="card"]').first().waitFor()
      const panel = await openPanel(page)
      await runCell(page, 1)
      await expect.poll(() => progress(panel), SOON).toBe(30)
      // Notebook 7.6.5 has one of its own, also without the plugin: it reads a setting that is not there.
      expect(page.trouble.filter(stack => stack.includes('lora-harness'))).toEqual([])
      expect(page.left).toEqual([])
    } finally {
      await site.close()
    }
  })
}
