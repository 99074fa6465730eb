import type { RunEvent } from '../protocol/index.js'
import { headline } from '../record/curve.js'
import { readRun } from '../record/open.js'
import type { RunRecord } from '../record/record.js'
import type { Session } from '../record/run-info.js'
import { type BranchNode, branchNote, branchTree, treeLines } from '../record/tree.js'
import { plural, score } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { plain, shown } from './text.js'

/** Edits that are listed; the report has all. */
const SHOWN = 20

/** `lora-harness runs RUN`: one run: its branches as a tree, who wrote it, what was edited. */
export function showRun(folder: string, { json = false }: { json?: boolean }): ExitCode {
  const record = readRun(folder)
  try {
    const { info, sessions } = record
    const tree = branchTree(record)
    const events = record.events()
    console.log(json ? JSON.stringify({ info, sessions, tree, events }, null, 2) : detail(shown(folder), record))
    return EXIT.finished
  } finally {
    record.close()
  }
}

function detail(name: string, record: RunRecord): string {
  const { info, sessions } = record
  const edits = record.events().filter(event => event.type === 'swap')
  const leaks = record.events().filter(event => event.type === 'leak').length
  const rest = edits.length > SHOWN ? [`  (${edits.length - SHOWN} more are in the report)`] : []
  return [
    `${name}: ${plain(info.experiment || 'begun by a program')}, seed ${info.args.seed}, ${plural(record.adapters().length, 'adapter')}`,
    '',
    ...treeLines(branchTree(record)).map(({ rail, node }) => rail + branchLine(node, record)),
    '',
    ...sessions.map(sessionLine),
    ...(edits.length > 0 ? ['', 'Edits:', ...edits.slice(0, SHOWN).map(editLine), ...rest] : []),
    ...(leaks > 0 ? ['', `${plural(leaks, 'example or probe')} had been trained on before being scored.`] : []),
  ].join('\n')
}

function branchLine(node: BranchNode, record: RunRecord): string {
  const points = record.timeline(node.name)
  const metric = headline(points)
  const scores = metric === null ? [] : points.flatMap(point => point.metrics[metric] ?? [])
  const mean = scores.length > 0 ? scores.reduce((sum, value) => sum + value, 0) / scores.length : null
  const note = branchNote(node)
  return [
    plain(node.name, 40) + (node.current ? ' *' : ''),
    plural(node.length, 'example'),
    ...(mean === null ? [] : [`${plain(metric!, 16)} ${score(mean)}`]),
    ...(note ? [plain(note, 120)] : []),
  ].join('  ')
}

function sessionLine({ startedAt, status, pid, host, error, changes }: Session): string {
  const line = `${startedAt.slice(0, 16).replace('T', ' ')} UTC  ${status}, process ${pid} on ${plain(host, 40)}`
  const why = error === null ? [] : [`  ${plain(error, 200)}`]
  return [line, ...why, ...changes.map(change => `  allowed: ${plain(change, 200)}`)].join('\n')
}

/** `before #17 on main: finetuneFn (+3 −1 lines)`. */
function editLine({ branch, index, changed, diff }: RunEvent): string {
  const lines = String(diff).split('\n')
  const count = (sign: string) => lines.filter(line => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length
  const names = Array.isArray(changed) ? changed.join(', ') : ''
  return `  before #${index} on ${plain(branch, 40)}: ${plain(names, 80)} (+${count('+')} −${count('-')} lines)`
}
