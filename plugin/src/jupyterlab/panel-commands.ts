import type { JupyterFrontEnd } from '@jupyterlab/application'
import type { ICommandPalette } from '@jupyterlab/apputils'
import type { TranslationBundle } from '@jupyterlab/translation'
import { COMMANDS, type Command, type CommandId, type Desk, perform } from '../model/commands.js'
import type { RunSource } from '../model/source.js'
import type { View } from '../model/view.js'
import { deskOf } from '../widgets/desk.js'
import { commandIn } from './shortcuts.js'

/** A panel that may show a run. */
export interface HasRun {
  readonly node: HTMLElement
  readonly shown: { source: RunSource; view: View } | null
}

/**
 * Commands of the panel as JupyterLab's: in the palette, and with keys that a person can change.
 *
 * @param panels the one that was used last first
 */
export function addCommands(
  app: JupyterFrontEnd,
  panels: () => readonly HasRun[],
  palette: ICommandPalette | null,
  category: string,
  trans: TranslationBundle,
): void {
  // The one that has the keyboard, else the one that was used last.
  const current = () => {
    const all = panels()
    return all.find(({ node }) => node.contains(document.activeElement)) ?? all[0]
  }
  const desk = (): Desk | null => {
    const at = current()
    return at?.shown ? deskOf({ ...at.shown, trans }, () => at.node.querySelector('.lh-Panel')) : null
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
