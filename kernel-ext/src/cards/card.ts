import { inspect } from 'node:util'
import { png } from 'lora-harness'
import { type Card, MIME } from 'lora-harness/protocol'
import { constant, type Markup, markup } from 'lora-harness/report'
import { DISPLAY, type Displayable, type MimeBundle } from '../transport.js'
import { plain } from './text.js'

/** A card of a notebook: with the plugin it is drawn from its data, without it a picture or a table, else text. */
export interface CardView extends Displayable {
  readonly card: Card
  /** Its text form. */
  toString(): string
}

/** What a card looks like where nothing draws its data. */
export interface Look {
  text: string
  /** A table; without script. */
  html?: Markup
  /** An SVG file, for a chart. */
  svg?: () => Markup
  /** Pixels of its PNG for each of its units: 2 by default, for sharp screens. */
  zoom?: number
}

/** A card may hold so much [bytes of JSON], or notebooks become slow. */
export const MOST = 300_000

/** @param card within `MOST`: see `fitted` */
export function view(card: Card, look: Look): CardView & { [inspect.custom](): string } {
  const { html, svg, zoom = 2 } = look
  // The last hand on every text: whatever it is made of, nothing in it is obeyed.
  const text = plain(look.text)
  return {
    card,
    async [DISPLAY](): Promise<MimeBundle> {
      const bundle: MimeBundle = { [MIME]: card }
      if (svg) bundle['image/png'] = await png(svg(), zoom)
      if (html) bundle['text/html'] = plain(markup`${STYLE}<div class="lora-card">${html}</div>`.text)
      return { ...bundle, 'text/plain': text }
    },
    [inspect.custom]: () => text,
    toString: () => text,
  }
}

/** The first of some forms of a card that is not too large: each leaves out more than the one before. */
export function fitted(forms: Iterable<Card>): Card {
  let last: Card | undefined
  for (const form of forms) {
    last = form
    if (Buffer.byteLength(JSON.stringify(form)) <= MOST) return form
  }
  return last!
}

/** Colours that stay readable on light and dark ground, so that no theme has to be known. */
const STYLE = constant(
  '<style>.lora-card table{border-collapse:collapse}.lora-card th,.lora-card td{text-align:left;vertical-align:top;padding:2px 10px 2px 0}.lora-card pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;max-height:24em;overflow:auto}.lora-card .quiet{opacity:.7}</style>',
)

/** The same on an element: JupyterLab takes style sheets out of outputs that are not trusted, and aligns cells right. */
export const LEFT = constant('style="text-align:left;vertical-align:top"')
/** Without the ground that JupyterLab gives it. */
export const BARE = constant('style="text-align:left;background-color:transparent;margin:0;white-space:pre-wrap"')
