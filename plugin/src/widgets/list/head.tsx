import { usePanel, useView } from '../../context.js'
import type { ViewState } from '../../model/view.js'
import { COLUMN, GROUP, ROW } from './roles.js'

type By = ViewState['sort']['by']

/** The head of the list: a press on a column sorts by it, a second one turns the order. */
export function Head({ hasChats, baseline, height }: { hasChats: boolean; baseline: string | null; height: number }) {
  const { trans } = usePanel()
  return (
    <div {...GROUP} className="lh-Grid-head" style={{ height }}>
      <div {...ROW} {...{ 'aria-rowindex': 1 }} className="lh-Row lh-Row-head">
        <Column by="index" title={trans.__('Sort by the order of examples')}>
          #
        </Column>
        <span {...COLUMN}>
          <span className="lh-hidden">{trans.__('Outcome')}</span>
        </span>
        <Column by="score" title={trans.__('Sort by score')}>
          {trans.__('score')}
        </Column>
        {baseline !== null && (
          <Column by="difference" title={trans.__('Score minus that of %1; sort by it', baseline)}>
            {trans.__('Δbase')}
          </Column>
        )}
        {hasChats && (
          <span {...COLUMN} className="lh-Row-chat">
            {trans.__('chat')}
          </span>
        )}
        <span {...COLUMN}>{trans.__('question')}</span>
      </div>
    </div>
  )
}

function Column({ by, title, children }: { by: By; title: string; children: string }) {
  const { view } = usePanel()
  const { sort } = useView()
  const on = sort.by === by
  const order = on ? (sort.down ? 'descending' : 'ascending') : 'none'
  return (
    <span {...{ ...COLUMN, 'aria-sort': order }} className="lh-Digits">
      <button
        {...{ type: 'button', className: 'lh-Sort', title }}
        data-lh={`sort-${by}`}
        onClick={() => view.set({ sort: { by, down: on ? !sort.down : by !== 'difference' } })}
      >
        {children}
        <span aria-hidden="true" className="lh-Sort-mark">
          {on ? (sort.down ? '▾' : '▴') : ''}
        </span>
      </button>
    </span>
  )
}
