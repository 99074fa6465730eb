import type { Branch } from 'lora-harness/protocol'
import { Columns, FEW, type Range, rangeOfScores } from '../../model/columns.js'
import { passing } from '../../model/filter.js'
import { rangeOf } from '../../model/moves.js'
import {
  baselineOf,
  branchOf,
  indexOf,
  lineOf,
  type Mark,
  marksOf,
  metricOf,
  overlaidOf,
  partsOf,
} from '../../model/shown.js'
import type { RunStore } from '../../model/store.js'
import type { ViewState } from '../../model/view.js'

/** Width that there is [CSS px], device pixels for each, and how large text is (1 for JupyterLab's own size). */
export interface Room {
  width: number
  ratio: number
  text: number
}

/** A branch beside the one looked at: what it shares with a row above is not drawn again. */
export interface Overlay {
  name: string
  columns: Columns
  /** Its first example that no row above has. */
  from: number
  /** The row that it leaves: 0 is the branch looked at, then the overlays. */
  parent: number
}

/** What the timeline draws, and where [CSS px]. */
export interface Scene {
  size: Room & { height: number }
  /** Index of the first example: cards of long runs have the last ones only. Whatever is drawn is counted from it. */
  first: number
  branch: string
  metric: string | null
  baseline: string | null
  columns: Columns
  overlays: readonly Overlay[]
  marks: readonly Mark[]
  /** First and last example that there is room for. */
  range: Range
  /** Width of one example. */
  step: number
  plot: { left: number; right: number; top: number; bottom: number }
  scores: Range
  /** Examples lie too close for a mark each. */
  crowded: boolean
  /** Few different scores: each outcome has a strip of its own. */
  strips: boolean
  lanes: readonly { name: string; chat: number; y: number }[]
  /** Height of a lane. */
  lane: number
  /** Examples that the filters hide; null if none. */
  hides: ((index: number) => boolean) | null
  /** Middle of the i-th row of the rail of branches; none for a single branch. */
  rail: readonly number[]
  showBaseline: boolean
  /** Changes when what is drawn already cannot stay. */
  stamp: readonly unknown[]
}

/** Less width than this is little [CSS px]. */
export const NARROW = 700
/** Least width of an example that has a mark of its own. */
const ROOM = 5
/** Height of a lane, and of a row of the rail; lanes have text. */
const LANE = 16
const ROW = 10
/** Most lanes that are shown at a time. */
const MOST_LANES = 12
/** Under the plot: examples without a score; then the numbers of the axis. */
const GUTTER = 12
const AXIS = 16
/** Left of the plot: numbers; over it: flags; right of it: names and values of lines. */
const [LEFT, TOP, RIGHT, LITTLE] = [40, 28, 132, 104]

/** What is kept between scenes. */
export interface Kept {
  columns: Map<string, Columns>
  /** Range of scores of a metric. */
  scores: { metric: string | null; range: Range } | null
}

/** Columns of a branch as it is now. */
function columnsOf(kept: Kept, run: RunStore, name: string, view: ViewState): Columns {
  const about = { metric: metricOf(run, view), baseline: baselineOf(run, view), window: view.window }
  const line = run.line(name)
  const known = kept.columns.get(name)
  const columns = known?.holds(line, about) ? known : new Columns(line, about)
  kept.columns.set(name, columns)
  columns.catchUp()
  return columns
}

/**
 * Lays the timeline out: time depends on what came since `kept` was last used, not on the length of the run.
 *
 * @param known another number when texts came that the filters look at
 */
export function sceneOf(run: RunStore, view: ViewState, room: Room, kept: Kept, known = 0): Scene {
  const { width, text } = room
  const branch = branchOf(run, view)
  const [metric, baseline] = [metricOf(run, view), baselineOf(run, view)]
  const columns = columnsOf(kept, run, branch, view)
  const overlays = overlaysOf(run, view, branch, kept)
  const range = rangeOf(run, view)
  const scores = scoresOf(kept, metric, [columns, ...overlays.map(overlay => overlay.columns)])

  const right = width - (width < NARROW * text ? LITTLE : RIGHT) * text
  const top = TOP * text
  const bottom = top + (width < NARROW * text ? 124 : 164)
  const plot = { left: LEFT * text, right, top, bottom }
  const under = bottom + GUTTER + AXIS * text
  const rows = overlays.length === 0 ? 0 : overlays.length + 1
  const rail = Array.from({ length: rows }, (_, i) => under + ROW * (i + 0.5))
  const lanesTop = under + (rows === 0 ? 0 : ROW * rows + 4)
  const lane = LANE * text
  const lanes = lanesOf(columns, run, view).map((of, i) => ({ ...of, y: lanesTop + lane * (i + 0.5) }))
  const size = { ...room, height: lanesTop + (lanes.length === 0 ? 0 : lane * lanes.length + 4) }
  const step = Math.max(1, right - plot.left) / (range[1] - range[0] + 1)
  const line = lineOf(run, view)
  const first = line[0]?.index ?? 0
  const passes = passing(run, view)
  const marks = marksOf(run, branch).flatMap(mark =>
    mark.index < first ? [] : [{ ...mark, index: mark.index - first }],
  )
  const crowded = step < ROOM
  const strips = crowded && columns.values.size <= FEW
  return {
    ...{ size, branch, metric, baseline, columns, overlays, marks, first, range, step, plot, scores },
    ...{ crowded, strips, rail, lanes, lane, showBaseline: view.showBaseline },
    hides: passes && (index => !passes(line[index]!)),
    stamp: [
      ...[columns, room, size.height, ...range, ...scores, strips, run.events, run.branches],
      ...[
        view.outcomes,
        view.chat,
        view.onlyWorse,
        view.onlyDifferent,
        view.search,
        view.tag,
        known,
        view.showBaseline,
        view.lanes,
        lanes[0]?.chat,
        lanes.length,
      ],
      ...overlays.flatMap(overlay => [overlay.columns, overlay.columns.length]),
    ],
  }
}

/** Range of the upright axis: what a metric has needed once it keeps, so that marks stay where they are. */
function scoresOf(kept: Kept, metric: string | null, of: readonly Columns[]): Range {
  const before = kept.scores?.metric === metric ? kept.scores.range : null
  const low = Math.min(...of.map(columns => columns.low))
  const high = Math.max(...of.map(columns => columns.high))
  const range = rangeOfScores(before, low, high)
  kept.scores = { metric, range }
  return range
}

/** The first example that two branches do not share. */
export function leftAt(branches: readonly Branch[], a: string, b: string): number {
  const [one, other] = [partsOf(branches, a), partsOf(branches, b)]
  let at = 0
  for (const [i, part] of one.entries()) {
    if (other[i]?.name !== part.name) break
    at = Math.min(part.end, other[i]!.end)
  }
  return at
}

function overlaysOf(run: RunStore, view: ViewState, branch: string, kept: Kept): Overlay[] {
  const rows = [branch]
  return overlaidOf(run, view).flatMap(name => {
    const leaves = rows.map(row => leftAt(run.branches, row, name))
    const from = Math.max(...leaves)
    const columns = columnsOf(kept, run, name, view)
    if (columns.length <= from) return []
    rows.push(name)
    return [{ name, columns, from, parent: leaves.indexOf(from) }]
  })
}

/** The lanes that are shown: of many, those around the example looked at. */
function lanesOf(columns: Columns, run: RunStore, view: ViewState): { name: string; chat: number }[] {
  if (!view.lanes) return []
  const index = indexOf(run, view)
  const here = index === null ? 0 : Math.max(0, columns.chat[index]!)
  const first = here - (here % MOST_LANES)
  return columns.chats.slice(first, first + MOST_LANES).map((name, i) => ({ name, chat: first + i }))
}

/** What places are told by. */
export type Grid = Pick<Scene, 'plot' | 'step' | 'range' | 'scores'>

/** Middle of an example. */
export const xOf = ({ plot, step, range }: Grid, index: number): number => plot.left + (index - range[0] + 0.5) * step

/** Inverse of `xOf`: between two examples it is no whole number. */
export const placeAt = ({ plot, step, range }: Grid, x: number): number => (x - plot.left) / step + range[0] - 0.5

/** The example that has a place, which may be one that there is not. */
export const indexAt = (grid: Grid, x: number): number => Math.round(placeAt(grid, x))

export const yOf = ({ plot, scores }: Grid, value: number): number =>
  plot.bottom - ((value - scores[0]) / (scores[1] - scores[0])) * (plot.bottom - plot.top)

/** Distance of the strips of outcomes. */
const STRIP = 8

/** Height of an example's mark: its score, or under the axis if it has none. */
export function placeOf(scene: Scene, index: number): number {
  const { plot, columns, metric, strips } = scene
  const score = columns.adapter.score[index]!
  const outcome = columns.outcome[index]!
  const middle = (plot.top + plot.bottom) / 2
  if (metric === null) return middle + (outcome - 1.5) * STRIP * (strips ? 1 : 2)
  if (Number.isNaN(score)) return plot.bottom + GUTTER / 2 + 1
  const y = yOf(scene, score)
  return strips ? y + (y < middle ? outcome * STRIP + 4 : -outcome * STRIP - 4) : y
}
