import type { Step } from '../../protocol/index.js'
import { ownValue } from '../../record/curve.js'
import { groupBy } from '../../record/stats.js'
import type { ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import { LEFT_OUT } from '../redact.js'
import { plural, reproduce } from '../words.js'
import { exampleLink, modelName } from './result.js'

/** Examples that a group of failures links to. */
const LINKS = 30

/** What failed or was skipped, all of it, grouped by reason; and what else limits the result. */
export function failures({ steps, info, branch, notes, summary }: ReportData): Markup {
  const groups = (kind: Step['outcome']['kind']) => [
    ...groupBy(
      steps.filter(step => step.outcome.kind === kind),
      step => step.outcome.reason ?? '(no reason given)',
    ),
  ]
  const links = (of: readonly Step[]) =>
    markup`${of.slice(0, LINKS).map((step, i) => markup`${i > 0 ? ', ' : ''}<a href="${exampleLink(info.runId, branch, step.index)}">#${step.index}</a>`)}${of.length > LINKS ? ` and ${of.length - LINKS} more` : ''}`
  const list = (of: ReturnType<typeof groups>, kind: string) =>
    markup`<ul>${of.map(([reason, members]) => markup`<li>${members.length} × <bdi class="${kind}-text">${reason}</bdi>: ${links(members)}</li>`)}</ul>`
  const [failed, skipped] = [groups('failed'), groups('skipped')]
  const count = (of: ReturnType<typeof groups>) => of.reduce((sum, [, members]) => sum + members.length, 0)
  const unscored =
    summary.metric === null ? 0 : steps.filter(step => ownValue(step.metrics, summary.metric!) === undefined).length
  return markup`<h2>Limits and failures</h2>
${failed.length > 0 ? markup`<p>Fine-tuning failed on ${count(failed)} of ${plural(steps.length, 'example')}; their scores count, their adapters stayed.</p>${list(failed, 'failed')}` : markup`<p>Nothing failed.</p>`}
${skipped.length > 0 ? markup`<p>Not trained on purpose:</p>${list(skipped, 'skipped')}` : ''}
${unscored > 0 ? markup`<p>${plural(unscored, 'example')} of ${steps.length} have no <bdi>${summary.metric!}</bdi>; means are over the others.</p>` : ''}
${notes.length > 0 ? markup`<ul>${notes.map(note => markup`<li><bdi>${note}</bdi></li>`)}</ul>` : ''}`
}

/** Settings, environment and how to run it again. */
export function settings({ info, sessions, steps, branch, sources, redacted }: ReportData): Markup {
  const memory = (info.machine.memoryBytes / 2 ** 30).toFixed(0)
  const models = [...new Map(sessions.flatMap(session => session.models.map(m => [m.id, m] as const))).values()]
  const hashOf = (files: Record<string, string>) => Object.entries(files).find(([path]) => path.endsWith('.onnx'))?.[1]
  const seconds = steps.reduce((total, step) => total + Object.values(step.ms).reduce((a, b) => a + b, 0), 0) / 1000
  const entries: [string, string][] = [
    ['experiment', info.experiment || 'a program'],
    ['run', info.runId],
    ['branch', branch],
    [
      'arguments',
      Object.entries(info.args.set)
        .map(([key, value]) => `${key}=${value}`)
        .join(', ') || 'none',
    ],
    ['limit', String(info.args.limit ?? 'none')],
    ['seed', `${info.args.seed}${info.args.shuffle ? ', examples in an order drawn from it' : ''}`],
    ...models.map(({ id, dtype, device, files }): [string, string] => [
      'model',
      `${modelName(id)}, ${dtype} on ${device}${hashOf(files) ? `, sha-256 ${hashOf(files)!.slice(0, 16)}` : ''}`,
    ]),
    [
      'software',
      Object.entries(info.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['machine', `${info.machine.platform} ${info.machine.arch}, ${info.machine.cores} cores, ${memory} GiB`],
    [
      'time',
      steps.length > 0 ? `${(seconds / steps.length).toFixed(1)} s an example, ${Math.round(seconds)} s in all` : '–',
    ],
    ['sessions', sessions.length > 1 ? `${sessions.length}: the run was gone on with` : '1'],
    ...Object.entries(steps.at(-1)?.callables ?? {}).map(([name, sha]): [string, string] => [
      name,
      `sha-256 ${sha.slice(0, 16)}`,
    ]),
  ]
  return markup`<h2>Settings, and how to run it again</h2>
<pre id="command" dir="ltr">${reproduce(info)}</pre>
<dl>${entries.map(([name, value]) => markup`<dt>${name}</dt><dd><bdi>${value}</bdi></dd>`)}</dl>
${sources && sources.length > 0 ? markup`<details><summary>The callables as they were at the end</summary>${sources.map(({ name, source }) => markup`<h3>${name}</h3><pre dir="ltr">${source}</pre>`)}</details>` : ''}
<p class="quiet">Equal numbers are promised on one machine with the same ONNX Runtime and thread count. The run's folder holds the
record (run.db) and every adapter: <code>lora-harness replay</code> computes steps again and says whether they come out equal.${redacted ? ` ${LEFT_OUT}` : ''}</p>`
}
