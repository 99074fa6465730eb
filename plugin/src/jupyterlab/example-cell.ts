import type { JupyterFrontEnd } from '@jupyterlab/application'
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook'

/** Puts the first cell of a run below the one that is active, and shows it; nothing is run. */
export async function insertExample(
  app: JupyterFrontEnd,
  { currentWidget }: INotebookTracker,
  wanted: NotebookPanel | null,
): Promise<void> {
  const { FIRST_CELL } = await import('../widgets/no-run.js')
  const into: NotebookPanel =
    wanted ?? currentWidget ?? (await app.commands.execute('notebook:create-new', { kernelName: 'lora-harness' }))
  await into.context.ready
  NotebookActions.insertBelow(into.content)
  into.content.activeCell?.model.sharedModel.setSource(FIRST_CELL)
  app.shell.activateById(into.id)
}
