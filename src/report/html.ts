import { createHash } from 'node:crypto'
import type { Step } from '../protocol/index.js'
import { meanByPosition, runningMean } from '../record/curve.js'
import type { RunInfo } from '../record/run-info.js'
import { groupBy } from '../record/stats.js'
import { exampleDetails, lastUserText } from './example.js'
import { constant, type Markup, markup } from './markup.js'
import { type Row, type Summary, summarise } from './series.js'
import { reportStyle } from './style.js'
import { outcomeIcon, renderChart } from './svg.js'
import { experimentName, intervalNote, reproduce, resultSentences, score, signed } from './words.js'

/**
 * One run as one HTML file: result, numbers, learning curves, table, every example, how to run it again.
 *
 * The file needs neither network nor script: its policy allows nothing but its own style sheet, by hash. All text of
 * models, data and adapters is escaped.
 */
export function renderReport(run: RunInfo, steps: readonly Step[]): string {
  const summary = summarise(steps, run.args.seed)
  const name = experimentName(run.experiment) || 'Run'
  const hash = createHash('sha256').update(reportStyle).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${name}: LoRA run ${run.runId}</title>
${style}
</head>
<body>
<main>
${header(run, name)}
${result(run, steps, summary)}
${steps.length > 0 ? [curves(steps, summary), chatTable(summary), moves(steps, summary), failures(steps), examples(steps, summary)] : ''}
${settings(run, steps)}
</main>
</body>
</html>
`.text
}

// The policy's hash is over exactly this text.
const style = markup`<style>${constant(reportStyle)}</style>`

function header(run: RunInfo, name: string): Markup {
  const ended = run.status === 'running' ? 'still running' : run.status
  const minutes = run.finishedAt ? (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 60_000 : null
  const took =
    minutes === null ? '' : ` after ${minutes < 1 ? `${Math.round(minutes * 60)} s` : `${minutes.toFixed(1)} min`}`
  return markup`<h1>${name}</h1>
<p class="quiet">LoRA run ${run.runId} · ${run.startedAt.slice(0, 16).replace('T', ' ')} UTC · ${ended}${took} · seed ${run.args.seed}</p>
${run.error === null ? '' : markup`<p class="failed-text">Stopped: <bdi>${run.error}</bdi></p>`}`
}

function result(run: RunInfo, steps: readonly Step[], summary: Summary): Markup {
  const { arms, overall, differences } = summary
  const [first, ...others] = resultSentences(summary)
  const note = differences[0] ? intervalNote(differences[0].all) : ''
  const { updated, unchanged, skipped, failed } = overall.outcomes
  const seconds = steps.reduce((total, step) => total + Object.values(step.ms).reduce((a, b) => a + b, 0), 0) / 1000
  const perExample = steps.length > 0 ? `${(seconds / steps.length).toFixed(1)} s` : '–'
  const cell = (value: string, what: string) => markup`<li><b>${value}</b>${what}</li>`
  return markup`<p class="result">${first!}</p>
${others.map(sentence => markup`<p>${sentence}</p>`)}
${['interrupted', 'stopped'].includes(run.status) ? markup`<p>The run was ${run.status}; these are the examples it had finished.</p>` : ''}
<ul class="numbers">
${cell(String(overall.examples), 'examples')}
${arms.slice(0, 3).map((arm, i) => cell(score(overall.means[i]!), `${arm.name}, mean ${summary.metric}`))}
${differences[0] ? cell(signed(differences[0].all.mean), `adapter − ${differences[0].baseline}`) : ''}
${cell(String(updated), `updated; ${unchanged} unchanged, ${skipped} skipped, ${failed} failed`)}
${cell(perExample, 'an example')}
</ul>
<p class="quiet">${note}</p>`
}

function curves(steps: readonly Step[], { metric, arms, chats }: Summary): Markup | string {
  if (metric === null) return ''
  const window = Math.min(50, Math.max(5, Math.round(steps.length / 8)))
  const marks = steps.flatMap((step, i) => {
    const value = arms[0]!.scores[i]!
    const title = `#${step.index} ${step.outcome.kind}, ${metric} ${score(value)}`
    return value === null ? [] : [{ index: i, value, outcome: step.outcome.kind, title }]
  })
  const lines = (of: (scores: (number | null)[]) => (number | null)[]) =>
    arms.map(({ name, scores }) => ({ name, values: of(scores) }))
  const kinds = ['updated', 'unchanged', 'skipped', 'failed'] as const
  const grouped = chats.filter(row => row.chat !== null)
  const byPosition = grouped.length > 1 && grouped.some(row => row.examples >= 4)
  return markup`<h2>Learning curve</h2>
<figure><figcaption><b>Recent</b>: mean over the last ${window} examples; each mark is one answer, scored before it was learned from.
<span class="legend">${kinds.map(kind => markup`<span>${outcomeIcon(kind)} ${kind}</span>`)}</span></figcaption>
${renderChart({ title: `Mean ${metric} over the last ${window} examples`, xLabel: 'example', yLabel: metric, lines: lines(s => runningMean(s, window)), marks })}</figure>
<figure><figcaption><b>So far</b>: mean over all examples up to here.</figcaption>
${renderChart({ title: `Mean ${metric} of all examples so far`, xLabel: 'example', yLabel: metric, lines: lines(s => runningMean(s)) })}</figure>
${
  byPosition
    ? markup`<figure><figcaption><b>Within a chat</b>: mean over the ${grouped.length} chats, by position in the chat.</figcaption>
${renderChart({ title: `Mean ${metric} by position in the chat`, xLabel: 'position in the chat', xFirst: 1, yLabel: metric, lines: lines(s => meanByPosition(steps, s)) })}</figure>`
    : ''
}`
}

function chatTable({ metric, arms, chats, overall, others }: Summary): Markup {
  const line = (
    name: Markup | string,
    row: Row,
    kind: string,
  ) => markup`<tr class="${kind}"><th scope="row">${name}</th>
<td>${row.examples}</td>${row.means.map(value => markup`<td>${score(value)}</td>`)}
${arms.length > 1 ? markup`<td>${row.win}/${row.tie}/${row.loss}</td>` : ''}
${arms.length > 0 ? markup`<td>${score(row.firstHalf[0]!)}</td><td>${score(row.secondHalf[0]!)}</td>` : ''}
${Object.values(row.outcomes).map(n => markup`<td>${n}</td>`)}</tr>
`
  return markup`<h2>Chats</h2>
<div class="scroll"><table>
<caption>${metric === null ? '' : `Mean ${metric}. `}${arms.length > 1 ? `Win/tie/loss: adapter against ${arms[1]!.name}, by example. ` : ''}Halves: the adapter's mean over the first and the second half of each chat.</caption>
<thead><tr><th scope="col">chat</th><th scope="col">examples</th>${arms.map(arm => markup`<th scope="col">${arm.name}</th>`)}
${arms.length > 1 ? markup`<th scope="col">win/tie/loss</th>` : ''}
${arms.length > 0 ? markup`<th scope="col">1st half</th><th scope="col">2nd half</th>` : ''}
${Object.keys(overall.outcomes).map(kind => markup`<th scope="col">${kind}</th>`)}</tr></thead>
<tbody>${chats.map(row => line(row.chat === null ? '(no chat)' : markup`<bdi>${row.chat}</bdi>`, row, 'chat'))}
${line('all', overall, 'all')}</tbody>
</table></div>
${others.length > 0 ? otherMetrics(arms, others) : ''}`
}

const otherMetrics = (arms: Summary['arms'], others: Summary['others']): Markup => markup`<h2>Other metrics</h2>
<div class="scroll"><table><caption>Means over the examples that have them.</caption>
<thead><tr><th scope="col">metric</th><th scope="col">examples</th>${arms.map(arm => markup`<th scope="col">${arm.name}</th>`)}</tr></thead>
<tbody>${others.map(({ metric, examples, means }) => markup`<tr><th scope="row"><bdi>${metric}</bdi></th><td>${examples}</td>${means.map(value => markup`<td>${score(value)}</td>`)}</tr>`)}</tbody>
</table></div>`

/** The examples on which adapter and baseline differ most. */
function moves(steps: readonly Step[], { arms }: Summary): Markup | string {
  if (arms.length < 2) return ''
  const moved = steps
    .map((step, i) => ({ step, by: (arms[0]!.scores[i] ?? Number.NaN) - (arms[1]!.scores[i] ?? Number.NaN) }))
    .filter(({ by }) => by !== 0 && !Number.isNaN(by))
    .sort((a, b) => b.by - a.by)
  if (moved.length === 0)
    return markup`<p class="quiet">Adapter and ${arms[1]!.name} scored the same on every example.</p>`
  const list = (of: typeof moved) =>
    of.map(
      ({ step, by }) =>
        markup`<li>${signed(by)} <a href="#example-${step.index}">#${step.index}</a> <bdi>${lastUserText(step).slice(0, 90)}</bdi></li>`,
    )
  const better = moved.filter(({ by }) => by > 0).slice(0, 3)
  const worse = moved
    .filter(({ by }) => by < 0)
    .slice(-3)
    .reverse()
  return markup`<h2>Largest differences</h2><ol class="moves">${list(better)}${list(worse)}</ol>`
}

function failures(steps: readonly Step[]): Markup | string {
  const failed = steps.filter(step => step.outcome.kind === 'failed')
  if (failed.length === 0) return ''
  const groups = [...groupBy(failed, step => step.outcome.reason ?? '')]
  return markup`<h2>Failures</h2><p>Fine-tuning failed on ${failed.length} of ${steps.length} examples; their scores count, their adapters stayed.</p>
<ul>${groups.map(([reason, of]) => markup`<li>${of.length} × <bdi class="failed-text">${reason}</bdi>, first at <a href="#example-${of[0]!.index}">#${of[0]!.index}</a></li>`)}</ul>`
}

const examples = (steps: readonly Step[], summary: Summary): Markup => markup`<h2>Examples</h2>
<p class="quiet">Number, outcome, score${summary.arms.length > 1 ? ` (difference to ${summary.arms[1]!.name})` : ''}, question. Open a line for the answers.</p>
${steps.map((step, i) => exampleDetails(step, i, summary))}`

function settings(run: RunInfo, steps: readonly Step[]): Markup {
  const callables = Object.entries(steps.at(-1)?.callables ?? {})
  const memory = (run.machine.memoryBytes / 2 ** 30).toFixed(0)
  const entries = [
    ['experiment', run.experiment || 'a program'],
    [
      'arguments',
      Object.entries(run.args.set)
        .map(([key, value]) => `${key}=${value}`)
        .join(', ') || 'none',
    ],
    ['limit', String(run.args.limit ?? 'none')],
    ['seed', String(run.args.seed)],
    [
      'software',
      Object.entries(run.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['machine', `${run.machine.platform} ${run.machine.arch}, ${run.machine.cores} cores, ${memory} GiB`],
    ...callables.map(([name, sha]) => [name, sha.slice(0, 16)]),
  ] as const
  return markup`<h2>Settings, and how to run it again</h2>
<pre>${reproduce(run)}</pre>
<dl>${entries.map(([name, value]) => markup`<dt>${name!}</dt><dd><bdi>${value!}</bdi></dd>`)}</dl>
<p class="quiet">Equal numbers are promised on one machine with the same ONNX Runtime and thread count. Beside this file lie
steps.jsonl (one example a line, complete), run.json and adapters/.</p>`
}
