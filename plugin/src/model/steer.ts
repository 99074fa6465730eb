import type { ControlAnswers } from 'lora-harness/protocol'
import { branchOf, indexOf, lineOf } from './shown.js'
import type { AskOf, AskType, RunSource } from './source.js'
import type { View, ViewState } from './view.js'
import type { Words } from './words.js'

/** What a person's commands work on. */
export interface Deck {
  source: RunSource
  view: View
  trans: Words
}

/** What changes a run. */
export type Steering = 'pause' | 'resume' | 'step' | 'stop' | 'rewind' | 'fork'

/**
 * Asks a run, tells in the view that it was asked and, if it could not be done, why.
 *
 * @returns undefined if it could not
 */
export async function askFor<T extends AskType>(
  { source, view }: Deck,
  request: AskOf<T>,
): Promise<ControlAnswers[T] | undefined> {
  const asking = { type: request.type, since: Date.now() }
  view.set({ asking: [...view.state.asking, asking], said: null })
  try {
    return await source.ask(request)
  } catch (error) {
    view.set({ said: { kind: 'error', text: error instanceof Error ? error.message : String(error) } })
    return undefined
  } finally {
    view.set({ asking: view.state.asking.filter(one => one !== asking) })
  }
}

/** Is this asked and not answered? */
export const isAsked = (view: ViewState, type: AskType): boolean => view.asking.some(one => one.type === type)

/** Why a run cannot be steered so now; null if it can. */
export function whyNot({ source, view, trans: t }: Deck, type: Steering): string | null {
  const cannot = source.cannot(type)
  if (cannot !== null) return cannot
  const { state: run } = source.store
  if (!run) return t.__('The run has not told its state yet')
  if (isAsked(view.state, type)) return t.__('Asked already; the kernel has not answered yet')
  const going = run.status === 'running'
  switch (type) {
    case 'pause':
      if (run.status === 'pausing') return t.__('It pauses when example #%1 is done', run.index)
      return going ? null : t.__('No example is being worked on')
    case 'resume':
      if (run.status === 'finished') return t.__('The run is finished; rewind to go on from an example')
      return going ? t.__('The run is going') : null
    case 'step':
      if (run.status === 'finished') return t.__('The run is finished; rewind to go on from an example')
      return going || run.status === 'pausing' ? t.__('Pause first: example #%1 is being worked on', run.index) : null
    case 'stop':
      return going || run.status === 'pausing' || run.status === 'paused' ? null : t.__('Nothing is going on')
    case 'rewind':
    case 'fork':
      return whyNotFrom({ source, view, trans: t })
  }
}

/** Why no new branch can leave at the example that is looked at: the run works on one line only. */
function whyNotFrom({ source: { store }, view: { state: view }, trans: t }: Deck): string | null {
  const index = indexOf(store, view)
  if (index === null) return t.__('Select an example first')
  if (lineOf(store, view)[index] !== store.line(store.current)[index])
    return t.__('Example #%1 is on branch %2; the run works on %3', index, branchOf(store, view), store.current)
  return null
}

/** The first free name of a new branch: `main-2`. */
export function freeName({ source: { store } }: Deck): string {
  const stem = store.current.replace(/-\d+$/, '')
  let n = 2
  while (store.branches.some(branch => branch.name === `${stem}-${n}`)) n++
  return `${stem}-${n}`
}

/** What leaves at an example: goes on after it, in a run of its own after it, or does it again. */
export type Leaving = 'rewind' | 'fork' | 'retrain'

/** Leaves the line of a run after an example (before it, to do it again) on a new branch. */
export async function leave(deck: Deck, kind: Leaving, index: number, name: string): Promise<void> {
  const { view, trans: t } = deck
  view.set({ dialog: null })
  if (kind === 'fork') {
    const fork = await askFor(deck, { type: 'fork', at: index + 1, name })
    if (fork)
      view.set({
        said: { kind: 'info', run: fork.id, text: t.__('Fork %1 is there; it goes on after #%2.', name, index) },
      })
    return
  }
  if (!(await askFor(deck, { type: 'rewind', at: kind === 'retrain' ? index : index + 1, name }))) return
  // A person who looked at the line that was left follows the run to the new one.
  view.set({ branch: name, index, follow: false })
  if (kind === 'retrain') await askFor(deck, { type: 'step' })
  else view.set({ said: { kind: 'info', text: t.__('Branch %1 goes on after #%2. Nothing runs yet.', name, index) } })
}
