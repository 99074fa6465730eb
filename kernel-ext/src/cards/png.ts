import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { initWasm, Resvg } from '@resvg/resvg-wasm'
import type { Markup } from 'lora-harness/report'

const require = createRequire(import.meta.url)
const fileOf = (specifier: string) => readFile(require.resolve(specifier))

/** The rasteriser and the font that our pictures are measured for: loaded once, when the first picture is drawn. */
let ready: Promise<Uint8Array[]> | undefined
const load = async (): Promise<Uint8Array[]> => {
  await initWasm(await fileOf('@resvg/resvg-wasm/index_bg.wasm'))
  return await Promise.all(['DejaVuSans', 'DejaVuSans-Bold'].map(name => fileOf(`dejavu-fonts-ttf/ttf/${name}.ttf`)))
}

/** A picture may take so much [bytes], or notebooks become slow. */
const MOST = 150_000

/** An SVG file as PNG in base64: `zoom` times its size, for sharp screens, or less if that is too large. */
export async function png(svg: Markup, zoom: number): Promise<string> {
  ready ??= load()
  const fontBuffers = await ready
  for (let by = zoom; ; by *= 0.75) {
    const bytes = draw(svg, by, fontBuffers)
    if (bytes.length <= MOST || by < 0.5) return Buffer.from(bytes).toString('base64')
  }
}

function draw(svg: Markup, zoom: number, fontBuffers: Uint8Array[]): Uint8Array {
  const options = {
    fitTo: { mode: 'zoom', value: zoom },
    font: { fontBuffers, defaultFontFamily: 'DejaVu Sans' },
  } as const
  const picture = new Resvg(svg.text, options)
  const image = picture.render()
  const bytes = image.asPng()
  image.free()
  picture.free()
  return bytes
}
