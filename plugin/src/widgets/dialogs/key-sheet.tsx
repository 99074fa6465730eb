import { useRef } from 'react'
import { usePanel } from '../../context.js'
import { COMMANDS, type Command } from '../../model/commands.js'
import { KEYS, SHEET, shownKey } from '../../model/keys.js'
import { useDesk } from '../desk.js'
import { Popover } from './popover.js'

/** What each key does. */
export function KeySheet() {
  const { trans: t } = usePanel()
  const box = useRef<HTMLDivElement>(null)
  const desk = useDesk(box)
  return (
    <Popover by="keys" title={t.__('Keys')}>
      <div className="lh-KeySheet" ref={box} data-lh="key-sheet">
        {SHEET.map(group => (
          <dl key={group[0]}>
            {group.map(id => {
              const command: Command = COMMANDS[id]
              return (
                <div key={id}>
                  <dt>
                    {KEYS[id].map(key => (
                      <kbd key={key}>{shownKey(key)}</kbd>
                    ))}
                  </dt>
                  <dd>{command.words(t, desk)}</dd>
                </div>
              )
            })}
          </dl>
        ))}
      </div>
      <p className="lh-muted">{t.__('Keys work while the panel has the focus and nobody types.')}</p>
    </Popover>
  )
}
