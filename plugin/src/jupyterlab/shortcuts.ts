import type { CommandRegistry } from '@lumino/commands'
import type { CommandId } from '../model/commands.js'
import { KEYS, labKeys } from '../model/keys.js'

/** Name of a panel's command in JupyterLab. */
export const commandIn = (id: CommandId): string => `lora-harness:${id}`

/** Not while somebody types, nor where a button or a link does something itself with the key. */
const PANEL = ['input', 'textarea', 'select', '[contenteditable="true"]'].reduce(
  (selector, field) => `${selector}:not(:has(${field}:focus))`,
  '.lh-Panel',
)
const GROUND = ['button', 'summary', 'a'].reduce((selector, field) => `${selector}:not(:has(${field}:focus))`, PANEL)

/** The keys of the panel as JupyterLab's shortcuts: what schema/plugin.json lists. */
export const shortcuts = () =>
  (Object.keys(KEYS) as CommandId[]).flatMap(id =>
    KEYS[id].map(key => ({
      ...{ command: commandIn(id), keys: labKeys(key) },
      selector: key === ' ' || key === 'Enter' ? GROUND : PANEL,
    })),
  )

const named = (all: readonly (readonly string[])[]): string =>
  all
    .map(keys => keys.join(' then '))
    .sort()
    .join()

/** Whether a person gave this command other keys than the table's. */
export const isChanged = (id: CommandId, { keyBindings }: Pick<CommandRegistry, 'keyBindings'>): boolean =>
  named(keyBindings.filter(({ command }) => command === commandIn(id)).map(({ keys }) => keys)) !==
  named(KEYS[id].map(labKeys))
