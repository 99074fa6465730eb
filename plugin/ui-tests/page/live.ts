import type { RunState, Step } from 'lora-harness/protocol'
import { type FakeSource, pointOf, stateOf } from './sample.js'

/** A source whose run goes on when the test says so, and can be steered. */
export type LiveSource = FakeSource & { grow(count: number, about?: Partial<Step>): void }

/** Makes a run go on: `grow` finishes examples, `more` of them; what steers a run is answered as a kernel does. */
export function live(source: FakeSource, more: readonly Step[]): LiveSource {
  const { store, answers } = source
  let state: RunState = stateOf({ ...store.state, status: 'running', stage: 'infer' })
  const tell = (about: Partial<RunState>): RunState => {
    state = { ...state, ...about }
    store.apply({ type: 'state', state })
    return state
  }
  const branch = (name: string, at: number) => {
    const branches = [...store.branches, { name, parent: store.current, at, skipUpdates: [] }]
    store.apply({ type: 'branches', branches, current: name })
  }
  const grow = (count: number, about: Partial<Step> = {}) => {
    for (let i = 0; i < count; i++) {
      const from = store.line(store.current).length
      const step = { ...more[from % more.length]!, index: from, key: `people/train/${from}`, ...about }
      store.apply({ type: 'points', branch: store.current, from, points: [pointOf(step)] })
      tell({ index: from + 1 })
    }
  }
  tell({})
  answers.pause = () => tell({ status: 'paused', stage: null })
  answers.resume = () => tell({ status: 'running', stage: 'infer' })
  answers.stop = () => tell({ status: 'idle', stage: null })
  answers.step = () => {
    grow(1)
    return { index: state.index - 1 }
  }
  answers.rewind = ({ at, name }) => {
    branch(name ?? 'branch-1', at)
    return tell({ status: 'paused', stage: null, branch: name ?? 'branch-1', index: at })
  }
  answers.fork = ({ at, name }) => {
    store.apply({
      ...{ type: 'branches', current: store.current },
      branches: [...store.branches, { name, parent: store.current, at, skipUpdates: [] }],
    })
    return { id: `${state.id}@${name}` }
  }
  return Object.assign(source, { grow })
}
