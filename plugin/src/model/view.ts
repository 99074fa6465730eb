import type { AskType } from './source.js'

/** Tabs of the example that is looked at. */
export const TABS = ['answer', 'messages', 'update', 'adapter', 'metrics', 'raw'] as const
export type Tab = (typeof TABS)[number]

export const OUTCOMES = ['updated', 'unchanged', 'skipped', 'failed'] as const
export type OutcomeKind = (typeof OUTCOMES)[number]

/** What the adapter pictures show. */
export type AdapterWhat = 'update' | 'total' | 'against'

/** What a person looks at, and how: one for all views of a panel. */
export interface ViewState {
  /** null stands for the branch that is worked on, whichever it is. */
  branch: string | null
  /** The example; null for none. */
  index: number | null
  tab: Tab
  /** Keep to the newest example. Anything that picks, pans or zooms switches it off. */
  follow: boolean
  /** A second example of the branch, compared with the first; null for none. */
  other: number | null
  /** null stands for the headline metric. */
  metric: string | null
  /** Baseline that differences are against; null for the first one. */
  baseline: string | null
  /** Branches drawn and compared beside the one looked at. */
  against: readonly string[]
  /** First and last example shown on the timeline, inclusive; null for all. Earlier ones to go back to. */
  zoom: readonly (readonly [number, number])[]
  /** Examples that the running mean is taken over. */
  window: number
  lanes: boolean
  showBaseline: boolean
  /** Outcomes that are shown. */
  outcomes: readonly OutcomeKind[]
  search: string
  chat: string | null
  /** Only examples that a person gave this tag. */
  tag: string | null
  onlyDifferent: boolean
  onlyWorse: boolean
  sort: { by: 'index' | 'score' | 'difference'; down: boolean }
  wordDiff: boolean
  comparing: boolean
  what: AdapterWhat
  /** Module that the adapter pictures look at. */
  module: string | null
  /** What is open over the panel. */
  dialog: 'keys' | 'rewind' | 'fork' | 'retrain' | 'report' | 'edit' | 'baseline' | 'without' | null
  /** Shares of the width that the example list and the adapter have, beside the example that is looked at. */
  columns: readonly [number, number]
  /** Is the list open over a narrow panel? */
  drawer: boolean
  /** What was asked of the run and has not been answered; `since` [ms since 1970]. */
  asking: readonly { type: AskType; since: number }[]
  /** What the panel has to say to what a person did; `run` names a run that can be opened for it. */
  said: { text: string; kind: 'error' | 'info'; run?: string } | null
  /** Names of notices that were put away. */
  dismissed: readonly string[]
  /** Hold the run when an example fails. */
  pauseOnErrors: boolean
  /** The edit that the dialog `edit` shows: the n-th event of type `swap` of the run, from 1. */
  edit: number | null
}

export const FIRST_VIEW: ViewState = {
  ...{ branch: null, index: null, tab: 'answer', follow: true, metric: null, baseline: null, against: [] },
  ...{ zoom: [], window: 50, lanes: false, showBaseline: true, outcomes: OUTCOMES, search: '', chat: null, tag: null },
  ...{ onlyDifferent: false, onlyWorse: false, sort: { by: 'index', down: true }, wordDiff: true, comparing: false },
  ...{ columns: [0.26, 0.26], drawer: false, asking: [], said: null, dismissed: [], pauseOnErrors: false },
  ...{ what: 'update', module: null, dialog: null, edit: null, other: null },
}

/** The view, and who is told when it changes. */
export class View {
  #state: ViewState
  readonly #listeners = new Set<() => void>()

  constructor(first: Partial<ViewState> = {}) {
    this.#state = { ...FIRST_VIEW, ...first }
  }

  get state(): ViewState {
    return this.#state
  }

  /** For React's `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(part: Partial<ViewState>): void {
    this.#state = { ...this.#state, ...part }
    for (const listener of this.#listeners) listener()
  }

  /** A person picked an example: from now on new ones do not move the view. */
  select(index: number, part: Partial<ViewState> = {}): void {
    this.set({ ...part, index, follow: false })
  }
}

/** Place in a run as the part of an address after `#`: `lora=RUN/BRANCH/INDEX/TAB`, each part encoded for itself. */
export const linkOf = (run: string, branch: string, index: number, tab: Tab): string =>
  `lora=${[run, branch, String(index), tab].map(encodeURIComponent).join('/')}`

/** @returns undefined if it is no such link */
export function parseLink(hash: string): { run: string; branch: string; index: number; tab: Tab } | undefined {
  const parts = /^#?lora=([^/]+)\/([^/]+)\/(\d{1,9})\/([^/]+)$/.exec(hash)
  if (!parts) return undefined
  try {
    const [run, branch, index, tab] = parts.slice(1).map(decodeURIComponent) as [string, string, string, string]
    const known = TABS.find(name => name === tab)
    return known && { run, branch, index: Number(index), tab: known }
  } catch {
    return undefined // Not encoded as it should be.
  }
}
