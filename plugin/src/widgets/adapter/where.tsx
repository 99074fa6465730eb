import { kindNames, WHERE_AID, WHERE_AID_ABSOLUTE } from 'lora-harness/report'
import { useMemo } from 'react'
import { usePanel, useView } from '../../context.js'
import { type Panes, panesOf } from '../../model/adapters.js'
import { Chart } from '../chart.js'
import { HeatLegend } from './legend.js'
import { moduleNames, sizeText } from './names.js'
import type { Looked } from './pair.js'
import { Part } from './part.js'
import { whereFigure } from './where-figure.js'

/** Height of a layer's row [px]: all are to be seen at once. */
const rowOf = (layers: number): number => Math.max(4, Math.min(20, Math.floor(270 / layers)))

/** Where training wrote: heat maps of layers by kinds of module. */
export function Where({ looked }: { looked: Looked }) {
  const { trans, view } = usePanel()
  const { module } = useView()
  const { what, branch, other, pair } = looked
  const { panes, most, bars } = useMemo(() => panesOf(what, pair), [what, pair])
  const names = useMemo(
    () => moduleNames(trans, new Set([...pair.modules.a, ...pair.modules.b].map(m => m.module).concat(pair.all ?? []))),
    [trans, pair],
  )
  const { relative, layers, kinds } = panes[0]!.grid
  const titles = { b: branch, a: other?.branch ?? '', change: trans.__('difference') }
  const pick = (picked: unknown) => view.set({ module: picked === module ? null : String(picked) })
  return (
    <Part
      name="where"
      title={trans.__('Where')}
      aid={trans.__(relative ? WHERE_AID : WHERE_AID_ABSOLUTE)}
      side={<ModulePicker names={names} />}
    >
      {pair.baseWhy !== null && (
        <p className="lh-Adapter-why">
          {trans.__('Sizes are ‖ΔW‖ itself: norms of the base weights are not known. %1', pair.baseWhy.slice(0, 500))}
        </p>
      )}
      <div className="lh-Panes">
        {panes.map(pane => (
          <Pane
            key={pane.kind}
            {...{ pane, most, bars, module, names, pick }}
            title={panes.length > 1 ? titles[pane.kind] : null}
            height={layers.length * rowOf(layers.length) + 68}
          />
        ))}
      </div>
      {kinds.length > 0 && <HeatLegend most={most} relative={relative} />}
    </Part>
  )
}

interface PaneProps {
  pane: Panes['panes'][number]
  most: number
  bars: Panes['bars']
  module: string | null
  names: ReadonlyMap<string, string>
  title: string | null
  height: number
  pick: (picked: unknown) => void
}

function Pane({ pane: { kind, grid }, most, bars, module, names, title, height, pick }: PaneProps) {
  const { trans } = usePanel()
  const kindsCalled = useMemo(() => kindNames(grid.kinds), [grid])
  const figure = useMemo(
    () =>
      whereFigure(grid, {
        ...{ most, bars, module },
        kinds: kindsCalled,
        layerName: trans.__('layer'),
        hover: cell => `${names.get(cell.module)}: ${sizeText(cell.size, grid.relative)}`,
        none: (layer, name) => trans.__('layer %1, %2: no adapter', layer, name),
      }),
    [grid, most, bars, module, kindsCalled, names, trans],
  )
  const cells = grid.cells.flat().filter(cell => cell != null)
  const largest = cells.toSorted((a, b) => b.size - a.size)[0]
  const label =
    largest === undefined
      ? trans.__('No module has an adapter')
      : trans.__(
          'Size of %1 modules by layer and kind, at most %2 in %3',
          cells.length,
          sizeText(largest.size, grid.relative),
          names.get(largest.module)!,
        )
  return (
    <figure>
      {title !== null && <figcaption title={title}>{title}</figcaption>}
      <Chart name={`where-${kind}`} label={label} figure={figure} height={height} onPick={pick} />
    </figure>
  )
}

/** The same choice as a click on a cell, for the keyboard. */
function ModulePicker({ names }: { names: ReadonlyMap<string, string> }) {
  const { trans, view } = usePanel()
  const { module } = useView()
  return (
    <select
      data-lh="module"
      aria-label={trans.__('Module')}
      value={module ?? ''}
      onChange={({ target: { value } }) => view.set({ module: value === '' ? null : value })}
    >
      <option value="">{trans.__('all modules')}</option>
      {module !== null && !names.has(module) && <option value={module}>{module}</option>}
      {[...names].map(([name, called]) => (
        <option key={name} value={name}>
          {called}
        </option>
      ))}
    </select>
  )
}
