import { Context, type PanelContext } from './context.js'
import { Adapter } from './widgets/adapter/adapter.js'
import { Compare } from './widgets/compare.js'
import { Controls } from './widgets/controls.js'
import { Dialogs } from './widgets/dialogs.js'
import { Detail } from './widgets/example/detail.js'
import { Examples } from './widgets/examples.js'
import { Lineage } from './widgets/lineage.js'
import { Notices } from './widgets/notices.js'
import { Numbers } from './widgets/numbers.js'
import { StatusLine } from './widgets/status.js'
import { Timeline } from './widgets/timeline/timeline.js'

/** All views of one run: what it is doing, its numbers, its examples along the time, the one looked at, and the adapter. */
export function Panel(props: PanelContext) {
  return (
    <Context.Provider value={props}>
      <div className="lh-Panel">
        <StatusLine />
        <Controls />
        <Notices />
        <Numbers />
        <Timeline />
        <div className="lh-Columns">
          <Examples />
          <Detail />
          <Adapter />
        </div>
        <Lineage />
        <Compare />
        <Dialogs />
      </div>
    </Context.Provider>
  )
}
