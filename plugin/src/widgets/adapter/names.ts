import type { TranslationBundle } from '@jupyterlab/translation'
import type { AdapterModule, AdapterPair } from 'lora-harness/protocol'
import { kindNames, percent, placeOf } from 'lora-harness/report'
import type { AdapterWhat } from '../../model/view.js'

/** The modules that pictures and sums are of. */
export const shownOf = (what: AdapterWhat, { modules }: AdapterPair): AdapterModule[] =>
  what === 'total' ? modules.b : modules.change

/** What modules are called: `layer 12, q`; by their own names where they are in no layer. */
export function moduleNames(trans: TranslationBundle, modules: Iterable<string>): Map<string, string> {
  const places = new Map([...modules].map(module => [module, placeOf(module)]))
  const kinds = kindNames([...new Set([...places.values()].map(({ kind }) => kind))])
  return new Map(
    [...places].map(([module, { layer, kind }]) => [
      module,
      layer === null ? kinds.get(kind)! : trans.__('layer %1, %2', layer, kinds.get(kind)!),
    ]),
  )
}

/** Three digits. */
export const precise = (v: number): string => String(+v.toPrecision(3))

/** A size as a heat map has it. */
export const sizeText = (size: number, relative: boolean): string => (relative ? percent(size) : precise(size))
