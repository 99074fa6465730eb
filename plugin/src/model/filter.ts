import type { Annotation, RunEvent, TimelinePoint } from 'lora-harness/protocol'
import { ownerOf, type Texts } from './details.js'
import { baselineOf, branchOf, differenceOf, metricOf, type Run, scoreOf } from './shown.js'
import { FIRST_VIEW, type ViewState } from './view.js'

/** What a list of examples is asked for. */
export type Query = Pick<ViewState, 'outcomes' | 'search' | 'chat' | 'tag' | 'onlyDifferent' | 'onlyWorse' | 'sort'> & {
  metric: string | null
  baseline: string | null
}

/** What is known of examples beside their points. */
export interface Known {
  texts(point: TimelinePoint): Texts | undefined
  tags(point: TimelinePoint): readonly string[]
}

export interface Found {
  points: TimelinePoint[]
  /** How many examples need their texts to be judged, and how many of those have them; null if none needs them. */
  judged: { of: number; known: number } | null
}

/** Whether an answer is not the baseline's; null if it has none. */
export const differs = (texts: Texts, baseline: string | null): boolean | null => {
  const other = baseline === null ? undefined : texts.baselines.get(baseline)
  return other === undefined ? null : !other.same
}

const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

/** Words that a search looks for; letters may be small or capital. */
export const wordsOf = (search: string): string[] => folded(search).split(/\s+/).filter(Boolean)

/** Texts as they are searched: made once. */
const searchable = new WeakMap<Texts, string>()

function searchIn(texts: Texts): string {
  const { question, response, reference, reason, baselines } = texts
  const known =
    searchable.get(texts) ??
    folded([question, response, reference, reason, ...[...baselines.values()].map(b => b.response)].join('\n'))
  searchable.set(texts, known)
  return known
}

const names = new WeakMap<TimelinePoint, string>()

function nameIn(point: TimelinePoint): string {
  const { index, key, chatId } = point
  const known = names.get(point) ?? folded(`#${index} ${key} ${chatId ?? ''}`)
  names.set(point, known)
  return known
}

/** Whether every word is somewhere in what is known of an example. */
function has(words: readonly string[], point: TimelinePoint, texts: Texts | undefined): boolean {
  if (words.length === 0) return true
  const name = nameIn(point)
  return words.every(word => name.includes(word) || (texts !== undefined && searchIn(texts).includes(word)))
}

/** What a filter says of an example. */
interface Judged {
  passes: boolean
  /** Whether its texts are known, where they matter; null where they do not. */
  known: boolean | null
}

/** Judges examples by a filter, one by one. One whose texts are not known and matter passes if the rest is enough. */
function judge(query: Omit<Query, 'sort'>, known: Known): (point: TimelinePoint) => Judged {
  const { outcomes, chat, tag, onlyWorse, onlyDifferent, search, metric, baseline } = query
  const words = wordsOf(search)
  const needsTexts = onlyDifferent || words.length > 0
  return point => {
    const passes =
      outcomes.includes(point.outcome) &&
      (chat === null || point.chatId === chat) &&
      (!onlyWorse || (differenceOf(point, baseline, metric) ?? 0) < 0) &&
      (tag === null || known.tags(point).includes(tag))
    if (!passes || !needsTexts) return { passes, known: null }
    const texts = known.texts(point)
    // Another score means another answer.
    const isOther = !onlyDifferent || Boolean(texts ? differs(texts, baseline) : differenceOf(point, baseline, metric))
    return { passes: isOther && has(words, point, texts), known: texts !== undefined }
  }
}

/**
 * Examples that pass a filter, in the order asked for; equal ones by index. An example whose texts are not known and
 * matter is left out unless what is known of it is enough: `judged` counts them.
 */
export function find(line: readonly TimelinePoint[], query: Query, known: Known): Found {
  const judged = judge(query, known)
  let [of, having] = [0, 0]
  const points = line.filter(point => {
    const { passes, known } = judged(point)
    of += Number(known !== null)
    having += Number(known === true)
    return passes
  })
  const needsTexts = query.onlyDifferent || wordsOf(query.search).length > 0
  return { points: sorted(points, query), judged: needsTexts ? { of, known: having } : null }
}

/** What is known of the examples of a branch. @param annotations see `annotationsOf` */
export const knownOf = (run: Run, branch: string, annotations: ReadonlyMap<string, Annotation>): Known => ({
  texts: point => run.texts(point),
  tags: ({ index }) =>
    annotations.size === 0 ? [] : (annotations.get(placeOf(ownerOf(run, branch, index), index))?.tags ?? []),
})

/** Whether the filters of a view let an example of its branch through, as the list has it; null if they let all. */
export function passing(run: Run, view: ViewState): ((point: TimelinePoint) => boolean) | null {
  if (!isFiltered(view)) return null
  const known = knownOf(run, branchOf(run, view), annotationsOf(run.events))
  const judged = judge({ ...view, metric: metricOf(run, view), baseline: baselineOf(run, view) }, known)
  return point => judged(point).passes
}

/** Where an example stands among points in an order; −1 if it is not among them. */
export function placeIn(points: readonly TimelinePoint[], index: number, { by, down }: Query['sort']): number {
  if (by !== 'index') return points.findIndex(point => point.index === index)
  let [low, high] = [0, points.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (down ? points[middle]!.index > index : points[middle]!.index < index) low = middle + 1
    else high = middle
  }
  return points[low]?.index === index ? low : -1
}

/** What has no score comes last, whichever the direction. */
function sorted(points: TimelinePoint[], { sort, metric, baseline }: Query): TimelinePoint[] {
  if (sort.by === 'index') return sort.down ? points.reverse() : points
  const shown = (point: TimelinePoint) =>
    sort.by === 'score' ? scoreOf(point, metric) : differenceOf(point, baseline, metric)
  const way = sort.down ? -1 : 1
  return points
    .map(point => ({ point, value: shown(point) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      return way * (a.value - b.value)
    })
    .map(({ point }) => point)
}

/** Parts of the view that hide examples, at rest. */
export const NO_FILTER = {
  ...{ outcomes: FIRST_VIEW.outcomes, search: '', chat: null, tag: null },
  ...{ onlyDifferent: false, onlyWorse: false },
} satisfies Partial<ViewState>

export const isFiltered = (view: Pick<ViewState, keyof typeof NO_FILTER>): boolean =>
  view.outcomes.length < NO_FILTER.outcomes.length ||
  view.search.trim() !== '' ||
  view.chat !== null ||
  view.tag !== null ||
  view.onlyDifferent ||
  view.onlyWorse

/** The last words on each example, by `place`. */
export function annotationsOf(events: readonly RunEvent[]): Map<string, Annotation> {
  const last = new Map<string, Annotation>()
  for (const event of events)
    if (event.type === 'annotation') last.set(placeOf(event.branch, event.index), event as Annotation)
  return last
}

/** Name of an example in `annotationsOf`. */
export const placeOf = (branch: string, index: number): string => `${index} ${branch}`

/** Tags in the order of the alphabet. */
export const tagsIn = (annotations: ReadonlyMap<string, Annotation>): string[] =>
  [...new Set([...annotations.values()].flatMap(({ tags }) => tags))].sort((a, b) => a.localeCompare(b))
