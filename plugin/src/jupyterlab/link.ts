import type { JupyterFrontEnd } from '@jupyterlab/application'
import { parseLink } from '../model/view.js'
import type { NotebookRuns } from './notebook-runs.js'
import { OPEN } from './panels.js'
import type { PanelArgs } from './run-panel.js'

/** Follows the address's `#lora=…` as soon as a notebook's kernel has that run, and every later one. */
export function followLinks(app: JupyterFrontEnd, runs: NotebookRuns): void {
  let wanted = parseLink(location.hash)
  const look = () => {
    const found = wanted && runs.find(wanted.run)
    if (!wanted || !found?.source.store.state) return
    const { branch, index, tab } = wanted
    wanted = undefined
    const args: PanelArgs = {
      path: found.notebook.context.path,
      run: found.source.store.id,
      at: { branch, index, tab },
    }
    void app.restored.then(() => app.commands.execute(OPEN, args))
  }
  runs.changed.connect(look)
  window.addEventListener('hashchange', () => {
    wanted = parseLink(location.hash)
    look()
  })
  look()
}
