/** What a chart is drawn with: plotly takes no CSS variables, so they are resolved whenever it is drawn. */
export interface Look {
  /** [px] */
  width: number
  font: { family: string; size: number; color: string }
  /** Colour of a CSS variable, as `rgb(…)`. */
  colour(variable: string): string
  /** Colours of a heat map, from the least to the most. */
  heat: string[]
}

/**
 * Lets something be drawn with the theme as it is now.
 *
 * @param element where the chart is: variables are looked up there, and its font is the chart's
 */
export function withLook<T>(element: HTMLElement, use: (look: Look) => T): T {
  const { fontFamily, fontSize, color } = getComputedStyle(element)
  // An element of its own resolves a colour however it is written: `var(…)`, a name, a mix.
  const probe = element.ownerDocument.createElement('span')
  probe.hidden = true
  element.parentElement!.append(probe)
  const colour = (variable: string) => {
    probe.style.color = variable.startsWith('--') ? `var(${variable})` : variable
    return getComputedStyle(probe).color
  }
  try {
    const heat = getComputedStyle(element).getPropertyValue('--lh-heat').split(',').map(colour)
    const font = { family: fontFamily, size: Number.parseFloat(fontSize), color }
    return use({ width: element.clientWidth, font, colour, heat })
  } finally {
    probe.remove()
  }
}

/**
 * Text of a run as plotly takes it: its tags and entities stay what they are, and the line is short. (Plotly reads `<a
 * href>` and the like in any text.)
 */
export function plain(text: string, most = 80): string {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text
  return cut
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
}
