import type { Branch, TimelinePoint } from 'lora-harness/protocol'
import { headline } from 'lora-harness/report'
import type { RunStore } from './store.js'
import type { ViewState } from './view.js'

/** What of a run the view works on. */
export type Run = Pick<RunStore, 'branches' | 'current' | 'events' | 'state' | 'line' | 'texts'>

/** Name of the branch that is looked at. */
export const branchOf = (run: Run, view: ViewState): string => view.branch ?? run.current

/** Examples of the branch that is looked at. */
export const lineOf = (run: Run, view: ViewState): readonly TimelinePoint[] => run.line(branchOf(run, view))

/** Most branches that are drawn beside the one looked at. */
const MOST_OVERLAID = 5

/** Branches drawn beside the one looked at: those compared with it, then others. */
export const overlaidOf = (run: Run, view: ViewState): string[] =>
  [...new Set([...view.against, ...run.branches.map(branch => branch.name)])]
    .filter(name => name !== branchOf(run, view) && run.branches.some(branch => branch.name === name))
    .slice(0, MOST_OVERLAID)

/** The example that is looked at: the newest, while it is followed; null if there is none. */
export function indexOf(run: Run, view: ViewState): number | null {
  const last = lineOf(run, view).length - 1
  if (view.follow) return last < 0 ? null : last
  return view.index === null || view.index > last ? null : view.index
}

/** The metric that is shown: the headline of the first scored example, if none was picked; null if nothing is scored. */
export function metricOf(run: Run, view: ViewState): string | null {
  const scored = view.metric ?? lineOf(run, view).find(point => Object.keys(point.metrics).length > 0)
  return scored === undefined ? null : typeof scored === 'string' ? scored : headline([scored])
}

/** The baseline that differences are against; null if there is none. */
export function baselineOf(run: Run, view: ViewState): string | null {
  const having = view.baseline ?? lineOf(run, view).find(point => Object.keys(point.baselines).length > 0)
  if (having === undefined) return null
  return typeof having === 'string' ? having : Object.keys(having.baselines)[0]!
}

/** A field by a name from outside, which may be `constructor`; null if there is none. */
const own = <T>(of: Readonly<Record<string, T>> | null, name: string | null): T | null =>
  of !== null && name !== null && Object.hasOwn(of, name) ? of[name]! : null

export const scoreOf = (point: TimelinePoint, metric: string | null): number | null => own(point.metrics, metric)

/** Score of a baseline on the same example. */
export const baselineScoreOf = (point: TimelinePoint, baseline: string | null, metric: string | null): number | null =>
  own(own(point.baselines, baseline), metric)

/** Score minus the baseline's; null unless both are known. */
export function differenceOf(point: TimelinePoint, baseline: string | null, metric: string | null): number | null {
  const [score, base] = [scoreOf(point, metric), baselineScoreOf(point, baseline, metric)]
  return score === null || base === null ? null : score - base
}

/** Parts that a branch's line is made of, the oldest first; each ends before `end`. */
export function partsOf(branches: readonly Branch[], name: string): { name: string; end: number }[] {
  const parts: { name: string; end: number }[] = []
  let end = Number.POSITIVE_INFINITY
  for (let next: string | null = name; next !== null; ) {
    const branch = branches.find(b => b.name === next)
    parts.unshift({ name: next, end })
    end = Math.min(end, branch?.at ?? 0)
    next = branch?.parent ?? null
  }
  return parts
}

/** An edit of a callable, or a branch that leaves, on the line that is looked at. */
export type Mark = { index: number } & (
  | {
      kind: 'edit'
      /** Number of the edit in the whole run, from 1. */
      n: number
    }
  | { kind: 'fork'; branch: string }
)

/** Edits and forks of a line by index: an edit stands before the example `index`. */
export function marksOf({ events, branches }: Run, name: string): Mark[] {
  const parts = partsOf(branches, name)
  const isOn = (branch: string, index: number) => parts.some(part => part.name === branch && index < part.end)
  const edits = events
    .filter(event => event.type === 'swap')
    .flatMap((event, i): Mark[] =>
      isOn(event.branch, event.index) ? [{ kind: 'edit', index: event.index, n: i + 1 }] : [],
    )
  const forks = branches.flatMap((branch): Mark[] =>
    branch.parent !== null && (isOn(branch.parent, branch.at) || parts.some(part => part.name === branch.name))
      ? [{ kind: 'fork', index: branch.at, branch: branch.name }]
      : [],
  )
  return [...edits, ...forks].sort((a, b) => a.index - b.index)
}

/** Chats of a line in the order of their first example. */
export function chatsOf(line: readonly TimelinePoint[]): string[] {
  const chats = new Set<string>()
  for (const { chatId } of line) if (chatId !== null) chats.add(chatId)
  return [...chats]
}
