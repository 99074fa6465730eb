import { useState } from 'react'
import { usePanel } from '../../context.js'
import { counted } from '../list/filters.js'
import { Name, Text } from '../text.js'
import type { Shown } from './shown.js'

/** Messages at the end that are open at first. */
const OPEN = 2
/** Most messages that are drawn at once. */
const MOST = 200

/** The prompt and the answer, message by message; the earlier ones are closed at first. */
export function Messages({ shown: { step, point } }: { shown: Shown }) {
  const { trans } = usePanel()
  const messages = [...step.messages, { role: 'assistant', content: step.response }]
  const [from, setFrom] = useState(Math.max(0, step.messages.length - OPEN))
  return (
    <div className="lh-Messages">
      {from > 0 && (
        <button type="button" className="lh-Button" data-lh="earlier" onClick={() => setFrom(Math.max(0, from - MOST))}>
          {trans._n('Show %1 earlier message', 'Show %1 earlier messages', from, counted(from))}
        </button>
      )}
      {messages.slice(from).map(({ role, content }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a message has no name but its place
        <article key={from + i} className={`lh-Message${from + i === messages.length - 1 ? ' lh-Message-answer' : ''}`}>
          <h3>
            <Name>{role}</Name>
            {from + i === messages.length - 1 && <span className="lh-muted"> · {trans.__('the answer')}</span>}
          </h3>
          <Text text={content} name={`message-${point.index}-${from + i}.txt`} />
        </article>
      ))}
    </div>
  )
}
