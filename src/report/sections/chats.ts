import { meanByPosition } from '../../record/curve.js'
import type { ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import { lineChart, svg } from '../pictures/index.js'
import type { Row } from '../series.js'
import { score } from '../words.js'

/** Each chat as a row, all of them as the last; the mean by position in the chat; categories; every other metric. */
export function chats({ steps, summary }: ReportData): Markup {
  const { metric, arms, chats: rows, overall, categories, others } = summary
  const line = (
    name: Markup | string,
    row: Row,
    all = false,
  ) => markup`<tr${all ? markup` class="all"` : ''}><th scope="row">${name}</th>
<td>${row.examples}</td>${row.means.map(value => markup`<td>${score(value)}</td>`)}
${arms.length > 1 ? markup`<td>${row.win}/${row.tie}/${row.loss}</td>` : ''}
${arms.length > 0 ? markup`<td>${score(row.firstHalf[0]!)}</td><td>${score(row.secondHalf[0]!)}</td>` : ''}
${Object.values(row.outcomes).map(n => markup`<td>${n}</td>`)}</tr>
`
  const grouped = rows.filter(row => row.chat !== null)
  const byPosition = metric !== null && grouped.length > 1 && grouped.some(row => row.examples >= 4)
  return markup`<h2>Chats</h2>
<div class="scroll"><table>
<caption>${metric === null ? '' : markup`Mean <bdi>${metric}</bdi>. `}${arms.length > 1 ? markup`Win/tie/loss: adapter against <bdi>${arms[1]!.name}</bdi>, by example. ` : ''}Halves: the adapter's mean over the first and the second half of each chat.</caption>
<thead><tr><th scope="col">chat</th><th scope="col">examples</th>${arms.map(arm => markup`<th scope="col"><bdi>${arm.name}</bdi></th>`)}
${arms.length > 1 ? markup`<th scope="col">win/tie/loss</th>` : ''}
${arms.length > 0 ? markup`<th scope="col">1st half</th><th scope="col">2nd half</th>` : ''}
${Object.keys(overall.outcomes).map(kind => markup`<th scope="col">${kind}</th>`)}</tr></thead>
<tbody>${rows.map(row => line(row.chat === null ? '(no chat)' : markup`<bdi>${row.chat}</bdi>`, row))}
${line('all', overall, true)}</tbody>
</table></div>
${
  byPosition
    ? markup`<figure class="wide"><h3>Within a chat</h3>${svg(
        lineChart({
          title: `Mean ${metric} by position in the chat`,
          x: 'position in the chat',
          y: metric,
          first: 1,
          lines: arms.map(({ name, scores }) => ({ name, values: meanByPosition(steps, scores) })),
        }),
      )}<figcaption>Mean over the ${grouped.length} chats, by position in the chat.</figcaption></figure>`
    : ''
}
${
  categories.length > 0
    ? markup`<h3>Categories</h3><div class="scroll"><table><caption>${metric === null ? '' : markup`Mean <bdi>${metric}</bdi>, by the category that the evaluator gave.`}</caption>
<thead><tr><th scope="col">category</th><th scope="col">examples</th>${arms.map(arm => markup`<th scope="col"><bdi>${arm.name}</bdi></th>`)}</tr></thead>
<tbody>${categories.map(({ category, examples, means }) => markup`<tr><th scope="row">${category === null ? '(none)' : markup`<bdi>${category}</bdi>`}</th><td>${examples}</td>${means.map(value => markup`<td>${score(value)}</td>`)}</tr>`)}</tbody></table></div>`
    : ''
}
${
  others.length > 0
    ? markup`<h3>Other metrics</h3><div class="scroll"><table><caption>Means over the examples that have them.</caption>
<thead><tr><th scope="col">metric</th><th scope="col">examples</th>${arms.map(arm => markup`<th scope="col"><bdi>${arm.name}</bdi></th>`)}</tr></thead>
<tbody>${others.map(({ metric, examples, means }) => markup`<tr><th scope="row"><bdi>${metric}</bdi></th><td>${examples}</td>${means.map(value => markup`<td>${score(value)}</td>`)}</tr>`)}</tbody></table></div>`
    : ''
}`
}
