import type { Config, Data, Layout, PlotlyHTMLElement } from 'plotly.js'
import { type Look, withLook } from './look.js'

/** What a chart shows. */
export interface Figure {
  data: Data[]
  layout: Partial<Layout>
}

/** What a chart is asked to be now. */
export interface Wanted {
  figure: (look: Look) => Figure
  /** [px] */
  height: number
  /** A person picked what has this `customdata`. */
  onPick?: ((picked: unknown) => void) | undefined
}

/**
 * Plotly shows an upload button by default, and reads TeX where a page has MathJax. No bar of buttons: the charts neither
 * zoom nor pan by themselves.
 */
const CONFIG: Partial<Config> = {
  ...{ showSendToCloud: false, plotlyServerURL: '', displaylogo: false, displayModeBar: false },
  ...{ typesetMath: false, scrollZoom: false, doubleClick: false, responsive: false, showTips: false },
}

const load = () => import('./bundle.js')

/** Keeps a chart in an element: drawn when it is seen, and again when it, its size or the theme changes. */
export interface Drawing {
  /** Something that `wanted` gives has changed. */
  change(): void
  dispose(): void
}

/** @param trouble is told in words why there is no picture */
export function drawing(element: HTMLElement, wanted: () => Wanted, trouble: (words: string | null) => void): Drawing {
  let [isSeen, isStale, isBusy, isOver] = [false, true, false, false]
  let drawn: PlotlyHTMLElement | null = null
  let plotly: Awaited<ReturnType<typeof load>>['default'] | null = null

  async function draw(): Promise<void> {
    if (isBusy || isOver || !isSeen || !isStale || element.clientWidth === 0) return
    isBusy = true
    isStale = false
    try {
      plotly ??= (await load()).default
      if (isOver) return
      const { figure, height } = wanted()
      const { data, layout } = withLook(element, look => {
        const { data, layout } = figure(look)
        return { data, layout: { ...plainLayout(look), ...layout, width: look.width, height } }
      })
      const first = drawn === null
      drawn = await plotly.react(element, data, layout, CONFIG)
      if (first)
        drawn.on('plotly_click', ({ points: [point] }) => {
          if (point?.customdata != null) wanted().onPick?.(point.customdata)
        })
      element.dataset.drawn = String(Number(element.dataset.drawn ?? 0) + 1)
      trouble(null)
    } catch (error) {
      trouble(error instanceof Error ? error.message : String(error))
    } finally {
      isBusy = false
      if (isOver) plotly?.purge(element)
      else void draw() // What changed meanwhile.
    }
  }
  const change = () => {
    isStale = true
    void draw()
  }

  const seen = new IntersectionObserver(
    entries => {
      isSeen = entries.at(-1)!.isIntersecting
      void draw()
    },
    { rootMargin: '200px' },
  )
  seen.observe(element)
  let width = 0
  // Also tells when it is shown again after it was hidden.
  const sized = new ResizeObserver(() => {
    if (element.clientWidth === width) return
    width = element.clientWidth
    change()
  })
  sized.observe(element)
  const themed = new MutationObserver(change)
  themed.observe(document.body, { attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] })
  return {
    change,
    dispose() {
      isOver = true
      for (const observer of [seen, sized, themed]) observer.disconnect()
      if (!isBusy) plotly?.purge(element)
    },
  }
}

/** What all charts share. */
function plainLayout({ font, colour }: Look): Partial<Layout> {
  const clear = 'rgba(0, 0, 0, 0)'
  return {
    ...{ font, paper_bgcolor: clear, plot_bgcolor: clear, showlegend: false, dragmode: false, hovermode: 'closest' },
    hoverlabel: {
      ...{ bgcolor: colour('--jp-layout-color2'), bordercolor: colour('--jp-border-color1'), font, align: 'left' },
    },
  }
}

/** An axis without what the picture does not need. */
export const axis = ({ colour }: Look) => ({
  ...{ zeroline: false, showgrid: false, fixedrange: true, automargin: false, ticks: '' as const },
  ...{ gridcolor: colour('--jp-border-color2'), linecolor: colour('--jp-border-color1') },
  tickfont: { color: colour('--jp-ui-font-color2') },
})
