import type { JupyterFrontEnd } from '@jupyterlab/application'
import type { ICommandPalette } from '@jupyterlab/apputils'
import type { TranslationBundle } from '@jupyterlab/translation'
import { COMMANDS, type Command, type CommandId, type Desk, perform } from '../model/commands.js'
import { deskOf } from '../widgets/desk.js'
import type { Panels } from './panels.js'
import { commandIn } from './shortcuts.js'

/** Commands of the panel as JupyterLab's: in the palette, and with keys that a person can change. */
export function addCommands(
  app: JupyterFrontEnd,
  panels: Panels,
  palette: ICommandPalette | null,
  category: string,
  trans: TranslationBundle,
): void {
  const desk = (): Desk | null => {
    const { content } = panels.currentWidget ?? {}
    return content?.shown ? deskOf({ ...content.shown, trans }, () => content.node.querySelector('.lh-Panel')) : null
  }
  for (const id of Object.keys(COMMANDS) as CommandId[]) {
    const { words, why, on }: Command = COMMANDS[id]
    const command = commandIn(id)
    app.commands.addCommand(command, {
      label: () => {
        const at = desk()
        return at ? words(trans, at) : id
      },
      isEnabled: () => {
        const at = desk()
        return at !== null && (why?.(at) ?? null) === null
      },
      ...(on && {
        isToggled: () => {
          const at = desk()
          return at !== null && on(at.view.state)
        },
      }),
      execute: () => {
        const at = desk()
        return at && perform(id, at)
      },
    })
    palette?.addItem({ command, category })
  }
}
