import { constant, type Markup, markup } from '../markup.js'

/** Fonts of all pictures; the first is the one that pictures are made PNG with. */
export const FONT = "'DejaVu Sans', Verdana, system-ui, sans-serif"

/**
 * Colours on light and on dark ground, 3:1 or more on it (text 4.5:1), told apart under the common colour-vision
 * deficiencies; shape and dash say the same without colour.
 */
const COLOURS = {
  ground: ['#ffffff', '#212121'],
  raised: ['#f6f6f4', '#2a2a2a'],
  text: ['#1b1b1b', '#ececec'],
  quiet: ['#6b6b6b', '#a8a8a8'],
  rule: ['#dedcd7', '#444444'],
  updated: ['#0072b2', '#56b4e9'],
  failed: ['#d55e00', '#ff8c42'],
  green: ['#00835f', '#00c08b'],
  violet: ['#aa4499', '#e79ac6'],
  brown: ['#9a6700', '#e69f00'],
} as const
export type Colour = keyof typeof COLOURS

/** Cividis (Nuñez, Anderton and Renslow 2018) in 12 steps: a difference reads the same with any colour vision. */
const CIVIDIS = '#002051 #083069 #24416e #44516d #5f626e #757372 #898477 #9d9778 #b4aa73 #d0be67 #ecd354 #fdea45'.split(
  ' ',
)
/** Steps of the heat map's colours, from 0 up. */
export const HEAT_STEPS = CIVIDIS.length

/** Class and presentation attributes of a shape: right by themselves on light ground, and the page's style on any. */
export function ink({ fill = 'none', stroke }: { fill?: Colour | 'none'; stroke?: Colour }): Markup {
  const classes = [...(fill === 'none' ? [] : [`fill-${fill}`]), ...(stroke ? [`stroke-${stroke}`] : [])].join(' ')
  const filled = fill === 'none' ? 'none' : COLOURS[fill][0]
  return constant(
    `${classes ? `class="${classes}" ` : ''}fill="${filled}"${stroke ? ` stroke="${COLOURS[stroke][0]}"` : ''}`,
  )
}

/** Fill of a heat map's cell. @param step 0 … HEAT_STEPS − 1; more is darker on light ground and lighter on dark */
export const heat = (step: number): Markup => constant(`class="heat-${step}" fill="${CIVIDIS[HEAT_STEPS - 1 - step]!}"`)

const rules = (mode: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([name, pair]) => `--${name}:${pair[mode]}`)
    .join(';')

const heatRules = (ramp: readonly string[]): string => ramp.map((colour, i) => `--heat-${i}:${colour}`).join(';')

/** Custom properties of the two themes, for a page. */
export const lightTheme = `${rules(0)};${heatRules(CIVIDIS.toReversed())};color-scheme:light`
export const darkTheme = `${rules(1)};${heatRules(CIVIDIS)};color-scheme:dark`

/** What gives pictures in a page the page's theme. */
export const pictureStyle = [
  ...Object.keys(COLOURS).flatMap(name => [
    `.fill-${name}{fill:var(--${name})}`,
    `.stroke-${name}{stroke:var(--${name})}`,
  ]),
  ...CIVIDIS.map((_, i) => `.heat-${i}{fill:var(--heat-${i})}`),
].join('')

/** The inside of an SVG and its size in user units. */
export interface Picture {
  width: number
  height: number
  body: Markup
  /** Read out instead of the picture. */
  title: string
}

/**
 * A picture as an SVG element, or a file of its own: colours, fonts and size are in it.
 *
 * @param ground paint a light ground, for a PNG
 */
export const svg = ({ width, height, body, title }: Picture, { ground = false } = {}): Markup =>
  markup`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="12" role="img" aria-label="${clean(title)}">${
    ground ? markup`<rect width="${width}" height="${height}" ${ink({ fill: 'ground' })}/>` : ''
  }${body}</svg>`

/** A picture as a part of another one. */
export const placed = ({ body }: Picture, x: number, y: number): Markup =>
  markup`<g transform="translate(${x} ${y})">${body}</g>`

/**
 * Text from outside as one short line of a picture: what XML forbids (control characters, lone surrogates) and what
 * turns the direction of text is shown as �, line breaks as spaces.
 */
export function clean(text: string, most = 200): string {
  const characters = [...text.slice(0, 4 * most)]
  const cut = characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('')
  return cut.replace(/[\t\n\r]+/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
}

interface TextLook {
  size?: number
  anchor?: 'start' | 'middle' | 'end'
  colour?: Colour
  bold?: boolean
  /** Degrees about its own point. */
  turned?: number
}

/** One line of text. @param y of its base line */
export const text = (
  x: number,
  y: number,
  of: string | number,
  { size = 12, anchor = 'start', colour = 'text', bold = false, turned }: TextLook = {},
): Markup =>
  markup`<text x="${round(x)}" y="${round(y)}" ${ink({ fill: colour })}${constant(
    `${size === 12 ? '' : ` font-size="${size}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}${bold ? ' font-weight="bold"' : ''}${
      turned === undefined ? '' : ` transform="rotate(${turned} ${round(x)} ${round(y)})"`
    }`,
  )}>${clean(String(of))}</text>`

/** Width that a text may take in the widest of the fonts. */
export const widthOf = (of: string, size = 12): number => of.length * size * 0.64

/** A number for a path: a tenth of a unit is enough for any screen. */
export const round = (v: number): number => +v.toFixed(1)
