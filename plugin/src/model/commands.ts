import * as moves from './moves.js'
import { branchOf, indexOf, lineOf, metricOf, type Run, scoreOf } from './shown.js'
import { askFor, type Deck, type Steering, whyNot } from './steer.js'
import { linkOf, type OutcomeKind, type ViewState } from './view.js'
import type { Words } from './words.js'

/** Where commands are done: a panel on a page. */
export interface Desk extends Deck {
  /** Moves the keyboard's focus. */
  focus(what: 'filter' | 'list' | 'detail' | 'panel'): void
  /** @throws Error if the clipboard cannot be written */
  copy(text: string): Promise<void>
  /** Address of the page, without the part after `#`. */
  address: string
}

/** Something that a person can have done by a key, a button or JupyterLab's palette. */
export interface Command {
  words(t: Words, desk: Deck): string
  /** Why it cannot be done now; null, and where it is left out, it can. */
  why?(desk: Deck): string | null
  /** For what is switched on and off. */
  on?(view: ViewState): boolean
  run(desk: Desk): unknown
}

/** A move over marks, with where to if it has two ways; says so if there is nowhere to go. */
const move = <A extends unknown[]>(
  words: (t: Words) => string,
  to: (run: Run, view: ViewState, ...where: A) => moves.Move,
  ...where: A
): Command => ({
  words,
  run({ source, view, trans: t }) {
    const part = to(source.store, view.state, ...where)
    view.set(part ?? { said: { kind: 'info', text: t.__('Nothing further that way.') } })
  },
})

const toggle = (
  words: (t: Words) => string,
  field: { [K in keyof ViewState]: ViewState[K] extends boolean ? K : never }[keyof ViewState],
): Command => ({
  words,
  on: view => view[field],
  run: ({ view }) => view.set({ [field]: !view.state[field] }),
})

const outcome = (kind: OutcomeKind, words: (t: Words) => string): Command => ({
  words,
  on: view => view.outcomes.includes(kind),
  run: ({ view }) =>
    view.set({
      outcomes: view.state.outcomes.includes(kind)
        ? view.state.outcomes.filter(one => one !== kind)
        : [...view.state.outcomes, kind],
    }),
})

const opening = (dialog: NonNullable<ViewState['dialog']>, words: Command['words'], steering?: Steering): Command => ({
  words,
  ...(steering && { why: desk => whyNot(desk, steering) }),
  run: ({ view }) => view.set({ dialog: view.state.dialog === dialog ? null : dialog, said: null }),
})

/** `#412`, or nothing. */
const selected = ({ source, view }: Deck): string => {
  const index = indexOf(source.store, view.state)
  return index === null ? '' : `#${index}`
}

const isGoing = ({ source: { store } }: Deck): boolean =>
  store.state?.status === 'running' || store.state?.status === 'pausing'

/** Every command of the panel. */
export const COMMANDS = {
  previous: move(t => t.__('Previous example'), moves.nextExample, -1),
  next: move(t => t.__('Next example'), moves.nextExample, 1),
  'previous-notable': move(t => t.__('Previous failed or changed'), moves.nextNotable, -1),
  'next-notable': move(t => t.__('Next failed or changed'), moves.nextNotable, 1),
  first: move(t => t.__('First example'), moves.toEnd, -1),
  last: move(t => t.__('Last example'), moves.toEnd, 1),
  'previous-mark': move(t => t.__('Previous edit or fork'), moves.nextMark, -1),
  'next-mark': move(t => t.__('Next edit or fork'), moves.nextMark, 1),
  'previous-lane': move(t => t.__('Previous chat'), moves.nextLane, -1),
  'next-lane': move(t => t.__('Next chat'), moves.nextLane, 1),
  'zoom-in': move(t => t.__('Zoom in'), moves.zoomIn),
  'zoom-out': move(t => t.__('Zoom out'), moves.zoomOut),
  'zoom-all': move(
    t => t.__('Show all examples'),
    (_, view) => moves.zoomAll(view),
  ),
  'toggle-updated': outcome('updated', t => t.__('Show updated')),
  'toggle-unchanged': outcome('unchanged', t => t.__('Show unchanged')),
  'toggle-skipped': outcome('skipped', t => t.__('Show skipped')),
  'toggle-failed': outcome('failed', t => t.__('Show failed')),
  filter: {
    words: t => t.__('Filter the list'),
    run({ view, focus }) {
      view.set({ drawer: true })
      focus('filter')
    },
  },
  different: toggle(t => t.__('Only where scores differ'), 'onlyDifferent'),
  open: {
    words: t => t.__('Go to the example'),
    run({ view, focus }) {
      view.set({ drawer: false })
      focus('detail')
    },
  },
  back: {
    words: t => t.__('Back, close'),
    run({ view, focus }) {
      const { dialog, said, drawer, comparing } = view.state
      if (dialog !== null) view.set({ dialog: null })
      else if (said !== null) view.set({ said: null })
      else if (drawer) view.set({ drawer: false })
      else if (comparing) view.set({ comparing: false })
      else focus('list')
    },
  },
  pause: {
    words: (t, desk) => {
      const state = desk.source.store.state
      if (state?.status === 'pausing' || (isGoing(desk) && desk.view.state.asking.some(one => one.type === 'pause')))
        return t.__('Pausing after #%1…', state?.index)
      if (isGoing(desk)) return t.__('Pause')
      return state?.status === 'idle' && state.index === 0 ? t.__('Start') : t.__('Resume')
    },
    why: desk => whyNot(desk, isGoing(desk) ? 'pause' : 'resume'),
    run: desk => askFor(desk, { type: isGoing(desk) ? 'pause' : 'resume' }),
  },
  step: {
    words: (t, { view }) => (view.state.asking.some(one => one.type === 'step') ? t.__('Stepping…') : t.__('Step')),
    why: desk => whyNot(desk, 'step'),
    async run(desk) {
      const done = await askFor(desk, { type: 'step' })
      if (done?.index === null)
        desk.view.set({ said: { kind: 'info', text: desk.trans.__('That was the last example.') } })
    },
  },
  stop: {
    words: t => t.__('Stop'),
    why: desk => whyNot(desk, 'stop'),
    run: desk => askFor(desk, { type: 'stop' }),
  },
  rewind: opening('rewind', (t, desk) => t.__('Rewind to %1', selected(desk)), 'rewind'),
  fork: opening('fork', t => t.__('Fork here'), 'fork'),
  retrain: opening('retrain', (t, desk) => t.__('Retrain %1', selected(desk)), 'rewind'),
  follow: {
    words: t => t.__('Follow live'),
    on: view => view.follow,
    run: ({ source, view }) => view.set(view.state.follow ? moves.hold(source.store, view.state) : moves.followLive()),
  },
  baseline: toggle(t => t.__('Show the baseline'), 'showBaseline'),
  compare: toggle(t => t.__('Compare'), 'comparing'),
  'word-diff': toggle(t => t.__('Word differences'), 'wordDiff'),
  link: {
    words: t => t.__('Copy link'),
    why: desk =>
      indexOf(desk.source.store, desk.view.state) === null ? desk.trans.__('Select an example first') : null,
    async run(desk) {
      const { view, trans: t } = desk
      const text = linkText(desk)
      try {
        await desk.copy(text)
        view.set({ said: { kind: 'info', text: t.__('Copied: %1', text) } })
      } catch {
        view.set({ said: { kind: 'error', text: t.__('The browser does not let the clipboard be written. %1', text) } })
      }
    },
  },
  report: opening('report', t => t.__('Report')),
  keys: opening('keys', t => t.__('Keys')),
} satisfies Record<string, Command>

export type CommandId = keyof typeof COMMANDS

/** Does a command, or says why it cannot be done. */
export function perform(id: CommandId, desk: Desk): unknown {
  const command: Command = COMMANDS[id]
  const why = command.why?.(desk) ?? null
  if (why === null) return command.run(desk)
  desk.view.set({ said: { kind: 'info', text: desk.trans.__('%1: %2.', command.words(desk.trans, desk), why) } })
}

/** What a person sends another: words, and the address of the example that is looked at. */
function linkText({ source: { store }, view: { state: view }, address, trans: t }: Desk): string {
  const index = indexOf(store, view)!
  const point = lineOf(store, view)[index]!
  const metric = metricOf(store, view)
  const score = scoreOf(point, metric)
  const run = store.state?.runId ?? store.id
  const branch = branchOf(store, view)
  const title = t.__('LoRA run %1, branch %2, example #%3: %4', run, branch, index, point.outcome)
  const scored = score === null ? '' : `, ${metric} ${score.toFixed(2)}`
  return `${title}${scored}\n${address}#${linkOf(run, branch, index, view.tab)}`
}
