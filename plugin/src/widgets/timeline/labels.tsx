import type { CSSProperties, MouseEvent } from 'react'
import { usePanel, useView } from '../../context.js'
import type { Series } from '../../model/columns.js'
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

/** Least distance of two labels [CSS px at usual size of text]: what is pressed is as high. */
const HIGH = 24

/** Names and values at the right ends of the lines that are in sight, pushed apart so that none covers another. */
function labelsOf(scene: Scene): Label[] {
  const { columns, overlays, branch, baseline, showBaseline, plot, range, size } = scene
  const high = HIGH * size.text
  const label = (
    name: string,
    { mean }: Series,
    about: { length: number; from?: number; kind: Label['kind']; row?: number },
  ): Label[] => {
    const last = Math.min(about.length - 1, range[1])
    const value = last < Math.max(range[0], about.from ?? 0) ? Number.NaN : mean[last]!
    return Number.isNaN(value) ? [] : [{ name, value, y: yOf(scene, value), kind: about.kind, row: about.row ?? -1 }]
  }
  const { length } = columns
  const labels = [
    ...label(branch, columns.adapter, { length, kind: 'own' }),
    ...(showBaseline && baseline !== null ? label(baseline, columns.base, { length, kind: 'baseline' }) : []),
    ...overlays.flatMap(({ name, columns, from }, row) =>
      label(name, columns.adapter, { length: columns.length, from, kind: 'branch', row }),
    ),
  ].sort((a, b) => a.y - b.y)
  for (const [i, label] of labels.entries()) label.y = Math.max(label.y, i > 0 ? labels[i - 1]!.y + high : plot.top)
  for (const [i, label] of labels.toReversed().entries())
    label.y = Math.min(label.y, i > 0 ? labels[labels.length - i]!.y - high : plot.bottom)
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
      style: {
        ...{ left: scene.plot.right + 4, top: y, maxWidth: scene.size.width - scene.plot.right - 4 },
        '--lh-line': colourOf(kind, row),
      } as CSSProperties,
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
