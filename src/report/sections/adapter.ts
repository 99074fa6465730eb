import type { ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import {
  COSINES_AID,
  cosines,
  DIRECTIONS_AID,
  directions,
  isRelative,
  svg,
  WAY_AID,
  WHERE_AID,
  WHERE_AID_ABSOLUTE,
  way,
  where,
} from '../pictures/index.js'
import { short } from '../words.js'

/** The adapter in three pictures, each with how to read it. */
export function adapter({ pictures, noPictures, timeline }: ReportData): Markup {
  if (!pictures) return markup`<h2>Adapter</h2><p>${noPictures ?? ''}</p>`
  const { last, modules, base, baseWhy, way: path, branches } = pictures
  const relative = isRelative(modules)
  const some =
    path.moves.length < path.updates
      ? ` The ticks are ${path.moves.length} of ${path.updates} updates, evenly spread.`
      : ''
  return markup`<h2>Adapter</h2>
<p>After #${last.index}: <bdi title="${last.identifier}">${short(last.identifier)}</bdi>, ‖ΔW‖ = ${+last.norm.toPrecision(3)} over ${modules.length} weight matrices.</p>
<div class="pictures">
<figure><h3>Where</h3>${svg(where(modules, { base }))}<figcaption>${relative ? WHERE_AID : WHERE_AID_ABSOLUTE}${relative ? '' : ` Sizes are not relative to the base model's: ${baseWhy ?? 'some of its matrices are zero or not known'}.`} Bars: whole layers and kinds.</figcaption></figure>
<figure><h3>How many directions</h3>${svg(directions(modules))}<figcaption>${DIRECTIONS_AID} Each dot is a layer, the first at the top of its row; strokes are medians. The strongest direction's share is of ‖ΔW‖².</figcaption></figure>
</div>
<figure class="wide"><h3>Which way</h3>${svg(way(path, timeline))}<figcaption>${WAY_AID} Pale: the whole step; solid: the part of it along what the adapter had learned before.${path.lines.length > 1 ? ' One line for each adapter that was begun from none.' : ''}${some}</figcaption></figure>
${branches ? markup`<figure class="natural"><h3>Branches</h3>${svg(cosines(branches.names, branches.cosines))}<figcaption>${COSINES_AID} Of the last adapter of each branch.</figcaption></figure>` : ''}`
}
