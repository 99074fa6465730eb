import { type KeyboardEvent, type MouseEvent, useEffect, useId, useMemo, useRef, useState } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { askedOf } from '../model/adapters.js'
import { type RailNode, type RailRow, railOf, sizeOf } from '../model/rail.js'
import { branchOf, indexOf } from '../model/shown.js'
import { useLatest } from './adapter/pair.js'
import { useSeen } from './adapter/seen.js'
import { Rail } from './rail.js'

/** Rows that are shown at first, and at most. */
const FEW = 14
const MANY = 400

/** Branches and the adapters that updates left behind, as a rail: a click looks at one, with Ctrl it is compared. */
export function Lineage() {
  const { trans, source } = usePanel()
  const run = useRun()
  const view = useView()
  const at = useRef<HTMLElement>(null)
  const isSeen = useSeen(at)
  const id = useId()
  const [isWhole, setWhole] = useState(false)
  const { lineage } = askedOf(source)
  useLatest(lineage)
  const lengths = run.branches.map(({ name }) => run.line(name).length).join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines grow in place; `lengths` says that they did.
  const { rows, adapters } = useMemo(
    () =>
      railOf(
        run.branches.map(branch => ({ branch, line: run.line(branch.name) })),
        isWhole ? MANY : FEW,
      ),
    [run, run.branches, lengths, isWhole],
  )
  const answer = lineage.get(lengths)
  const last = useRef<ReadonlyMap<string, number>>(new Map())
  const bytes = useMemo(
    () => answer && 'value' in answer && new Map(answer.value.adapters.map(a => [a.identifier, a.bytes])),
    [answer],
  )
  if (bytes) last.current = bytes
  useEffect(() => {
    if (!isSeen || adapters === 0 || source.cannot('lineage') !== null) lineage.rest()
    else lineage.want(lengths, () => source.ask({ type: 'lineage' }), { patient: last.current.size > 0 })
  })

  const lanes = run.branches.map(({ name }) => name)
  const shown = { branch: branchOf(run, view), index: indexOf(run, view) }
  return (
    <section ref={at} className="lh-Lineage" data-lh="lineage" aria-labelledby={id}>
      <header>
        <h2 id={id}>{trans.__('Lineage')}</h2>
        <span className="lh-Lineage-sum">
          {trans._n('%2 adapter', '%2 adapters', adapters, adapters)}
          {lanes.length > 1 && `, ${trans.__('%1 branches', lanes.length)}`}
        </span>
      </header>
      {run.branches.length === 0 ? (
        <p>{trans.__('No run yet: branches and their adapters appear here.')}</p>
      ) : (
        <ol data-whole={isWhole}>
          {rows.map(row => (
            <Row key={keyOf(row.node)} {...{ row, lanes, shown, bytes: last.current }} />
          ))}
        </ol>
      )}
      {(isWhole || rows.some(({ node }) => node.kind === 'more')) && (
        <button type="button" data-lh="lineage-all" onClick={() => setWhole(!isWhole)}>
          {isWhole ? trans.__('Show fewer') : trans.__('Show all %1 adapters', adapters)}
        </button>
      )}
    </section>
  )
}

const keyOf = (node: RailNode): string =>
  node.kind === 'base'
    ? 'base'
    : `${node.kind} ${node.branch.name} ${node.kind === 'adapter' ? node.index : node.kind === 'more' ? node.count : ''}`

interface RowProps {
  row: RailRow
  lanes: readonly string[]
  shown: { branch: string; index: number | null }
  bytes: ReadonlyMap<string, number>
}

function Row({ row, lanes, shown, bytes }: RowProps) {
  const { trans, view } = usePanel()
  const run = useRun()
  const { against, follow } = useView()
  const { node } = row
  const rail = <Rail row={row} lanes={lanes.length} shown={lanes.indexOf(shown.branch)} />
  if (node.kind === 'base' || node.kind === 'more')
    return (
      <li data-lh={`rail-${node.kind}`}>
        {rail}
        <span className="lh-Lineage-quiet">
          {node.kind === 'base' ? trans.__('base model') : trans._n('%2 more', '%2 more', node.count, node.count)}
        </span>
      </li>
    )
  const { name } = node.branch
  const isTip = node.kind === 'tip'
  const isShown = name === shown.branch && (isTip ? follow : !follow && node.index === shown.index)
  const now = run.state?.callables.finetuneFn
  const last = isTip ? run.line(name).at(-1)?.finetuneFn : node.finetuneFn
  const isEdited = now !== undefined && last !== undefined && last !== now
  const size = isTip ? undefined : bytes.get(node.identifier)
  function look(isCompared: boolean) {
    if (isCompared && name !== shown.branch)
      view.set({ against: [name, ...against.filter(other => other !== name)], comparing: true })
    else if (isTip) view.set({ branch: name === run.current ? null : name, index: null, follow: true })
    else view.select(node.kind === 'adapter' ? node.index : 0, { branch: name === run.current ? null : name })
  }
  return (
    <li data-lh={`rail-${node.kind}`} data-branch={name}>
      {rail}
      <button
        type="button"
        aria-current={isShown || undefined}
        title={trans.__('Look at it; with Ctrl: compare with its branch')}
        onClick={({ ctrlKey, metaKey }: MouseEvent) => look(ctrlKey || metaKey)}
        onKeyDown={(event: KeyboardEvent) => {
          // A button by itself is not pressed so.
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
          event.preventDefault()
          event.stopPropagation()
          look(true)
        }}
      >
        {isTip ? <b>{name}</b> : `#${node.index}`}
        {isTip && <span>{trans._n('%2 example', '%2 examples', node.length, node.length)}</span>}
        {size !== undefined && <span>{sizeOf(size)}</span>}
        {isTip && name === run.current && lanes.length > 1 && <em>{trans.__('worked on')}</em>}
        {isTip && against.includes(name) && name !== shown.branch && <em>{trans.__('compared')}</em>}
        {isTip && node.branch.parent !== null && (
          <span className="lh-Lineage-left">{trans.__('left %1 before #%2', node.branch.parent, node.branch.at)}</span>
        )}
        {isEdited && <em className="lh-Lineage-edited">{trans.__('edited since')}</em>}
      </button>
    </li>
  )
}
