import { DIRECTIONS_AID, inOrder, kindNames, percent, placeOf } from 'lora-harness/report'
import { useMemo } from 'react'
import { usePanel, useView } from '../../context.js'
import { useOf } from '../../model/adapters.js'
import { Chart } from '../chart.js'
import { directionsFigure, type Spread } from './directions-figure.js'
import { moduleNames, shownOf } from './names.js'
import type { Looked } from './pair.js'
import { Part } from './part.js'
import { Spectrum } from './spectrum.js'

/** In how many directions: effective ranks and the strongest direction of all modules; singular values of one. */
export function Directions({ looked }: { looked: Looked }) {
  const { trans, view } = usePanel()
  const { module } = useView()
  const { what, pair } = looked
  const modules = shownOf(what, pair)
  const names = useMemo(
    () =>
      moduleNames(
        trans,
        modules.map(m => m.module),
      ),
    [trans, modules],
  )
  const spreads = useMemo(() => {
    const placed = modules.map(m => ({ ...m, ...placeOf(m.module) }))
    const kinds = inOrder(placed.map(m => m.kind)).slice(0, 24)
    const called = kindNames(kinds)
    return {
      kinds: kinds.map(kind => called.get(kind)!),
      of: placed.flatMap(({ module, effectiveRank, strongest, kind, layer }): Spread[] => {
        const row = kinds.indexOf(kind)
        return row < 0 ? [] : [{ module, effectiveRank, strongest, row, layer: layer ?? 0 }]
      }),
    }
  }, [modules])
  const use = useOf(modules)
  const figure = useMemo(
    () =>
      directionsFigure(spreads.of, {
        ...{ kinds: spreads.kinds, module, most: Math.max(2, use.rank ?? 0) },
        titles: {
          rank: use.isBound
            ? trans.__('effective rank, at most %1', use.rank ?? '?')
            : trans.__('effective rank, 1 to r = %1', use.rank ?? '?'),
          strongest: trans.__('strongest direction'),
        },
        hover: ({ module, effectiveRank, strongest }) =>
          trans.__(
            '%1: effective rank %2, strongest %3',
            names.get(module)!,
            effectiveRank!.toFixed(2),
            percent(strongest!),
          ),
      }),
    [spreads, module, use.rank, use.isBound, names, trans],
  )
  return (
    <Part name="directions" title={trans.__('How many directions')} aid={trans.__(DIRECTIONS_AID)}>
      {use.effectiveRank === null ? (
        <p className="lh-Adapter-why">{trans.__('Nothing has moved: there is no direction.')}</p>
      ) : (
        <Chart
          name="directions"
          label={trans.__(
            'Effective rank of %1 modules: median %2 of %3; the strongest direction has %4 of the size',
            modules.length,
            use.effectiveRank.toFixed(1),
            use.rank ?? '?',
            percent(use.strongest!),
          )}
          height={spreads.kinds.length * 26 + 44}
          figure={figure}
          onPick={picked => view.set({ module: picked === module ? null : String(picked) })}
        />
      )}
      <Spectrum looked={looked} />
    </Part>
  )
}
