import type { MouseEvent } from 'react'
import { usePanel, useView } from '../../context.js'
import { pick } from '../../model/moves.js'
import type { Mark } from '../../model/shown.js'
import { Icon } from '../icons.js'
import { type Scene, xOf } from './scene.js'

/** Width of a flag [CSS px at usual size of text]. */
const WIDE = 30

/** Edits and forks above their lines; where there is no room for one, its line stays and the next flag is for both. */
export function Flags({ scene }: { scene: Scene }) {
  const { plot, marks, range, first, size } = scene
  const wide = WIDE * size.text
  const flags: { x: number; marks: Mark[] }[] = []
  for (const mark of marks) {
    if (mark.index < range[0] || mark.index > range[1] + 1) continue
    const x = xOf(scene, mark.index - 0.5)
    const last = flags.at(-1)
    if (last && x - last.x < wide) last.marks.push(mark)
    else flags.push({ x, marks: [mark] })
  }
  return flags.map(flag => <Flag key={keyOf(flag.marks[0]!)} {...flag} {...{ left: plot.left, first, wide }} />)
}

const keyOf = (mark: Mark): string => (mark.kind === 'edit' ? `e${mark.n}` : `f${mark.branch}`)

function Flag(props: { x: number; marks: readonly Mark[]; left: number; first: number; wide: number }) {
  const { x, marks, left, first, wide } = props
  const { source, view, trans: t } = usePanel()
  const { against } = useView()
  const [mark] = marks as [Mark]
  const words = marks.map(mark =>
    mark.kind === 'edit'
      ? t.__('Edit %1, before example %2', mark.n, mark.index + first)
      : t.__('Branch %1 leaves before example %2', mark.branch, mark.index + first),
  )
  const shown = mark.kind === 'edit' ? `✎${mark.n}` : <Icon name="fork" />
  const open = ({ ctrlKey, metaKey }: MouseEvent) => {
    if (mark.kind === 'edit') view.set({ dialog: 'edit', edit: mark.n })
    else if (ctrlKey || metaKey) view.set({ against: toggled(against, mark.branch), comparing: true })
    else {
      const last = source.store.line(mark.branch).length - 1
      view.set(pick(source.store, view.state, Math.max(0, Math.min(mark.index, last))))
    }
  }
  return (
    <button
      {...{ type: 'button', className: 'lh-Timeline-flag', 'data-lh': `timeline-${mark.kind}`, onClick: open }}
      style={{ left: Math.max(left - wide / 2, x - wide / 2), width: wide }}
      data-kind={mark.kind}
      title={words.slice(0, 5).join('\n')}
      aria-label={words[0]}
    >
      {shown}
      {marks.length > 1 && <small>+{marks.length - 1}</small>}
    </button>
  )
}

/** A list with a name put in, or taken out if it is there. */
export const toggled = (names: readonly string[], name: string): string[] =>
  names.includes(name) ? names.filter(known => known !== name) : [...names, name]
