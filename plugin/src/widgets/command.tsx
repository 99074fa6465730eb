import { useRef } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { COMMANDS, type Command, type CommandId, perform } from '../model/commands.js'
import { KEYS, shownKey } from '../model/keys.js'
import { useDesk } from './desk.js'
import { Icon, type IconName } from './icons.js'

/** Keys that have no letter, on a button. */
const SIGNS: Record<string, string> = { ' ': '␣' }

/** A button for a command. Where it cannot be done it stays reachable and says why, as its tip and when pressed. */
export function CommandButton({ id, icon, primary }: { id: CommandId; icon: IconName; primary?: boolean }) {
  const button = useRef<HTMLButtonElement>(null)
  const desk = useDesk(button)
  const { trans } = usePanel()
  const view = useView()
  useRun()
  const command: Command = COMMANDS[id]
  const why = command.why?.(desk) ?? null
  const words = command.words(trans, desk)
  const [key] = KEYS[id]
  const hint = key === undefined ? words : trans.__('%1 (key %2)', words, shownKey(key))
  return (
    <button
      {...{ ref: button, type: 'button', title: why === null ? hint : `${hint}: ${why}` }}
      className={`lh-Button${primary ? ' lh-mod-primary' : ''}`}
      data-lh={id}
      aria-disabled={why !== null}
      {...(command.on && { 'aria-pressed': command.on(view) })}
      onClick={() => perform(id, desk)}
    >
      <Icon name={icon} />
      <span className="lh-Button-words">{words}</span>
      {key !== undefined && (
        <span className="lh-Button-key" aria-hidden="true">
          {SIGNS[key] ?? key.toUpperCase()}
        </span>
      )}
    </button>
  )
}
