/**
 * The panel by itself, as a page. The address says what is shown: `?examples=500&fork=200&theme=dark`, or of the panel
 * `only=timeline`, or `only=nothing` before there is a run; `side` is a side bar; `live=1` is a run that goes on when the test calls `grow` of the source, and that can be steered;
 * `only=card&width=510` a notebook's card of a long run; `text=200` is text of 200 %. The test finds the source and the view at `globalThis.panel`.
 */
import '@jupyterlab/ui-components/style/base.css'
import '../../style/index.css'
import { nullTranslator } from '@jupyterlab/translation'
import { createRoot } from 'react-dom/client'
import { Context } from '../../src/context.js'
import { RunCardView } from '../../src/jupyterlab/card-run.js'
import { atFrames } from '../../src/model/frames.js'
import { View } from '../../src/model/view.js'
import { Panel } from '../../src/panel.js'
import { NoRun } from '../../src/widgets/no-run.js'
import { Timeline } from '../../src/widgets/timeline/timeline.js'
import { card } from './card.js'
import { live } from './live.js'
import { FakeSource, sample } from './sample.js'

const about = new URLSearchParams(location.search)
const number = (name: string) => (about.has(name) ? Number(about.get(name)) : undefined)
const theme = about.get('theme') ?? 'light'
document.body.dataset.jpThemeLight = String(theme === 'light')
document.body.dataset.jpThemeName = theme
// As JupyterLab's settings make text larger.
for (const [name, size] of Object.entries({ 'ui-font-size1': 13, 'content-font-size1': 14, 'code-font-size': 13 }))
  document.documentElement.style.setProperty(`--jp-${name}`, `${(size * (number('text') ?? 100)) / 100}px`)
const told = sample(number('examples') ?? 200, number('fork'))
const source = new FakeSource(told, atFrames())
if (about.has('live')) live(source, sample(400).steps)
const view = new View()
Object.assign(globalThis, { panel: { source, view } })
const shown = { source, view, trans: nullTranslator.load('lora_harness') }
const only: Record<string, React.JSX.Element> = {
  timeline: (
    <Context.Provider value={shown}>
      <section className="lh-Panel">
        <Timeline />
      </section>
    </Context.Provider>
  ),
  card: (
    <div className="lh-CardOutput" style={{ width: number('width') ?? 1100 }}>
      <div className="lh-Card">
        <RunCardView card={card} trans={shown.trans} />
      </div>
    </div>
  ),
  nothing: <NoRun trans={shown.trans} insertExample={() => {}} openSaved={() => {}} />,
}
const openInMain = about.has('side') ? { openInMain: () => {} } : {}
createRoot(document.getElementById('root')!).render(
  only[about.get('only') ?? ''] ?? <Panel {...shown} {...openInMain} />,
)
