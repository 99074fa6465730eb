import { ownValue } from '../../record/curve.js'
import type { ReportData } from '../data.js'
import { type Markup, markup } from '../markup.js'
import { isRelative, outcomeIcon, svg, timeline, WHERE_AID, WHERE_AID_ABSOLUTE, where } from '../pictures/index.js'
import { clean } from '../pictures/look.js'
import { experimentName, intervalNote, resultSentences, score, signed, workedOn } from '../words.js'
import { lastUserText } from './example.js'

/** Name, run, model, data, date, software, seed, machine: one line each page begins with. */
export function title({ info, sessions, status, branch, steps, branches }: ReportData): Markup {
  const worked = workedOn(sessions)
  const minutes = worked === null ? null : worked / 60_000
  const took =
    minutes === null ? '' : ` after ${minutes < 1 ? `${Math.round(minutes * 60)} s` : `${minutes.toFixed(1)} min`}`
  const models = [...new Set(sessions.flatMap(session => session.models.map(m => modelName(m.id))))]
  const data = [...new Set(steps.map(step => step.datasetName))].filter(name => name !== '')
  const { machine } = info
  const facts = [
    `run ${info.runId}`,
    ...(branches.length > 1 ? [`branch ${branch}`] : []),
    ...(models.length > 0 ? [models.slice(0, 3).join(', ')] : []),
    ...(data.length > 0
      ? [`${data.slice(0, 3).join(', ')}${data.length > 3 ? ` and ${data.length - 3} more` : ''}`]
      : []),
    `${info.startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    `lora-harness ${info.versions['lora-harness'] ?? '?'}`,
    `seed ${info.args.seed}`,
    `${machine.platform} ${machine.arch}, ${machine.cores} cores`,
    `${status === 'running' ? 'still running' : status}${took}`,
  ]
  return markup`<header><h1><bdi>${nameOf(info.experiment)}</bdi></h1>
<p class="quiet facts">${facts.map((fact, i) => markup`${i > 0 ? ' · ' : ''}<bdi>${clean(fact)}</bdi>`)}</p>
<div id="tools"></div></header>
${info.error === null ? '' : markup`<p class="failed-text">Stopped: <bdi>${info.error}</bdi></p>`}`
}

export const nameOf = (experiment: string): string => clean(experimentName(experiment) || 'LoRA run', 80)

/** A model's id; of a folder, its name. */
export const modelName = (id: string): string => (/^([/\\~.]|[A-Za-z]:)/.test(id) ? id.split(/[\\/]/).at(-1)! : id)

/** The result on one screen: sentence, numbers, means with edits and forks, where the adapter wrote, best and worst. */
export function result(data: ReportData): Markup {
  const { summary, status, pictures, redacted } = data
  const { arms, overall, differences, metric } = summary
  const [first, ...others] = resultSentences(summary)
  const cell = (value: string, what: Markup | string) => markup`<li><b>${value}</b>${what}</li>`
  const difference = differences[0]
  const { updated, unchanged, skipped, failed } = overall.outcomes
  const counts = markup`updated; ${unchanged} unchanged, ${skipped} skipped, ${failed} failed`
  const own = arms[0]
  return markup`<section><p class="result">${first!}</p>
${others.map(sentence => markup`<p class="more">${sentence}</p>`)}
${['interrupted', 'stopped', 'died'].includes(status) ? markup`<p class="more">The run ${status === 'died' ? 'ended without saying so' : `was ${status}`}; these are the examples it had finished.</p>` : ''}
<ul class="numbers">
${cell(String(overall.examples), 'examples')}
${own ? cell(score(overall.means[0]!), markup`adapter, mean <bdi>${metric!}</bdi>`) : ''}
${arms[1] ? cell(score(overall.means[1]!), markup`<bdi>${arms[1].name}</bdi>, mean <bdi>${metric!}</bdi>`) : ''}
${difference ? cell(signed(difference.all.mean), markup`adapter − <bdi>${difference.baseline}</bdi>, 95 % ${signed(difference.all.low)} to ${signed(difference.all.high)}`) : ''}
${cell(String(updated), counts)}
</ul>
<div class="screen">
<figure>${svg(timeline(data.timeline, { width: 860, height: 300 }))}
<figcaption>Each mark is one answer, scored before anything learned from it.${difference ? ` ${intervalNote(difference.all)}` : ''}</figcaption></figure>
${
  pictures
    ? markup`<figure>${svg(where(pictures.modules, { base: pictures.base, width: 380, height: 330 }))}
<figcaption>${isRelative(pictures.modules) ? WHERE_AID : WHERE_AID_ABSOLUTE}</figcaption></figure>`
    : ''
}
</div>
${moves(data, redacted)}
</section>`
}

/** The three examples on which the adapter did best, and worst, against the first baseline (or by its own score). */
function moves({ steps, summary: { arms }, info, branch }: ReportData, redacted: boolean): Markup | string {
  const [own, base] = arms
  if (!own) return ''
  const scored = steps
    .map((step, i) => ({ step, own: own.scores[i]!, base: base?.scores[i] ?? null }))
    .filter(one => one.own !== null && (!base || one.base !== null))
    .map(one => ({ ...one, by: base ? one.own! - one.base! : one.own! }))
    .sort((a, b) => b.by - a.by)
  const best = scored.filter(({ by }) => by > 0).slice(0, 3)
  const worst = base
    ? scored
        .filter(({ by }) => by < 0)
        .slice(-3)
        .reverse()
    : scored
        .filter(one => !best.includes(one))
        .slice(-3)
        .reverse()
  if (best.length + worst.length === 0)
    return base
      ? markup`<p class="quiet">Adapter and <bdi>${base.name}</bdi> scored the same on every example.</p>`
      : ''
  const cut = (text: string) => clean(text.trim(), 90)
  const list = (name: string, of: typeof scored) =>
    markup`<div><h3>${name}</h3>${of.length === 0 ? markup`<p class="quiet">none</p>` : ''}<ol class="moves">${of.map(
      ({ step, by }) =>
        markup`<li>${outcomeIcon(step.outcome.kind)} <b>${base ? signed(by) : score(by)}</b> <a href="${exampleLink(info.runId, branch, step.index)}">#${step.index}</a>${
          redacted
            ? ''
            : markup` <bdi>${cut(lastUserText(step))}</bdi><br><span class="said"><bdi>${cut(step.response) || '(empty)'}</bdi>${base ? markup` <span class="quiet">${base.name}: <bdi>${cut(ownValue(step.baselines, base.name)?.response ?? '')}</bdi></span>` : ''}</span>`
        }</li>`,
    )}</ol></div>`
  return markup`<div class="extremes">${list(base ? `Better than ${clean(base.name, 30)}` : 'Best', best)}${list(base ? `Worse than ${clean(base.name, 30)}` : 'Worst', worst)}</div>`
}

/** Where an example is on this page; the same as in the panel of JupyterLab. */
export const exampleLink = (runId: string, branch: string, index: number): string =>
  `#lora=${[runId, branch, index].map(part => encodeURIComponent(String(part).replace(/\p{Cs}/gu, '\ufffd'))).join('/')}`
