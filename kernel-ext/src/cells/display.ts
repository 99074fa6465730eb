import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { MIME } from 'lora-harness/protocol'
import { line, plain } from '../cards/text.js'
import { transport } from '../place.js'
import { bundleBy, type DisplayOptions, type MimeBundle } from '../transport.js'

/**
 * Shows a value below the cell: as it shows itself, a MIME bundle (an object of which every key is a MIME type) as it is,
 * anything else as text.
 */
export async function display(value: unknown, options?: DisplayOptions): Promise<void> {
  await transport().display(await bundleOf(value), options)
}

async function bundleOf(value: unknown): Promise<MimeBundle> {
  const shows = bundleBy(value)
  if (shows) return await shows()
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (keys.length > 0 && keys.every(key => /^[a-z]+\/[\w.+-]+$/.test(key))) return value as MimeBundle
  return { 'text/plain': typeof value === 'string' ? value : inspect(value) }
}

/** Empties the cell's output; with `wait` as soon as there is something new. */
export const clearOutput = (wait = false): Promise<void> => transport().clearOutput(wait)

/** Asks the reader for a line. @throws InputUnavailable there is nobody to answer */
export const input = (prompt?: string, options?: { password?: boolean }): Promise<string> =>
  transport().input(prompt, options)

/** Time between two updates of a bar [ms]. */
const PACE = 100
const WIDTH = 30

/**
 * Items of a list or a stream, with a bar that moves as they are taken:
 * `for await (const item of progress(items)) …`.
 *
 * @param total how many there are, where `items` has no `length`
 */
export async function* progress<T>(
  items: Iterable<T> | AsyncIterable<T>,
  { label = '', total = lengthOf(items) }: { label?: string; total?: number } = {},
): AsyncGenerator<T, void, undefined> {
  const page = transport()
  const displayId = randomUUID()
  const from = performance.now()
  let [done, due, shown] = [0, 0, false]
  const show = async () => {
    const ms = performance.now() - from
    const card = { v: 1, left: null, kind: 'progress', label: line(label), done, total: total ?? null }
    const bundle = { [MIME]: card, 'text/plain': plain(barText(line(label, 40), done, total, ms)) }
    await page.display(bundle, { displayId, update: shown })
    shown = true
    due = performance.now() + PACE
  }
  // Where a display cannot be updated only its end is worth a line.
  const live = page.kernel !== 'none'
  if (live) await show()
  try {
    for await (const item of items) {
      yield item
      done++
      if (live && performance.now() >= due) await show()
    }
  } finally {
    await show()
  }
}

const lengthOf = (items: object): number | undefined =>
  'length' in items && typeof items.length === 'number'
    ? items.length
    : 'size' in items && typeof items.size === 'number'
      ? items.size
      : undefined

function barText(label: string, done: number, total: number | undefined, ms: number): string {
  const seconds = `${(ms / 1000).toFixed(1)} s`
  const name = label === '' ? '' : `${label} `
  if (!total) return `${name}${done}, ${seconds}`
  const filled = Math.round((Math.min(done, total) / total) * WIDTH)
  return `${name}${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}, ${seconds}`
}
