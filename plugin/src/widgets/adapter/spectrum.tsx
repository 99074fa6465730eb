import type { AdapterModule } from 'lora-harness/protocol'
import { placeOf } from 'lora-harness/report'
import { useMemo } from 'react'
import { usePanel, useView } from '../../context.js'
import { axis, type Figure } from '../../plotly/draw.js'
import { type Look, plain } from '../../plotly/look.js'
import { Chart } from '../chart.js'
import { moduleNames, precise } from './names.js'
import { NewDirections } from './new-directions.js'
import type { Looked } from './pair.js'
import { RunWithout } from './run-without.js'

/** Values smaller than this part of the largest are not drawn: they are rounding errors of float32 factors. */
const LEAST = 1e-6

interface Line {
  name: string
  values: readonly number[]
  colour: string
  dash: 'solid' | 'dash' | 'dot'
  symbol: 'circle' | 'circle-open' | 'diamond-open'
}

/** Singular values of the module that is looked at, before and after, or of two branches. */
export function Spectrum({ looked }: { looked: Looked }) {
  const { trans } = usePanel()
  const { module } = useView()
  const { what, branch, other, pair } = looked
  const lines = useMemo(() => {
    const values = (of: AdapterModule[]) => of.find(m => m.module === module)?.values ?? []
    const after: Line = {
      ...{ name: what === 'against' ? branch : trans.__('after'), values: values(pair.modules.b) },
      ...{ colour: '--lh-updated', dash: 'solid', symbol: 'circle' },
    }
    const before: Line =
      what === 'against'
        ? {
            ...{ name: other!.branch, values: values(pair.modules.a) },
            ...{ colour: '--lh-branch-1', dash: 'dash', symbol: 'diamond-open' },
          }
        : {
            ...{ name: trans.__('before'), values: values(pair.modules.a) },
            ...{ colour: '--lh-quiet', dash: 'dot', symbol: 'circle-open' },
          }
    return [before, after].filter(({ values }) => values.some(v => v > 0))
  }, [trans, module, what, branch, other, pair])
  const figure = useMemo(() => spectrumFigure(lines, trans.__('direction')), [lines, trans])
  if (module === null)
    return (
      <p className="lh-Adapter-hint">{trans.__('Pick a cell or a dot to see the singular values of one module.')}</p>
    )
  const called = moduleNames(
    trans,
    [...pair.modules.a, ...pair.modules.b].map(m => m.module),
  ).get(module)
  const title = called ?? placeOf(module).kind
  return (
    <div className="lh-Spectrum" data-lh="spectrum">
      <h4 title={module}>{trans.__('Singular values of %1', title)}</h4>
      {lines.length === 0 ? (
        <p className="lh-Adapter-why">{trans.__('This module has no adapter here, or it is zero.')}</p>
      ) : (
        <Chart
          name="spectrum"
          label={lines
            .map(({ name, values }) => `${name}: ${values.slice(0, 64).map(precise).join(', ')}`)
            .join('; ')
            .slice(0, 1000)}
          height={170}
          figure={figure}
        />
      )}
      <NewDirections looked={looked} title={title} />
      <RunWithout title={title} />
    </div>
  )
}

const spectrumFigure =
  (lines: readonly Line[], axisName: string) =>
  (look: Look): Figure => {
    const most = Math.max(...lines.flatMap(({ values }) => values))
    const shown = (v: number) => (v >= most * LEAST ? v : null)
    const drawn = lines.flatMap(({ values }) => values.flatMap(v => shown(v) ?? []))
    const count = Math.max(...lines.map(({ values }) => values.findLastIndex(v => shown(v) !== null) + 1))
    const [low, high] = [Math.log10(Math.min(...drawn)), Math.log10(most)]
    const room = Math.max(0.1, (high - low) * 0.12)
    // Whole powers of ten; 1, 2 and 5 times them where there are few.
    const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => 10 ** (Math.floor(low) + i))
    const steps = high - low > 1.5 ? powers : powers.flatMap(power => [power, 2 * power, 5 * power])
    return {
      data: lines.map(({ name, values, colour, dash, symbol }) => ({
        ...{ type: 'scatter', mode: 'lines+markers', name: plain(name, 24), hoverinfo: 'text' },
        ...{ x: values.map((_, i) => i + 1), y: values.map(shown) },
        hovertext: values.map((v, i) => `${plain(name, 24)} ${i + 1}: ${precise(v)}`),
        line: { color: look.colour(colour), dash, width: 1.5 },
        marker: { color: look.colour(colour), symbol, size: 6 },
      })),
      layout: {
        ...{ margin: { l: 48, r: 10, t: 22, b: 32 }, showlegend: true },
        legend: {
          orientation: 'h',
          x: 0,
          y: 1,
          yanchor: 'bottom',
          bgcolor: 'rgba(0, 0, 0, 0)',
          itemclick: false,
          itemdoubleclick: false,
        },
        xaxis: {
          ...{ ...axis(look), range: [0.5, count + 0.5], dtick: Math.max(1, Math.ceil(count / 16)), tick0: 1 },
          title: {
            text: plain(axisName),
            standoff: 4,
            font: { size: look.font.size, color: look.colour('--lh-quiet') },
          },
        },
        yaxis: {
          ...{ ...axis(look), type: 'log', showgrid: true, range: [low - room, high + room] },
          ...{ tickvals: steps, ticktext: steps.map(precise) },
        },
      },
    }
  }
