import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { initWasm, Resvg } from '@resvg/resvg-wasm'
import { messageOf } from '../errors.js'
import type { Markup } from './markup.js'
import { type Picture, svg } from './pictures/index.js'

const require = createRequire(import.meta.url)
const fileOf = (specifier: string) => readFile(require.resolve(specifier))

/** The rasteriser and the font that our pictures are measured for: loaded once, when the first picture is drawn. */
let ready: Promise<Uint8Array[]> | undefined
const load = async (): Promise<Uint8Array[]> => {
  await initWasm(await fileOf('@resvg/resvg-wasm/index_bg.wasm')).catch(error => {
    // Another copy of this module may have been first.
    if (!/already initialized/i.test(messageOf(error))) throw error
  })
  return await Promise.all(['DejaVuSans', 'DejaVuSans-Bold'].map(name => fileOf(`dejavu-fonts-ttf/ttf/${name}.ttf`)))
}

/** A picture may take so much [bytes], or notebooks become slow. */
const MOST = 150_000

/** An SVG file as PNG in base64: `zoom` times its size, for sharp screens, or less if that is too large. */
export async function png(file: Markup, zoom: number): Promise<string> {
  ready ??= load()
  const fontBuffers = await ready
  for (let by = zoom; ; by *= 0.75) {
    const bytes = draw(file, by, fontBuffers)
    if (bytes.length <= MOST || by < 0.5) return Buffer.from(bytes).toString('base64')
  }
}

function draw(file: Markup, zoom: number, fontBuffers: Uint8Array[]): Uint8Array {
  const options = {
    fitTo: { mode: 'zoom', value: zoom },
    font: { fontBuffers, defaultFontFamily: 'DejaVu Sans' },
  } as const
  const picture = new Resvg(file.text, options)
  const image = picture.render()
  const bytes = image.asPng()
  image.free()
  picture.free()
  return bytes
}

/** A picture as what a notebook shows: a PNG, and its title where there are no pictures. */
export const bundleOf = async (picture: Picture): Promise<{ 'image/png': string; 'text/plain': string }> => ({
  'image/png': await png(svg(picture, { ground: true }), 2),
  'text/plain': picture.title,
})

/** A picture as the last value of a notebook's cell. */
export const shown = (picture: Picture) => ({
  [Symbol.for('Jupyter.display')]: () => bundleOf(picture),
  toString: () => picture.title,
})
