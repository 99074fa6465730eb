import type { AdapterPair } from 'lora-harness/protocol'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { askedOf, type Choice, choose } from '../../model/adapters.js'
import { detailsOf } from '../../model/details.js'
import type { Latest } from '../../model/latest.js'
import { branchOf, indexOf, lineOf } from '../../model/shown.js'
import type { AdapterWhat } from '../../model/view.js'

/** Two adapters that were looked at, and whose they are. */
export interface Looked {
  what: AdapterWhat
  branch: string
  index: number
  /** The branch compared with, and the example that its adapter is from. */
  other: { branch: string; index: number } | null
  pair: AdapterPair
}

export interface Pair {
  /** The last that came; stays while another is read. */
  looked: Looked | null
  /** What is looked at now; null without an example. */
  choice: Choice | null
  index: number | null
  /** Why what is looked at now is not shown. */
  error: string | null
  /** It is being read. */
  isUnder: boolean
  retry(): void
}

/** Draws again when an answer comes. */
export function useLatest<T>(latest: Latest<T>): void {
  useSyncExternalStore(latest.subscribe, () => latest.version)
}

/** Branches that the one looked at can be compared with; the one picked first. */
export function useOthers(): string[] {
  const run = useRun()
  const view = useView()
  const names = run.branches.map(({ name }) => name).filter(name => name !== branchOf(run, view))
  const picked = view.against.find(name => names.includes(name))
  return picked === undefined ? names : [picked, ...names.filter(name => name !== picked)]
}

/** The adapters that are looked at, asked for while they are seen. */
export function usePair(isSeen: boolean): Pair {
  const { source } = usePanel()
  const run = useRun()
  const view = useView()
  const [other = null] = useOthers()
  const { pairs } = askedOf(source)
  const details = detailsOf(source)
  useLatest(pairs)
  useSyncExternalStore(details.subscribe, () => details.version)
  const last = useRef<Looked | null>(null)

  const { what } = view
  const [branch, line, index] = [branchOf(run, view), lineOf(run, view), indexOf(run, view)]
  const point = index === null ? undefined : line[index]
  const detail = point && details.get(point)
  const against = other === null ? null : run.line(other)
  const choice = point ? choose(what, line, point.index, detail!.step, against) : null
  const between = choice && 'a' in choice ? choice : null
  const key = between && `${between.a} ${between.b}`
  const answer = key === null ? undefined : pairs.get(key)
  const cannot = source.cannot('adapters')
  const needsStep = choice !== null && 'why' in choice && choice.why === 'loading'

  useEffect(() => {
    if (isSeen && needsStep && !detail!.error && source.cannot('example') === null) void details.load(branch, point!)
  })
  useEffect(() => {
    if (!isSeen || !between || cannot !== null) pairs.rest()
    else pairs.want(key!, () => source.ask({ type: 'adapters', a: between.a, b: between.b }), { patient: view.follow })
  })

  if (answer && 'value' in answer && index !== null) {
    const from = between!.other === null ? null : { branch: other!, index: between!.other }
    last.current = { what, branch, index, other: from, pair: answer.value }
  }
  const failed = answer && 'error' in answer ? answer.error : null
  return {
    ...{ looked: last.current, choice, index },
    error: failed ?? (needsStep ? (detail!.error ?? source.cannot('example')) : between && !answer ? cannot : null),
    isUnder: needsStep || (between !== null && !answer),
    retry() {
      if (key !== null) pairs.forget(key)
      if (needsStep) void details.load(branch, point!)
    },
  }
}
