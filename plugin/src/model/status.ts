import type { RunState } from 'lora-harness/protocol'
import type { RunStore } from './store.js'
import type { Words } from './words.js'

/** What a run is doing, for its icon and colour. */
export type Doing = RunState['status'] | 'stored' | 'lost' | 'loading'

/** What a run is doing, and the words for it. */
export function doingOf({ connection, state }: Pick<RunStore, 'connection' | 'state'>, t: Words): [Doing, string] {
  if (connection.kind === 'lost') return ['lost', t.__('not connected')]
  if (connection.kind === 'restarted') return ['lost', t.__('kernel restarted')]
  if (connection.kind === 'closed') return ['stored', t.__('closed')]
  if (connection.kind === 'stored') return ['stored', t.__('saved')]
  if (!state) return ['loading', t.__('loading')]
  const words: Record<RunState['status'], string> = {
    ...{ idle: state.index === 0 ? t.__('not started') : t.__('stopped'), running: t.__('running') },
    ...{ pausing: t.__('pausing'), paused: t.__('paused'), finished: t.__('finished'), failed: t.__('failed') },
  }
  return [state.status, words[state.status]]
}

/** What the example being worked on is at: `#413: generating, 41 tokens`; null between examples. */
export function stageOf({ state, token, connection }: RunStore, t: Words): string | null {
  if (!state?.stage || connection.kind !== 'live') return null
  const words: Record<string, string> = {
    ...{ retrieve: t.__('choosing its adapter'), infer: t.__('generating'), evaluate: t.__('scoring') },
    ...{ finetune: t.__('training'), record: t.__('saving') },
  }
  const doing = words[state.stage] ?? state.stage
  if (state.stage !== 'infer' || token?.index !== state.index) return t.__('#%1: %2', state.index, doing)
  return t.__('#%1: %2, %3 characters', state.index, doing, token.text.length)
}
