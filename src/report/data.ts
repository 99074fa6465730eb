import { isAbsolute } from 'node:path'
import type { RunEvent, Step } from '../protocol/index.js'
import { mean, ownValue } from '../record/curve.js'
import { lineOf } from '../record/line.js'
import type { RunRecord } from '../record/record.js'
import type { RunInfo, Session } from '../record/run-info.js'
import { branchTree, treeLines } from '../record/tree.js'
import { type AdapterPictures, adapterPictures, loraAfter } from './adapters.js'
import { type TimelineData, timelineOf } from './pictures/index.js'
import { HIDDEN, mapTexts, redactSteps, scrubber } from './redact.js'
import { type Summary, summarise } from './series.js'

/** All that a report of a run says. */
export interface ReportData {
  info: RunInfo
  sessions: readonly Session[]
  /** Of the last session; a session of a process that died is `died`. */
  status: Session['status']
  branch: string
  steps: Step[]
  summary: Summary
  timeline: TimelineData
  edits: Edit[]
  branches: BranchRow[]
  /** ‖ΔW‖_F of the adapters that examples name. */
  norms: Record<string, number>
  /** Null if there is no adapter that can be drawn, and why. */
  pictures: AdapterPictures | null
  noPictures: string | null
  /** Text of each callable as it was at the end; null if it is left out. */
  sources: { name: string; source: string }[] | null
  /** What happened beside steps and edits: examples known before, changes that were allowed. */
  notes: string[]
  redacted: boolean
}

/** Callables were edited before an example. */
export interface Edit {
  index: number
  changed: string[]
  /** Unified diff; null if it is left out. */
  diff: string | null
  /** Mean scores over as many examples before as after; null if there are none on either side. */
  means: { examples: number; arms: { name: string; before: number | null; after: number | null }[] } | null
}

/** A branch as a row of the table. */
export interface BranchRow {
  name: string
  /** Lines of the tree before its name. */
  rail: string
  parent: string | null
  at: number
  skipUpdates: readonly number[]
  /** Steps of its own, and with those of its parents. */
  own: number
  length: number
  shown: boolean
  /** Mean over its whole line, and of the first baseline. */
  score: number | null
  baseline: number | null
  /** Mean over its own steps, and of its parent over the same examples. */
  ownScore: number | null
  parentScore: number | null
  /** Its last adapter. */
  adapter: { identifier: string; bytes: number; norm: number | null } | null
}

export interface ReportOptions {
  /** The current one by default. */
  branch?: string | undefined
  /** Leave out what people wrote or said: see `LEFT_OUT`. */
  redact?: boolean | undefined
}

/**
 * Gathers what a report says of a branch of a run. Reads up to some 120 adapters for their pictures.
 *
 * @throws InputError if there is no such branch
 */
export async function reportData(record: RunRecord, options: ReportOptions = {}): Promise<ReportData> {
  const { branch = record.current, redact = false } = options
  const scrub = scrubber()
  const recorded = record.steps(branch)
  const found = await adapterPictures(record, branch, recorded)
  const pictures = 'why' in found ? null : { ...found, baseWhy: found.baseWhy && scrub(found.baseWhy) }
  const steps = (redact ? redactSteps(recorded) : recorded).map(step => ({
    ...step,
    outcome: mapTexts(step.outcome, scrub),
    details: mapTexts(step.details, scrub),
  }))
  const info = cleanInfo(record, redact, scrub)
  const summary = summarise(steps, info.args.seed)
  const timeline = timelineOf(record, { branch })
  if (redact && pictures) hideChats(pictures, recorded, steps)
  const line = lineOf(record, branch)
  const events = record
    .events()
    .filter(event => line.some(part => part.name === event.branch && event.index < part.end))
    .sort((a, b) => a.index - b.index)
  const swaps = events.filter(event => event.type === 'swap')
  return {
    info,
    sessions: record.sessions,
    status: record.sessions.at(-1)?.status ?? info.status,
    branch,
    steps,
    summary,
    timeline,
    edits: swaps.map((event, i) =>
      editOf(event, swaps[i - 1]?.index ?? 0, swaps[i + 1]?.index ?? steps.length, summary, redact ? null : scrub),
    ),
    branches: branchRows(record, branch, summary.metric),
    norms: normsOf(record, steps),
    pictures,
    noPictures: 'why' in found ? scrub(found.why) : null,
    sources: redact ? null : sourcesOf(record, recorded.at(-1), scrub),
    notes: notesOf(events, redact, scrub),
    redacted: redact,
  }
}

function cleanInfo({ info, sessions }: RunRecord, redact: boolean, scrub: (text: string) => string): RunInfo {
  const { experiment, args } = info
  const why = sessions.at(-1)?.error ?? info.error
  const path = isAbsolute(experiment) ? experiment.split(/[\\/]/).at(-1)! : experiment
  const value = (text: string) => (redact ? '…' : scrub(text))
  const set = Object.fromEntries(Object.entries(args.set).map(([name, text]) => [name, value(text)]))
  return {
    ...info,
    experiment: scrub(path),
    args: { ...args, set },
    error: why == null ? null : redact ? HIDDEN : scrub(why),
  }
}

/** Lines of the way are named after chats. */
function hideChats({ way }: AdapterPictures, recorded: readonly Step[], steps: readonly Step[]): void {
  const names = new Map(recorded.map((step, i) => [step.chatId, steps[i]!.chatId]))
  for (const line of way.lines) line.name = names.get(line.name) ?? line.name
}

function editOf(
  event: RunEvent,
  from: number,
  to: number,
  { arms }: Summary,
  scrub: ((text: string) => string) | null,
): Edit {
  const { index } = event
  const examples = Math.min(index - from, to - index)
  const means = (begin: number, end: number) => arms.map(({ scores }) => mean(scores.slice(begin, end)))
  const [before, after] = [means(index - examples, index), means(index, index + examples)]
  return {
    index,
    changed: (event.changed as string[] | undefined) ?? [],
    diff: scrub ? scrub(String(event.diff ?? '')) : null,
    means:
      examples > 0 && arms.length > 0
        ? { examples, arms: arms.map(({ name }, i) => ({ name, before: before[i]!, after: after[i]! })) }
        : null,
  }
}

function branchRows(record: RunRecord, shown: string, metric: string | null): BranchRow[] {
  return treeLines(branchTree(record)).map(({ rail, node }) => {
    const points = record.timeline(node.name)
    const own = points.slice(node.at)
    const scoreIn = (metrics: Record<string, number> | undefined) =>
      metric === null ? null : (ownValue(metrics, metric) ?? null)
    const parent = new Map((node.parent === null ? [] : record.timeline(node.parent)).map(point => [point.key, point]))
    const both = own.flatMap(point => (parent.has(point.key) ? [parent.get(point.key)!] : []))
    const lora = points.findLast(point => point.lora !== null)?.lora ?? null
    const adapter = lora === null ? undefined : record.adapter(lora)
    return {
      name: node.name,
      rail,
      parent: node.parent,
      at: node.at,
      skipUpdates: node.skipUpdates,
      own: own.length,
      length: points.length,
      shown: node.name === shown,
      score: mean(points.map(point => scoreIn(point.metrics))),
      baseline: mean(points.map(point => scoreIn(Object.values(point.baselines)[0]))),
      ownScore: mean(own.map(point => scoreIn(point.metrics))),
      parentScore: mean(both.map(point => scoreIn(point.metrics))),
      adapter: adapter
        ? {
            identifier: adapter.identifier,
            bytes: adapter.bytes,
            norm: adapter.norms && Math.hypot(...Object.values(adapter.norms)),
          }
        : null,
    }
  })
}

function normsOf(record: RunRecord, steps: readonly Step[]): Record<string, number> {
  const names = new Set(steps.flatMap(step => [step.retrievedLora?.identifier ?? null, loraAfter(step)]))
  const known = [...names].flatMap(name => {
    const norms = name === null ? null : record.adapter(name)?.norms
    return norms ? [[name!, Math.hypot(...Object.values(norms))] as const] : []
  })
  return Object.fromEntries(known)
}

function sourcesOf(record: RunRecord, last: Step | undefined, scrub: (text: string) => string): ReportData['sources'] {
  return Object.entries(last?.callables ?? {}).flatMap(([name, hash]) => {
    const source = record.callable(hash)?.source
    return source === undefined ? [] : [{ name, source: scrub(source) }]
  })
}

function notesOf(events: readonly RunEvent[], redact: boolean, scrub: (text: string) => string): string[] {
  const leaks = events.filter(event => event.type === 'leak')
  return [
    ...leaks
      .slice(0, 20)
      .map(
        ({ key, index, trainedAt, probe }) =>
          `Before #${index}: ${probe ? 'a probe' : 'what was to be scored'}${redact ? '' : ` (${String(key)})`} had been trained on${trainedAt === null ? ' outside this run' : ` at #${trainedAt}`}.`,
      ),
    ...(leaks.length > 20 ? [`${leaks.length - 20} more had been trained on before they were scored.`] : []),
    ...events.flatMap(event =>
      event.type === 'changes'
        ? [
            `From #${event.index} the run went on although not all was as before${redact ? '' : `: ${scrub((event.changes as string[]).join('; '))}`}.`,
          ]
        : [],
    ),
  ]
}
