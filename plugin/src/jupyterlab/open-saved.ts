import type { JupyterFrontEnd } from '@jupyterlab/application'
import { showErrorMessage } from '@jupyterlab/apputils'
import { FileDialog, type IDefaultFileBrowser } from '@jupyterlab/filebrowser'
import type { ITranslator } from '@jupyterlab/translation'

/** Name of what opens saved runs. */
export const SAVED = 'LoRA Run'

/** Asks for a file, and opens it as a saved run. */
export async function openSaved(
  app: JupyterFrontEnd,
  browser: IDefaultFileBrowser | null,
  translator: ITranslator,
): Promise<void> {
  const trans = translator.load('lora_harness')
  const title = trans.__('Open a saved run')
  if (!browser) return showErrorMessage(title, trans.__('There is no file browser here: open the file from its page.'))
  const { value } = await FileDialog.getOpenFiles({
    ...{ manager: browser.model.manager, translator, title },
    label: trans.__('A run as lora-harness export --format zip writes it'),
    filter: ({ type, name }) => (type === 'directory' || name.endsWith('.zip') ? {} : null),
  })
  for (const { path, type } of value ?? [])
    if (type !== 'directory') await app.commands.execute('docmanager:open', { path, factory: SAVED })
}
