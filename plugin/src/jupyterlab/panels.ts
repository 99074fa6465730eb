import type { ILabShell, ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application'
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils'
import type { INotebookTracker } from '@jupyterlab/notebook'
import { UUID } from '@lumino/coreutils'
import type { CommandId } from '../model/commands.js'
import { icon } from './icon.js'
import type { PanelArgs, PanelPlace, RunPanel } from './run-panel.js'
import type { OpenIn } from './settings.js'

export type Panels = WidgetTracker<MainAreaWidget<RunPanel>>

export const OPEN = 'lora-harness:open-panel'

/** The panels that are open, and the command that opens one. */
export function addPanels(
  app: JupyterFrontEnd,
  shell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  about: Omit<PanelPlace, 'openInMain' | 'hasOtherKeys'>,
): Panels {
  const { tracker: notebooks, runs, settings, trans } = about
  const panels: Panels = new WidgetTracker({ namespace: 'lora-harness' })

  async function open(args: PanelArgs): Promise<MainAreaWidget<RunPanel>> {
    const where = placeOf(args.place ?? settings().openIn, shell)
    const path =
      args.path ??
      (args.run ? runs.find(args.run)?.notebook.context.path : undefined) ??
      notebooks.currentWidget?.context.path ??
      null
    const known = panels.find(
      ({ content }) => content.args.path === path && (content.args.place === where || !args.place),
    )
    if (known) {
      if (args.run) known.content.pick(args.run, args.at ?? null)
      app.shell.activateById(known.id)
      return known
    }
    const [{ RunPanel }, { isChanged }] = await Promise.all([import('./run-panel.js'), import('./shortcuts.js')])
    const openInMain = (again: PanelArgs) => {
      panel.dispose()
      void open(again)
    }
    const hasOtherKeys = (id: CommandId) => isChanged(id, app.commands)
    const content = new RunPanel({ ...about, openInMain, hasOtherKeys }, { ...args, path, place: where })
    const panel = new MainAreaWidget({ content })
    panel.id = `lora-harness-${UUID.uuid4()}`
    Object.assign(panel.title, { icon, closable: true })
    const entitle = () => {
      const name = content.args.run ?? content.args.path?.split('/').at(-1)
      panel.title.label = name == null ? trans.__('LoRA run') : trans.__('LoRA run %1', name)
      panel.title.caption = panel.title.label
    }
    entitle()
    await panels.add(panel)
    content.moved.connect(() => {
      entitle()
      void panels.save(panel)
    })
    add(panel, where, notebooks)
    return panel
  }

  function add(panel: MainAreaWidget<RunPanel>, where: OpenIn, { currentWidget }: INotebookTracker): void {
    if (where === 'sidebar') app.shell.add(panel, 'right', { rank: 900 })
    else {
      const beside = where === 'beside' && (panel.content.notebook ?? currentWidget)
      app.shell.add(panel, 'main', beside ? { mode: 'split-right', ref: beside.id } : {})
    }
    app.shell.activateById(panel.id)
  }

  app.commands.addCommand(OPEN, {
    label: trans.__('LoRA Run'),
    caption: trans.__('Show the LoRA runs of this notebook'),
    icon,
    execute: args => open(args as PanelArgs),
  })
  void restorer?.restore(panels, {
    command: OPEN,
    args: ({ content }) => content.args,
    name: ({ content }) => `${content.args.place}:${content.args.path}`,
  })
  return panels
}

/** Where there is no JupyterLab around it, as in Notebook, the main area has room for the notebook only. */
const placeOf = (wanted: OpenIn, shell: ILabShell | null): OpenIn => (shell ? wanted : 'sidebar')
