import type { AdapterModule } from '../../protocol/index.js'
import type { AdapterPictures } from '../adapters.js'
import type { ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import type { PageModule } from '../page/data.js'
import {
  COSINES_AID,
  cosines,
  DIRECTIONS_AID,
  directions,
  isRelative,
  SPECTRA_AID,
  spectraAxes,
  svg,
  WAY_AID,
  WHERE_AID,
  WHERE_AID_ABSOLUTE,
  way,
  where,
} from '../pictures/index.js'
import { moduleName } from '../pictures/modules.js'
import { percent } from '../pictures/where.js'
import { short } from '../words.js'

/** The adapter in three pictures, each with how to read it. */
export function adapter({ pictures, noPictures, timeline }: ReportData): Markup {
  if (!pictures) return markup`<h2>Adapter</h2><p>${noPictures ?? ''}</p>`
  const { last, modules, way: path, branches } = pictures
  const some =
    path.moves.length < path.updates
      ? ` The ticks are ${path.moves.length} of ${path.updates} updates, evenly spread.`
      : ''
  return markup`<h2>Adapter</h2>
<p>After #${last.index}: <bdi title="${last.identifier}">${short(last.identifier)}</bdi>, ‖ΔW‖ = ${+last.norm.toPrecision(3)} over ${modules.length} weight matrices.</p>
<div class="pictures">
${whereFigure(pictures)}
<div>
<figure><h3>How many directions</h3>${svg(directions(modules))}<figcaption>${DIRECTIONS_AID} Each dot is a layer, the first at the top of its row; strokes are medians. The strongest direction's share is of ‖ΔW‖².</figcaption></figure>
${spectraFigure(pictures)}
</div>
</div>
<figure class="wide"><h3>Which way</h3>${svg(way(path, timeline))}<figcaption>${WAY_AID} Pale: the whole step; solid: the part of it along what the adapter had learned before.${path.lines.length > 1 ? ' One line for each adapter that was begun from none.' : ''}${some}</figcaption></figure>
${branches ? markup`<figure class="natural"><h3>Branches</h3>${svg(cosines(branches.names, branches.cosines))}<figcaption>${COSINES_AID} Of the last adapter of each branch.</figcaption></figure>` : ''}`
}

/** Where it wrote: in total, and, for scripts to show instead, by its last update and against another branch. */
function whereFigure({ modules, base, baseWhy, update, other, last }: AdapterPictures): Markup {
  const relative = isRelative(modules)
  const numbers = new Map(modules.map(({ module }, i) => [module, i]))
  const sizeOf = ({ norm, baseNorm }: AdapterModule) => (relative && baseNorm ? norm / baseNorm : norm)
  // What is to be compared has one scale.
  const most = Math.max(0, ...[...modules, ...(other?.change ?? [])].map(sizeOf))
  const view = (name: string, of: readonly AdapterModule[], about: string, scale?: number) =>
    markup`<div data-view="${name}"${name === TOTAL ? '' : markup` hidden`}>${svg(where(of, { base, height: 420, numbers, ...(scale === undefined ? {} : { most: scale }) }))}<p class="quiet">${about}</p></div>`
  const total = `All that the adapter adds to the weights, after #${last.index}.`
  return markup`<figure id="where"><h3>Where</h3>
${view(TOTAL, modules, total, most)}
${update ? view('this update', update.change, `What the update after #${update.index} changed; the colours have a scale of their own.`) : ''}
${other ? markup`${view(`minus ${other.branch}`, other.change, `What lies between this adapter and that of branch ${other.branch} in the same chat; colours as in the total.`, most)}` : ''}
<figcaption>${relative ? WHERE_AID : WHERE_AID_ABSOLUTE}${relative ? '' : ` Sizes are not relative to the base model's: ${baseWhy ?? 'some of its matrices are zero or not known'}.`} Bars: whole layers and kinds.</figcaption></figure>`
}
const TOTAL = 'total'

/** Singular values of the module that moved most; scripts open any other. */
function spectraFigure(pictures: AdapterPictures): Markup {
  const { modules, update, other, last } = pictures
  if (modules.length === 0) return markup``
  const spectra = spectraOf(pictures)
  const relative = isRelative(modules)
  const size = (i: number) => modules[i]!.norm / (relative ? modules[i]!.baseNorm! : 1)
  const first = modules.reduce((best, _, i) => (size(i) > size(best) ? i : best), 0)
  const names = {
    after: `after #${last.index}`,
    ...(update ? { before: `before #${update.index}` } : {}),
    ...(other ? { other: other.branch } : {}),
  }
  return markup`<figure id="spectra" data-first="${first}"><h3>One weight matrix</h3>
<p class="about quiet">${aboutOf(modules[first]!)}</p>
${svg(spectraAxes(spectra).picture(spectra[first]!, names))}<figcaption>${SPECTRA_AID}</figcaption></figure>`
}

function spectraOf({ modules, update, other }: AdapterPictures) {
  const values = (of: readonly AdapterModule[] | undefined) => new Map(of?.map(m => [m.module, m.values]))
  const [before, elsewhere] = [values(update?.from), values(other?.from)]
  return modules.map(({ module, values }) => ({
    ...{ module, after: values, before: before.get(module) ?? null, other: elsewhere.get(module) ?? null },
  }))
}

const number = (v: number): number => +v.toPrecision(3)

/** A module's numbers in words. */
function aboutOf({ module, norm, baseNorm, rank, effectiveRank, strongest }: AdapterModule): string {
  const part = baseNorm ? `, ${percent(norm / baseNorm)} of ‖W₀‖` : ''
  const spread =
    effectiveRank === null || strongest === null
      ? ''
      : `, effective rank ${number(effectiveRank)}${rank === null ? '' : ` of ${rank}`}, ${percent(strongest)} in the strongest direction`
  return `${moduleName(module)}: ‖ΔW‖ ${number(norm)}${part}${spread}.`
}

/** Every module, for the page's script. */
export function pageModules(pictures: AdapterPictures): PageModule[] {
  const spectra = spectraOf(pictures)
  const { linesOf } = spectraAxes(spectra)
  return pictures.modules.map((of, i) => ({
    ...{ name: moduleName(of.module), about: aboutOf(of), lines: linesOf(spectra[i]!) },
  }))
}
