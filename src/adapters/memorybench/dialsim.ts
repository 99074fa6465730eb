import { strip } from './python.js'

export { parseJudge } from './judge/dialsim.js'

/** One thing said in a conversation. */
export interface Turn {
  speaker: string
  /** `D<session>:<line>` */
  dia_id: string
  text: string
}

/** LoCoMo's form of a conversation: `session_1`, `session_1_date_time`, `session_2`, … */
export type Conversation = Record<string, string | Turn[]>

const HEAD = /\[Date: /g
/**
 * A DialSim script in LoCoMo's form, and the number of its sessions, as MemoryBench makes them of
 * `[Date: <date>, Session #<n>]`, an empty line, and lines `Speaker: text`. A line without a colon is left out, but
 * counted in the `dia_id` of those after it. Sessions are numbered as they come; a `dia_id` has the number in the text.
 */
export function conversation(text: string): [Conversation, number] {
  const found: Conversation = {}
  let count = 0
  let from = 0
  for (;;) {
    const session = nextSession(text, from)
    if (!session) return [found, count]
    const { date, number, end, body } = session
    count++
    found[`session_${count}_date_time`] = `${date}, Session #${number}`
    found[`session_${count}`] = turns(body, number)
    from = end
  }
}

/** The first `[Date: …, Session #n]` with an empty line after it; its body ends at the next `[Date:` or with the text. */
function nextSession(text: string, from: number) {
  HEAD.lastIndex = from
  const head = HEAD.exec(text)
  if (!head) return null
  const start = head.index + head[0].length
  const TAIL = /, Session #(\p{Nd}+)\]\n\n/gu
  TAIL.lastIndex = start
  const tail = TAIL.exec(text)
  if (!tail) return null
  const begin = tail.index + tail[0].length
  const next = text.indexOf('[Date:', begin)
  const end = next < 0 ? text.length : next
  return { date: text.slice(start, tail.index), number: tail[1]!, end, body: text.slice(begin, end) }
}

function turns(body: string, session: string): Turn[] {
  return strip(body)
    .split('\n')
    .flatMap((line, i) => {
      const colon = line.indexOf(':')
      if (colon < 0) return []
      return [
        { speaker: strip(line.slice(0, colon)), dia_id: `D${session}:${i + 1}`, text: strip(line.slice(colon + 1)) },
      ]
    })
}
