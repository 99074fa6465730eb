import type { CSSProperties, MouseEvent } from 'react'
import { usePanel, useView } from '../../context.js'
import { DASHES } from './colours.js'
import { toggled } from './flags.js'
import { type Scene, yOf } from './scene.js'

interface Label {
  name: string
  value: number
  y: number
  kind: 'own' | 'branch' | 'baseline'
  /** Place among the branches drawn beside the one looked at. */
  row: number
}

/** Least distance of two labels [CSS px]: what is pressed is as high. */
const HIGH = 24

/** Names at the right ends of the lines, pushed apart so that none covers another. */
function labelsOf(scene: Scene): Label[] {
  const { columns, overlays, branch, baseline, showBaseline, plot } = scene
  const label = (name: string, mean: Float32Array, length: number, kind: Label['kind'], row: number): Label[] => {
    const value = length === 0 ? Number.NaN : mean[length - 1]!
    return Number.isNaN(value) ? [] : [{ name, value, y: yOf(scene, value), kind, row }]
  }
  const labels = [
    ...label(branch, columns.adapter.mean, columns.length, 'own', -1),
    ...(showBaseline && baseline !== null ? label(baseline, columns.base.mean, columns.length, 'baseline', -1) : []),
    ...overlays.flatMap(({ name, columns }, i) => label(name, columns.adapter.mean, columns.length, 'branch', i)),
  ].sort((a, b) => a.y - b.y)
  for (const [i, label] of labels.entries()) label.y = Math.max(label.y, i > 0 ? labels[i - 1]!.y + HIGH : plot.top)
  for (const [i, label] of labels.toReversed().entries())
    label.y = Math.min(label.y, i > 0 ? labels[labels.length - i]!.y - HIGH : plot.bottom)
  return labels
}

export function Labels({ scene }: { scene: Scene }) {
  const { view, trans: t } = usePanel()
  const { against } = useView()
  const press = (name: string) => (event: MouseEvent) =>
    view.set(event.ctrlKey || event.metaKey ? { against: toggled(against, name), comparing: true } : { branch: name })
  return labelsOf(scene).map(({ name, value, y, kind, row }) => {
    const about = {
      ...{ className: 'lh-Timeline-label', 'data-kind': kind, 'data-lh': 'timeline-label' },
      style: { left: scene.plot.right + 4, top: y, '--lh-line': colourOf(kind, row) } as CSSProperties,
    }
    const content = (
      <>
        <Dash kind={kind} row={row} />
        <span className="lh-Timeline-name">{name}</span> {value.toFixed(2)}
      </>
    )
    const words = t.__('%1: mean %2', name, value.toFixed(2))
    return kind === 'branch' ? (
      <button
        key={`branch ${name}`}
        {...{ type: 'button', ...about, onClick: press(name) }}
        title={`${words}\n${t.__('Press to look at this branch, with Ctrl to compare it.')}`}
        aria-pressed={against.includes(name)}
      >
        {content}
      </button>
    ) : (
      <span key={`${kind} ${name}`} {...about} title={words}>
        {content}
      </span>
    )
  })
}

const colourOf = (kind: Label['kind'], row: number): string =>
  kind === 'own'
    ? 'var(--jp-ui-font-color1)'
    : kind === 'baseline'
      ? 'var(--lh-quiet)'
      : `var(--lh-branch-${(row % 3) + 1})`

/** A piece of the line. */
function Dash({ kind, row }: Pick<Label, 'kind' | 'row'>) {
  const dash = kind === 'branch' ? DASHES[row]!.join(' ') : kind === 'baseline' ? '0 5' : undefined
  return (
    <svg width="18" height="6" viewBox="0 0 18 6" aria-hidden="true">
      <path
        {...{
          d: 'M1 3h16',
          stroke: 'var(--lh-line)',
          strokeWidth: kind === 'branch' ? 1.5 : 2.5,
          strokeLinecap: 'round',
        }}
        strokeDasharray={dash}
      />
    </svg>
  )
}
