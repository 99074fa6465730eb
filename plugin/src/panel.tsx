import { useRef } from 'react'
import { Context, type PanelContext, useRun, useView } from './context.js'
import { Adapter } from './widgets/adapter/adapter.js'
import { Compare } from './widgets/compare.js'
import { Controls } from './widgets/controls.js'
import { Dialogs } from './widgets/dialogs/dialogs.js'
import { Drawer } from './widgets/drawer.js'
import { Detail } from './widgets/example/detail.js'
import { Examples } from './widgets/examples.js'
import { useHeldBranch } from './widgets/held-branch.js'
import { useKeys } from './widgets/keys.js'
import { Lineage } from './widgets/lineage.js'
import { Notices } from './widgets/notices.js'
import { Numbers } from './widgets/numbers.js'
import { Sparkline } from './widgets/sparkline.js'
import { Splitter } from './widgets/splitter.js'
import { StatusLine } from './widgets/status.js'
import { Timeline } from './widgets/timeline/timeline.js'

/**
 * All views of one run: what it is doing, its numbers, its examples along the time, the one looked at, and the adapter.
 *
 * Its own width decides how they stand (frame.css): side by side; with the list as a drawer and the adapter as a tab of
 * the example; or, in a side bar, the numbers alone.
 */
export function Panel(props: PanelContext) {
  return (
    <Context.Provider value={props}>
      <Frame {...props} />
    </Context.Provider>
  )
}

function Frame({ trans }: PanelContext) {
  const root = useRef<HTMLDivElement>(null)
  const run = useRun()
  const { tab, comparing, drawer, columns } = useView()
  const onKeyDown = useKeys(root)
  useHeldBranch()
  const [list, adapter] = columns
  const shares = { '--lh-list': `${list}fr`, '--lh-detail': `${1 - list - adapter}fr`, '--lh-adapter': `${adapter}fr` }
  return (
    // Its ground can have the focus, so that keys work wherever in the panel one is.
    <section
      {...{ ref: root, onKeyDown, tabIndex: 0, className: 'lh-Panel' }}
      aria-label={trans.__('LoRA run %1', run.state?.runId ?? run.id)}
      data-connection={run.connection.kind}
    >
      <StatusLine />
      <Controls />
      <Dialogs />
      <Notices />
      <Numbers />
      <Sparkline />
      <Timeline />
      <Drawer />
      {comparing ? (
        <Compare />
      ) : (
        <div className="lh-Columns" style={shares as React.CSSProperties} data-tab={tab} data-drawer={drawer}>
          <div className="lh-Column lh-Column-list">
            <Examples />
          </div>
          <Splitter side="list" />
          <div className="lh-Column lh-Column-detail">
            <Detail />
          </div>
          <Splitter side="adapter" />
          <div className="lh-Column lh-Column-adapter">
            <Adapter />
            <Lineage />
          </div>
        </div>
      )}
    </section>
  )
}
