import { type KeyboardEvent, useId, useRef } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { branchOf, indexOf, lineOf } from '../../model/shown.js'
import { TABS, type Tab } from '../../model/view.js'
import { Answer } from './answer.js'
import { Heading } from './heading.js'
import { Live } from './live.js'
import { Messages } from './messages.js'
import { MetricsTable } from './metrics.js'
import { Raw } from './raw.js'
import type { Shown } from './shown.js'
import { Update } from './update.js'
import { useDetails, useExample } from './use-example.js'

/** The example that is looked at; while the newest is followed, the one that is being answered. */
export function Detail() {
  const { trans } = usePanel()
  const run = useRun()
  const view = useView()
  const [branch, line, index] = [branchOf(run, view), lineOf(run, view), indexOf(run, view)]
  const point = index === null ? undefined : line[index]
  const { step, error } = useExample(branch, point)
  const isLive = view.follow && branch === run.current && (run.token !== null || (!point && run.state?.stage != null))
  if (isLive) return <Live />
  if (!point)
    return (
      <section className="lh-Detail" data-lh="example" aria-label={trans.__('Example')}>
        <p className="lh-Empty">
          {line.length === 0 ? trans.__('No example is finished yet.') : trans.__('Pick an example to look at it.')}
        </p>
      </section>
    )
  return (
    <section className="lh-Detail" data-lh="example" aria-label={trans.__('Example %1', point.index)}>
      <Heading branch={branch} point={point} step={step} />
      {step ? (
        // Another example begins at its top, with nothing opened.
        <Tabs key={`${branch} ${point.index}`} shown={{ branch, line, point, step }} />
      ) : error === null ? (
        <p className="lh-Empty lh-Loading" role="status">
          {trans.__('Loading #%1…', point.index)}
        </p>
      ) : (
        <Failed branch={branch} error={error} point={point} />
      )}
    </section>
  )
}

function Failed({ branch, error, point }: Pick<Shown, 'branch' | 'point'> & { error: string }) {
  const { trans, source } = usePanel()
  const details = useDetails()
  return (
    <div className="lh-Empty" role="status" data-lh="unavailable">
      <p>
        {trans.__('The texts of #%1 cannot be shown:', point.index)} <bdi>{error.slice(0, 1000)}</bdi>
      </p>
      {source.cannot('example') === null && (
        <button type="button" className="lh-Button" onClick={() => void details.load(branch, point)}>
          {trans.__('Try again')}
        </button>
      )}
    </div>
  )
}

const PANELS: Record<Tab, (props: { shown: Shown }) => React.ReactElement> = {
  ...{ answer: Answer, messages: Messages, update: Update, metrics: MetricsTable, raw: Raw },
  // The adapter stands beside the example where there is room for it; else the panel shows it here (frame.css).
  adapter: Answer,
}

function Tabs({ shown }: { shown: Shown }) {
  const { trans, view } = usePanel()
  const { tab } = useView()
  const id = useId()
  const tabs = useRef<HTMLDivElement>(null)
  const words: Record<Tab, string> = {
    answer: trans.__('Answer'),
    messages: trans.__('Messages'),
    update: trans.__('Update'),
    adapter: trans.__('Adapter'),
    metrics: trans.__('Metrics'),
    raw: trans.__('Raw'),
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (way === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    event.stopPropagation()
    const shownTabs = [...tabs.current!.querySelectorAll<HTMLElement>('[role=tab]')].filter(each => each.offsetParent)
    const at = shownTabs.findIndex(each => each.dataset.tab === tab)
    const next = shownTabs.at((at + way + shownTabs.length) % shownTabs.length)
    next?.focus()
    view.set({ tab: next?.dataset.tab as Tab })
  }
  const Shows = PANELS[tab]
  return (
    <>
      <div
        {...{ ref: tabs, role: 'tablist', className: 'lh-Tabs', onKeyDown }}
        {...{ 'aria-label': trans.__('Parts of the example') }}
      >
        {TABS.map(name => (
          <button
            key={name}
            {...{ type: 'button', role: 'tab', id: `${id}${name}`, 'aria-selected': tab === name }}
            className={`lh-Tab lh-Tab-${name}`}
            aria-controls={`${id}panel`}
            tabIndex={tab === name ? 0 : -1}
            data-tab={name}
            onClick={() => view.set({ tab: name })}
          >
            {words[name]}
          </button>
        ))}
      </div>
      <div
        {...{ role: 'tabpanel', id: `${id}panel`, className: 'lh-Detail-body', tabIndex: 0 }}
        {...{ 'aria-labelledby': `${id}${tab}` }}
        data-lh="detail"
      >
        <Shows shown={shown} />
      </div>
    </>
  )
}
