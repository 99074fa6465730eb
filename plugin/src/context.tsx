import type { TranslationBundle } from '@jupyterlab/translation'
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { CommandId } from './model/commands.js'
import type { RunSource } from './model/source.js'
import type { RunStore } from './model/store.js'
import type { View, ViewState } from './model/view.js'

/** What every view of a panel works on. */
export interface PanelContext {
  source: RunSource
  view: View
  trans: TranslationBundle
  /** Shows this run in the main area; given where the panel stands in a side bar. */
  openInMain?: () => void
  /** Shows another run, by its id. */
  openRun?: (id: string) => void
  /** Whether a person gave this command other keys than the table's; whoever knows handles those. */
  hasOtherKeys?: (id: CommandId) => boolean
}

export const Context = createContext<PanelContext | null>(null)

export function usePanel(): PanelContext {
  const panel = useContext(Context)
  if (!panel) throw new Error('a view outside a panel')
  return panel
}

/** The run; draws again when something of it changes. */
export function useRun(): RunStore {
  const { store } = usePanel().source
  useSyncExternalStore(store.subscribe, () => store.version)
  return store
}

/** What a person looks at; draws again when it changes. */
export function useView(): ViewState {
  const { view } = usePanel()
  return useSyncExternalStore(view.subscribe, () => view.state)
}

/** Name of the branch that is looked at. */
export const branchShown = (view: ViewState, run: RunStore): string => view.branch ?? run.current
