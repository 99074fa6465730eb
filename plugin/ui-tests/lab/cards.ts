import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Card, MIME } from 'lora-harness/protocol'
import { expect, test } from 'vitest'
import { writeNotebook } from './notebook.js'
import { cellInSight, command, ink, SOON } from './pages.js'
import type { Lab, LabPage } from './server.js'

type Bundle = Record<string, unknown>

/** Cards that the project's notebooks hold. */
const stored: Bundle[] = ['101-first-run', '102-tweak-finetune-live', '103-rewind-fork-compare'].flatMap(name => {
  const path = fileURLToPath(new URL(`../../../notebooks/${name}.ipynb`, import.meta.url))
  const { cells } = JSON.parse(readFileSync(path, 'utf8')) as { cells: { outputs?: { data?: Bundle }[] }[] }
  return cells.flatMap(({ outputs = [] }) => outputs.flatMap(({ data }) => (data && MIME in data ? [data] : [])))
})
const cardIn = (bundle: Bundle) => bundle[MIME] as Card
const isRun = (bundle: Bundle) => {
  const card = cardIn(bundle)
  return (card.kind === 'run' || card.kind === 'timeline') && card.summary.examples > 0
}

/** A notebook of these outputs, whose kernel is not there. */
async function show(lab: Lab, name: string, bundles: readonly Bundle[]): Promise<LabPage> {
  writeNotebook(
    lab.folder,
    `${name}.ipynb`,
    bundles.map(data => ({ code: '0', outputs: [data] })),
    'gone',
  )
  const context = await lab.browser.newContext({ viewport: { width: 1400, height: 900 } })
  await context.addInitScript(() => {
    const { prototype } = HTMLCanvasElement
    const { getContext } = prototype
    const counts = Object.assign(globalThis, { webgl: 0 })
    prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
      if (kind.includes('webgl')) counts.webgl++
      return Reflect.apply(getContext, this, [kind, ...rest])
    } as typeof getContext
  })
  const page = await lab.open(`/lab/workspaces/${name}/tree/${name}.ipynb`, { context })
  const dialog = page.locator('.jp-Dialog')
  await dialog.locator('.jp-mod-reject').click()
  await dialog.waitFor({ state: 'detached' })
  return page
}

/** Twelve cards: those of the notebooks, and again from the first one on. */
const twelve = [...stored, ...stored].slice(0, Math.max(12, stored.length))

export function cards(lab: () => Lab): void {
  test('cards are drawn without a kernel, a dozen in a notebook: no WebGL, nothing leaves, nothing is offered to others', async () => {
    const page = await show(lab(), 'stored', twelve)
    for (const [i, bundle] of twelve.entries()) {
      const card = (await cellInSight(page, i)).locator('[data-lh="card"]')
      await card.waitFor()
      expect(await card.getAttribute('data-kind')).toBe(cardIn(bundle).kind)
      if (isRun(bundle)) await expect.poll(() => ink(card.locator('canvas').first()), SOON).toBeGreaterThan(200)
    }
    expect(await page.evaluate(() => (globalThis as unknown as { webgl: number }).webgl)).toBe(0)
    expect(await page.getByText(/share chart/i).count()).toBe(0)
    expect(page.left).toEqual([])
    expect(page.trouble).toEqual([])

    // Away, so that JupyterLab takes it out of sight or out of the page, and back.
    const first = twelve.findIndex(isRun)
    const card = (await cellInSight(page, first)).locator('[data-lh="card"]')
    const drawn = await ink(card.locator('canvas').first())
    await cellInSight(page, twelve.length - 1)
    const inSight = async () => {
      const box = await card.boundingBox({ timeout: 500 }).catch(() => null)
      return box !== null && box.y + box.height > 0 && box.y < 900
    }
    await expect.poll(inSight, SOON).toBe(false)
    await cellInSight(page, first)
    await expect.poll(() => ink(card.locator('canvas').first()), SOON).toBe(drawn)
    await page.context().close()
  })

  test('an example that is picked on a card opens in it', async () => {
    const page = await show(lab(), 'picked', [stored.findLast(isRun)!])
    const card = (await cellInSight(page, 0)).locator('[data-lh="card"]')
    const area = card.locator('[data-lh="timeline-area"]')
    const { width, height } = (await area.boundingBox())!
    await area.click({ position: { x: width / 2, y: height / 2 } })
    const drawer = card.locator('[data-lh="card-drawer"]')
    await drawer.locator('[data-lh="example"]').waitFor()
    expect((await drawer.boundingBox())!.height).toBeLessThanOrEqual(482)
    await drawer.locator('[data-lh="card-close"]').click()
    await drawer.waitFor({ state: 'detached' })
    expect(await card.locator('[data-lh="open-in-panel"]').count()).toBe(0)
    await page.context().close()
  })

  test('a theme is followed at once', async () => {
    const page = await show(lab(), 'theme', [stored.findLast(isRun)!])
    const canvas = (await cellInSight(page, 0)).locator('canvas').first()
    await expect.poll(() => ink(canvas), SOON).toBeGreaterThan(200)
    const picture = () => canvas.evaluate(element => (element as HTMLCanvasElement).toDataURL())
    const light = await picture()
    await command(page, 'apputils:change-theme', { theme: 'JupyterLab Dark' })
    await expect.poll(picture, SOON).not.toBe(light)
    await command(page, 'apputils:change-theme', { theme: 'JupyterLab Light' })
    await expect.poll(picture, SOON).toBe(light)
    await page.context().close()
  })

  test('what a notebook holds is text and no more, trusted or not; what is no card shows its words', async () => {
    const bad = '</script><script>globalThis.broken=1</script><img src=x onerror="globalThis.broken=1">'
    /** Every text of a card replaced. */
    const poisoned = (bundle: Bundle): Bundle => ({
      'text/plain': bad,
      [MIME]: JSON.parse(JSON.stringify(cardIn(bundle)), (key, value) =>
        typeof value === 'string' && !['kind', 'outcomes', 'verdict', 'type'].includes(key) ? bad + value : value,
      ),
    })
    const words = { 'text/plain': `as words ${bad}`, 'text/html': `<b>${bad}</b>` }
    const strange = [null, 7, [], { v: 2, kind: 'run' }, { v: 1, kind: 'run' }, { v: 1, kind: '__proto__' }]
    const kinds = [...new Map(stored.map(bundle => [cardIn(bundle).kind, bundle])).values()]
    const all = [...kinds.map(poisoned), ...strange.map(data => ({ ...words, [MIME]: data }))]
    const page = await show(lab(), 'hostile', all)
    for (const i of all.keys()) {
      const output = (await cellInSight(page, i)).locator('.lh-CardOutput')
      await output.locator('.lh-Card').waitFor()
      expect(await output.locator('script, img, iframe, object, embed, a').count()).toBe(0)
      if (i < kinds.length) expect(await output.textContent()).toContain('<script>')
      else expect(await output.locator('[data-lh="card-words"]').textContent()).toContain('as words </script>')
    }
    expect(await page.evaluate(() => 'broken' in globalThis)).toBe(false)
    expect(page.left).toEqual([])
    await page.context().close()
  })
}
