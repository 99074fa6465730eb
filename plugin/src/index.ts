import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application'
import { ICommandPalette } from '@jupyterlab/apputils'
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser'
import { ILauncher } from '@jupyterlab/launcher'
import { INotebookTracker } from '@jupyterlab/notebook'
import { ISettingRegistry } from '@jupyterlab/settingregistry'
import { ITranslator, nullTranslator } from '@jupyterlab/translation'
import { insertExample } from './jupyterlab/example-cell.js'
import { place } from './jupyterlab/host.js'
import { followLinks } from './jupyterlab/link.js'
import { NotebookRuns } from './jupyterlab/notebook-runs.js'
import { openSaved, SAVED } from './jupyterlab/open-saved.js'
import { addPanels, OPEN } from './jupyterlab/panels.js'
import { addSavedRuns } from './jupyterlab/saved-runs.js'
import { settingsOf } from './jupyterlab/settings.js'

const ID = 'lora-harness-jupyterlab:plugin'

/** The panel of a notebook's runs. What it draws with is loaded when the first one is opened. */
const panels: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows the LoRA runs of notebooks as they happen.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    ...[ILabShell, ILayoutRestorer, ILauncher, ICommandPalette, ISettingRegistry, ITranslator, IDefaultFileBrowser],
  ],
  async activate(
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
    browser: IDefaultFileBrowser | null,
  ) {
    const words = translator ?? nullTranslator
    const trans = words.load('lora_harness')
    const runs = new NotebookRuns(tracker)
    followLinks(app, runs)
    place.host = {
      changed: runs.changed,
      has: (id, runId) => runs.find(id)?.source.store.state?.runId === runId,
      open: (run, at) => void app.commands.execute(OPEN, { run, at: at && { ...at } }),
    }
    const settings = await settingsOf(registry, ID)
    const saved = addSavedRuns(app, settings, trans)
    void restorer?.restore(saved, {
      ...{ command: 'docmanager:open', args: ({ context }) => ({ path: context.path, factory: SAVED }) },
      name: ({ context }) => context.path,
    })
    const open = addPanels(app, shell, restorer, {
      ...{ tracker, runs, settings, trans },
      insertExample: into => void insertExample(app, tracker, into),
      openSaved: () => void openSaved(app, browser, words),
    })

    app.commands.addCommand('lora-harness:insert-example', {
      label: trans.__('Insert an Example of a LoRA Run'),
      execute: () => insertExample(app, tracker, null),
    })
    app.commands.addCommand('lora-harness:open-saved-run', {
      label: trans.__('Open a Saved LoRA Run…'),
      execute: () => openSaved(app, browser, words),
    })
    const category = trans.__('LoRA Harness')
    for (const command of [OPEN, 'lora-harness:insert-example', 'lora-harness:open-saved-run'])
      palette?.addItem({ command, category })
    launcher?.add({ command: OPEN, category: trans.__('Other'), rank: 10 })
    // Not awaited: JupyterLab is restored when its plugins are active.
    void app.restored.then(async () => {
      const [{ addCommands }, { addServing, SERVE }] = await Promise.all([
        import('./jupyterlab/panel-commands.js'),
        import('./jupyterlab/serve-model.js'),
      ])
      addServing(app, tracker, trans)
      palette?.addItem({ command: SERVE, category })
      const panels = () => [open.currentWidget, saved.currentWidget].flatMap(widget => (widget ? [widget.content] : []))
      addCommands(app, panels, palette, category, trans)
    })
  },
}

export default [panels]
