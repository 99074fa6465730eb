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

/** An SVG file as PNG in base64, at twice its size for sharp screens. */
export async function png(svg: Markup, zoom = 2): Promise<string> {
  ready ??= load()
  const fontBuffers = await ready
  const image = new Resvg(svg.text, {
    fitTo: { mode: 'zoom', value: zoom },
    font: { fontBuffers, defaultFontFamily: 'DejaVu Sans', loadSystemFonts: false } as never,
  })
  const drawn = image.render()
  try {
    return Buffer.from(drawn.asPng()).toString('base64')
  } finally {
    drawn.free()
    image.free()
  }
}
