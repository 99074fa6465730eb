import type { CommandId } from './commands.js'
import { branchOf, lineOf, type Run } from './shown.js'
import type { RunSource } from './source.js'
import type { RunStore } from './store.js'
import type { ViewState } from './view.js'
import { durationOf, type Words } from './words.js'

/** What a person can do about a notice. */
export type NoticeAction = { words: string } & (
  | { do: 'reconnect' }
  | { do: CommandId; index?: number }
  | { do: 'show'; index: number; tab: ViewState['tab'] }
)

/** Something about the run or the connection that a person should know. */
export interface Notice {
  /** Names the occasion: once put away, it stays away. */
  name: string
  tone: 'info' | 'warn' | 'error'
  text: string
  actions: NoticeAction[]
  /** Stays for as long as it is so; else a person can put it away. */
  lasting?: boolean
  /** Its words change with the time. */
  ticks?: boolean
}

interface Case {
  run: RunStore
  view: ViewState
  source: RunSource
  /** [ms since 1970] */
  now: number
  t: Words
}

/** How long a kernel may take to answer before it counts as busy [ms]. */
const BUSY = 2000

/** Number of examples that are there, of the branch that is looked at. */
const here = ({ run, view }: Pick<Case, 'run' | 'view'>): number => lineOf(run as Run, view).length

const NOTICES: readonly ((about: Case) => Notice | null)[] = [
  ({ run, view, now, t }) => {
    if (run.connection.kind !== 'lost') return null
    const last = here({ run, view }) - 1
    const since = t.__('Connection to the kernel lost %1 ago.', durationOf(Math.max(0, now - run.connection.since)))
    const shown = last < 0 ? '' : ` ${t.__('Showing up to #%1; the run may be going on.', last)}`
    const actions: NoticeAction[] = [{ words: t.__('Reconnect now'), do: 'reconnect' }]
    return { name: 'lost', tone: 'warn', text: since + shown, actions, lasting: true, ticks: true }
  },
  ({ run, view, t }) => {
    if (run.connection.kind !== 'restarted') return null
    const last = here({ run, view }) - 1
    const text =
      last < 0
        ? t.__('The kernel restarted and knows nothing of this run. Run its cell again.')
        : t.__('The kernel restarted; this run stopped at #%1. What was recorded is shown.', last)
    const onward = t.__('Continue as new branch from #%1', last)
    return {
      ...{ name: 'restarted', tone: 'warn', text, lasting: true },
      actions: last < 0 ? [] : [{ words: onward, do: 'rewind', index: last }],
    }
  },
  ({ run, view, t }) => {
    if (run.connection.kind !== 'closed') return null
    const last = here({ run, view }) - 1
    const text =
      last < 0
        ? t.__('This run is not open in its kernel. Run the cell that opens it.')
        : t.__(
            'This run was closed after #%1; what was read of it is shown. Run the cell that opens it to go on.',
            last,
          )
    return { name: 'closed', tone: 'info', text, actions: [], lasting: true }
  },
  ({ run, view, t }) => {
    if (run.connection.kind !== 'loading') return null
    const shown = here({ run, view })
    const all = Math.max(shown, run.state?.index ?? 0)
    const text =
      shown === 0
        ? t.__('Loading the run…')
        : t.__('Loading earlier examples… %1 of %2.', shown.toLocaleString(), all.toLocaleString())
    return { name: 'loading', tone: 'info', text, actions: [], lasting: true }
  },
  ({ run, t }) => {
    const { connection } = run
    if (connection.kind !== 'stored' || connection.version === undefined) return null
    const text = t.__(
      'Written in format version %1; metrics are shown, adapter pictures are not. Export it again to see all.',
      connection.version,
    )
    return { name: 'format', tone: 'info', text, actions: [] }
  },
  ({ run, t }) =>
    run.trouble === null
      ? null
      : {
          name: `trouble ${run.trouble}`,
          tone: 'error',
          text: t.__('What the kernel told made no sense: %1', run.trouble),
          actions: [],
        },
  ({ run, t }) => {
    const { state } = run
    if (run.connection.kind !== 'live' || state?.status !== 'failed') return null
    const text = t.__('The run failed at #%1: %2', state.index, state.error ?? t.__('it did not say why'))
    return {
      name: 'failed',
      tone: 'error',
      text: `${text} ${t.__('Nothing that was done before is lost.')}`,
      actions: [],
      lasting: true,
    }
  },
  ({ run, view, now, t }) => {
    const { state, connection } = run
    if (connection.kind !== 'live' || !state || here({ run, view }) > 0) return null
    const [name, tone, lasting] = ['empty', 'info' as const, true]
    if (state.status === 'running') {
      // A kernel does not know how much of a model is loaded: only for how long.
      const time = durationOf(Math.max(0, now - run.since))
      const text = state.stage
        ? t.__('The first example is being worked on (%1).', time)
        : t.__('Loading the model (%1). The first example starts when it is ready.', time)
      return { name, tone, text, actions: [], lasting, ticks: true }
    }
    const text = t.__('No example has been run yet.')
    return { name, tone, text, actions: [{ words: t.__('Start'), do: 'pause' }], lasting }
  },
  ({ run, view, now, t }) => {
    const waiting = view.asking.find(({ type, since }) => type !== 'step' && now - since > BUSY)
    if (run.busy !== null) return { name: 'busy', tone: 'info', text: run.busy, actions: [], lasting: true }
    if (!waiting) return null
    const text =
      waiting.type === 'pause'
        ? t.__('The kernel is busy. Pause takes effect after this example.')
        : t.__('The kernel is busy and has not answered yet.')
    return { name: 'busy', tone: 'info', text, actions: [], lasting: true, ticks: true }
  },
  ({ run, t }) => {
    const line = run.line(run.current)
    const point = line.at(-1)
    const step = point?.losses.findIndex(loss => !Number.isFinite(loss)) ?? -1
    if (!point || step < 0 || run.connection.kind !== 'live') return null
    const text = t.__('Loss became NaN at step %1 of #%2. A lower learning rate may help.', step + 1, point.index)
    const actions: NoticeAction[] = [{ words: t.__('Show its update'), do: 'show', index: point.index, tab: 'update' }]
    return { name: `nan ${run.current} ${point.index}`, tone: 'warn', text, actions }
  },
  ({ run, t }) => {
    // Failures of long ago are in the list; what just happened is news.
    const recent = run.line(run.current).slice(-RECENT)
    const point = recent.findLast(({ outcome }) => outcome === 'failed')
    if (!point || run.connection.kind !== 'live' || run.state?.status === 'finished') return null
    const text = t.__('#%1 failed while it was trained on. The adapter is unchanged, its score is kept.', point.index)
    const actions: NoticeAction[] = [
      { words: t.__('Show why'), do: 'show', index: point.index, tab: 'update' },
      { words: t.__('Retry'), do: 'retrain', index: point.index },
    ]
    return { name: `failed ${run.current} ${point.index}`, tone: 'warn', text, actions }
  },
]

/** Examples for which a failure is news. */
const RECENT = 5

/** What a person should know now, the most important first. */
export function noticesOf(source: RunSource, view: ViewState, now: number, t: Words): Notice[] {
  const about = { run: source.store, view, source, now, t }
  return NOTICES.flatMap(notice => notice(about) ?? []).filter(({ name }) => !view.dismissed.includes(name))
}

/** One sentence on how a run is doing, for those who hear the panel. */
export function summaryOf(run: RunStore, view: ViewState, doing: string, t: Words): string {
  const { state } = run
  if (!state) return ''
  const failed = run.line(branchOf(run, view)).reduce((count, { outcome }) => count + Number(outcome === 'failed'), 0)
  const far = state.total === null ? String(state.index) : t.__('%1 of %2', state.index, state.total)
  return t.__('%1: %2 examples, %3 failed.', doing, far, failed)
}
