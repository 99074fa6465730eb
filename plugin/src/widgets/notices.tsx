import { type ReactNode, useRef } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { perform } from '../model/commands.js'
import { type NoticeAction, noticesOf } from '../model/notices.js'
import { useNow } from './clock.js'
import { useDesk } from './desk.js'
import { Icon } from './icons.js'
import { PauseOnErrors, usePauseOnErrors } from './pause-on-errors.js'
import { Spoken } from './spoken.js'

/** What a person should know of the run and the connection, and what came of what was asked. */
export function Notices() {
  const { source, view, trans: t, openRun } = usePanel()
  const run = useRun()
  const state = useView()
  const box = useRef<HTMLElement>(null)
  const desk = useDesk(box)
  const isBeginning = run.state?.status === 'running' && run.state.index === 0
  const now = useNow(run.connection.kind === 'lost' || state.asking.length > 0 || isBeginning)
  usePauseOnErrors()
  const act = (action: NoticeAction) => {
    if (action.do === 'reconnect') return source.reconnect()
    if (action.do === 'show') return view.select(action.index, { branch: null, tab: action.tab })
    if (action.index !== undefined) view.select(action.index, { branch: null })
    perform(action.do, desk)
  }
  const { said } = state
  return (
    <aside className="lh-Notices" ref={box} aria-label={t.__('Notices')} data-lh="notices">
      {noticesOf(source, state, now, t).map(({ name, tone, text, actions, lasting }) => (
        <Line
          key={name}
          {...{ name: name.split(' ')[0]!, tone, text }}
          close={lasting ? undefined : () => view.set({ dismissed: [...view.state.dismissed, name] })}
        >
          {actions.map(action => (
            <button key={action.words} type="button" className="lh-Button" onClick={() => act(action)}>
              {action.words}
            </button>
          ))}
          {name.startsWith('failed ') && <PauseOnErrors />}
        </Line>
      ))}
      <div role={said?.kind === 'error' ? 'alert' : 'status'}>
        {said && (
          <Line name="said" tone={said.kind} text={said.text} close={() => view.set({ said: null })}>
            {said.run !== undefined && openRun && (
              <button type="button" className="lh-Button" data-lh="open-run" onClick={() => openRun(said.run!)}>
                {t.__('Open it')}
              </button>
            )}
          </Line>
        )}
      </div>
      <Spoken />
    </aside>
  )
}

function Line(props: {
  name: string
  tone: 'info' | 'warn' | 'error'
  text: string
  close: (() => void) | undefined
  children?: ReactNode
}) {
  const { trans: t } = usePanel()
  const { name, tone, text, close, children } = props
  return (
    <div className="lh-Notice" data-lh={`notice-${name}`} data-tone={tone}>
      <span className="lh-Notice-text">{text}</span>
      {children}
      {close && (
        <button
          {...{ type: 'button', className: 'lh-Button lh-mod-bare', onClick: close, title: t.__('Put away') }}
          aria-label={t.__('Put away')}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  )
}
