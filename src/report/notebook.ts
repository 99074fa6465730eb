import { createHash } from 'node:crypto'
import type { RunRecord } from '../record/record.js'
import { type ReportData, type ReportOptions, reportData } from './data.js'
import { markOf } from './ours.js'
import {
  card,
  cardOf,
  DIRECTIONS_AID,
  directions,
  isRelative,
  type Picture,
  WAY_AID,
  WHERE_AID,
  WHERE_AID_ABSOLUTE,
  way,
  where,
} from './pictures/index.js'
import { clean } from './pictures/look.js'
import { bundleOf } from './png.js'
import { LEFT_OUT } from './redact.js'
import { nameOf } from './sections/result.js'
import { intervalNote, plural, reproduce, resultSentences, score, signed } from './words.js'

type Cell =
  | { cell_type: 'markdown'; id: string; metadata: object; source: string }
  | { cell_type: 'code'; id: string; metadata: object; source: string; execution_count: number; outputs: object[] }

/** Examples that are quoted. */
const QUOTED = 3

/**
 * A branch of a run as a notebook (nbformat 4.5): the result, pictures as PNG, edits, branches, how to run it again, and
 * cells that open the run and draw the pictures anew.
 *
 * @param path of the run's folder, as the notebook's cells open it
 * @throws InputError if there is no such branch
 */
export async function renderNotebook(record: RunRecord, path: string, options: ReportOptions = {}): Promise<string> {
  const data = await reportData(record, options)
  const { branch, pictures } = data
  const card1400 = cardOf(record, { branch, ...(pictures?.base ? { base: pictures.base } : {}) })
  const cells: Cell[] = []
  const say = (source: string) => {
    if (source !== '') cells.push({ cell_type: 'markdown', id: idOf(cells.length, source), metadata: {}, source })
  }
  const draw = async (source: string, picture: Picture) => {
    const execution_count = cells.filter(cell => cell.cell_type === 'code').length + 1
    const [data, metadata] = [await bundleOf(picture), { 'image/png': { alt: picture.title } }]
    const output = { output_type: 'execute_result', execution_count, metadata, data }
    cells.push({
      cell_type: 'code',
      id: idOf(cells.length, source),
      metadata: {},
      source,
      execution_count,
      outputs: [output],
    })
  }
  const asked = JSON.stringify(branch)
  say(resultText(data))
  await draw(
    [
      `import { readRun, reportData, shown } from 'lora-harness'`,
      `import { card, cardOf, directions, way, where } from 'lora-harness/report'`,
      '',
      `const run = readRun(${JSON.stringify(path)})`,
      `const data = await reportData(run, { branch: ${asked}${data.redacted ? ', redact: true' : ''} })`,
      `shown(card(cardOf(run, { branch: ${asked} })))`,
    ].join('\n'),
    card(card1400),
  )
  say(changesText(data))
  if (pictures) {
    const { modules, base } = pictures
    say(`## Adapter\n\n**Where.** ${inline(isRelative(modules) ? WHERE_AID : WHERE_AID_ABSOLUTE)}`)
    await draw(`shown(where(data.pictures!.modules, { base: data.pictures!.base }))`, where(modules, { base }))
    say(`**How many directions.** ${inline(DIRECTIONS_AID)}`)
    await draw(`shown(directions(data.pictures!.modules))`, directions(modules))
    say(`**Which way.** ${inline(WAY_AID)}`)
    await draw(`shown(way(data.pictures!.way, data.timeline))`, way(pictures.way, data.timeline))
  }
  say(endText(data))
  const metadata = {
    kernelspec: { name: 'lora-harness', display_name: 'TypeScript (LoRA Harness)', language: 'typescript' },
    language_info: { name: 'typescript', file_extension: '.ts', mimetype: 'text/typescript' },
    'lora-harness': { run: record.info.runId, mark: markOf(cells) },
  }
  return `${JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`
}

/** Names of cells must be unique in a notebook; the same run gives the same ones. */
const idOf = (position: number, source: string): string =>
  createHash('sha256').update(`${position} ${source}`).digest('hex').slice(0, 12)

/** Text from outside within a paragraph of Markdown: nothing in it is markup. */
const inline = (text: string): string =>
  clean(text, 2000).replace(/[&<>\\`*_{}[\]()#+!|~$^=-]/g, character => `&#${character.charCodeAt(0)};`)

/** Text from outside as a block, whatever backticks it holds. */
function block(text: string, language = ''): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(run => run.length))
  const fence = '`'.repeat(Math.max(3, longest + 1))
  return `${fence}${language}\n${text.replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}]/gu, '\ufffd').replace(/\n$/, '')}\n${fence}`
}

const table = (rows: readonly (readonly string[])[]): string =>
  rows.map((row, i) => `| ${row.join(' | ')} |${i === 0 ? `\n|${row.map(() => ' --- |').join('')}` : ''}`).join('\n')

function resultText({ info, branch, summary, steps, redacted }: ReportData): string {
  const { arms, categories, differences, overall } = summary
  const [own, base] = arms
  const moved = steps
    .map((step, i) => ({ step, by: (own?.scores[i] ?? Number.NaN) - (base?.scores[i] ?? Number.NaN) }))
    .filter(({ by }) => by !== 0 && !Number.isNaN(by))
    .sort((a, b) => b.by - a.by)
  const some = [
    ...moved.filter(({ by }) => by > 0).slice(0, QUOTED),
    ...moved.filter(({ by }) => by < 0).slice(-QUOTED),
  ]
  const quoted = some.map(({ step, by }) => [
    `#${step.index}`,
    signed(by),
    ...(redacted ? [] : [step.messages.at(-1)?.content ?? '', step.response].map(text => inline(clean(text, 100)))),
  ])
  return [
    `# ${inline(nameOf(info.experiment))}`,
    `Run ${inline(info.runId)}, branch ${inline(branch)}, begun ${info.startedAt.slice(0, 10)}, seed ${info.args.seed}.`,
    ...(redacted ? [inline(LEFT_OUT)] : []),
    ...resultSentences(summary).map(inline),
    table([
      ['examples', ...arms.map(arm => inline(arm.name)), 'updated', 'unchanged', 'skipped', 'failed'],
      [String(overall.examples), ...overall.means.map(score), ...Object.values(overall.outcomes).map(String)],
    ]),
    ...(categories.length > 0
      ? [
          table([
            ['category', 'examples', ...arms.map(arm => inline(arm.name))],
            ...categories.map(({ category, examples, means }) => [
              inline(category ?? '(none)'),
              String(examples),
              ...means.map(score),
            ]),
          ]),
        ]
      : []),
    ...(differences[0] ? [intervalNote(differences[0].all)] : []),
    ...(quoted.length > 0
      ? [table([['example', `minus ${inline(base!.name)}`, ...(redacted ? [] : ['asked', 'adapter'])], ...quoted])]
      : []),
  ].join('\n\n')
}

function changesText({ edits, branches }: ReportData): string {
  const parts = edits.map(({ index, changed, diff, means }, i) =>
    [
      `### ${i + 1}. Before #${index}: ${inline(changed.join(', '))}`,
      ...(means
        ? [
            table([
              [`${plural(means.examples, 'example')} each`, 'before', 'after'],
              ...means.arms.map(({ name, before, after }) => [inline(name), score(before), score(after)]),
            ]),
          ]
        : []),
      ...(diff ? [block(diff, 'diff')] : []),
    ].join('\n\n'),
  )
  const tree = [
    ['branch', 'leaves', 'own examples', 'mean', 'parent on the same'],
    ...branches.map(({ name, parent, at, own, ownScore, parentScore }) => [
      inline(name),
      parent === null ? '' : `${inline(parent)} before #${at}`,
      String(own),
      score(ownScore),
      score(parentScore),
    ]),
  ]
  return [
    ...(parts.length > 0 ? ['## What was changed', ...parts] : []),
    ...(branches.length > 1 ? ['## Branches', table(tree)] : []),
  ].join('\n\n')
}

function endText({ steps, info, notes }: ReportData): string {
  const failed = new Map<string, number[]>()
  for (const { outcome, index } of steps)
    if (outcome.kind === 'failed') {
      const reason = outcome.reason ?? '(no reason given)'
      failed.set(reason, [...(failed.get(reason) ?? []), index])
    }
  const lines = [...failed].map(
    ([reason, at]) =>
      `- ${at.length} × ${inline(reason)}: ${at
        .slice(0, 20)
        .map(index => `#${index}`)
        .join(', ')}`,
  )
  return [
    ...(lines.length > 0 ? [`## Failures\n\n${lines.join('\n')}`] : []),
    ...(notes.length > 0 ? [notes.map(note => `- ${inline(note)}`).join('\n')] : []),
    `## How to run it again\n\n${block(reproduce(info), 'sh')}`,
  ].join('\n\n')
}
