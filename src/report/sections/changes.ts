import { branchNote } from '../../record/tree.js'
import type { BranchRow, Edit, ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import { plural, score, short, signed } from '../words.js'

/** Lines of a diff that are shown without being asked for. */
const SHOWN = 40

/** What was edited while the run went on, in order, each with what came before and after it. */
export function changes({ edits }: ReportData): Markup {
  if (edits.length === 0)
    return markup`<h2>What was changed</h2><p>Nothing: every example was run with the same callables.</p>`
  return markup`<h2>What was changed</h2>
${edits.map(
  (
    edit,
    i,
  ) => markup`<section class="edit"><h3>✎ ${i + 1} before #${edit.index}: <bdi>${edit.changed.join(', ')}</bdi></h3>
${meansOf(edit)}${edit.diff === null ? '' : diff(edit.diff)}</section>`,
)}
<p class="quiet">Means over as many examples before an edit as after it, back to the edit before and on to the next. The examples differ, so compare the change of the adapter with that of the baseline.</p>`
}

function meansOf({ means }: Edit): Markup | string {
  if (!means) return ''
  const change = (before: number | null, after: number | null) =>
    before === null || after === null ? '–' : signed(after - before)
  return markup`<table class="small"><thead><tr><th scope="col">${plural(means.examples, 'example')} each</th><th scope="col">before</th><th scope="col">after</th><th scope="col">change</th></tr></thead>
<tbody>${means.arms.map(({ name, before, after }) => markup`<tr><th scope="row"><bdi>${name}</bdi></th><td>${score(before)}</td><td>${score(after)}</td><td>${change(before, after)}</td></tr>`)}</tbody></table>`
}

/** A unified diff; what was added and removed is told by its sign and its look. */
function diff(text: string): Markup | string {
  const lines = text
    .replace(/\n$/, '')
    .split('\n')
    .filter(line => !/^(={3,}$|Index:|\\ No newline)/.test(line))
  if (text === '') return ''
  const drawn = lines.map(line => {
    const kind = /^(\+\+\+|---|@@)/.test(line)
      ? 'hunk'
      : line.startsWith('+')
        ? 'added'
        : line.startsWith('-')
          ? 'removed'
          : ''
    return kind === '' ? markup`${line}\n` : markup`<span class="${kind}">${line}</span>\n`
  })
  const whole = markup`<pre class="diff" dir="ltr">${drawn}</pre>`
  return lines.length <= SHOWN
    ? whole
    : markup`<details><summary>${lines.length} lines of changes</summary>${whole}</details>`
}

/** The branches of the run as a tree, each with where it left, how it did and what adapter it ended with. */
export function branches({ branches: rows, summary: { metric, arms } }: ReportData): Markup | string {
  if (rows.length < 2) return ''
  const base = arms[1]?.name
  const row = (of: BranchRow) => {
    const note = branchNote({ ...of })
    return markup`<tr${of.shown ? markup` class="shown"` : ''}><th scope="row"><span class="rail" aria-hidden="true">${of.rail}</span><bdi>${of.name}</bdi>${of.shown ? ' (shown here)' : ''}${note === '' ? '' : markup`<br><span class="quiet"><bdi>${note}</bdi></span>`}</th>
<td>${of.own}</td><td>${score(of.ownScore)}</td><td>${of.parent === null ? '–' : score(of.parentScore)}</td><td>${of.ownScore === null || of.parentScore === null ? '–' : signed(of.ownScore - of.parentScore)}</td>
<td>${of.length}</td><td>${score(of.score)}</td>${base === undefined ? '' : markup`<td>${of.score === null || of.baseline === null ? '–' : signed(of.score - of.baseline)}</td>`}
<td>${of.adapter ? markup`<bdi title="${of.adapter.identifier}">${short(of.adapter.identifier)}</bdi>${of.adapter.norm === null ? '' : `, ‖ΔW‖ ${+of.adapter.norm.toPrecision(3)}`}${of.adapter.bytes > 0 ? `, ${megabytes(of.adapter.bytes)}` : ''}` : 'none'}</td></tr>`
  }
  return markup`<h2>Branches</h2>
<div class="scroll"><table>
<caption>A branch goes on from where it left another one, whose later examples stay as they were.${metric === null ? '' : markup` Means of <bdi>${metric}</bdi>; “parent” is the branch it left, over the same examples.`}</caption>
<thead><tr><th scope="col">branch</th><th scope="col">own examples</th><th scope="col">mean</th><th scope="col">parent</th><th scope="col">difference</th><th scope="col">all examples</th><th scope="col">mean</th>${base === undefined ? '' : markup`<th scope="col">− <bdi>${base}</bdi></th>`}<th scope="col">adapter at its end</th></tr></thead>
<tbody>${rows.map(row)}</tbody></table></div>`
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
