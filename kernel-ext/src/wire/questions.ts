/** Questions to the reader, on the socket for them. */
import { InputUnavailable } from '../transport.js'
import { decode, encode, type Header, message, type Signing } from './message.js'

/** A router on which the page's answers come in. */
export interface AnswerSocket extends AsyncIterable<Buffer[]> {
  send(frames: Buffer[]): Promise<void>
}

export interface Questions {
  /** @throws InputUnavailable the question was taken back by `cancel` */
  ask(to: { parent: Header; identities: Buffer[] }, prompt: string, password: boolean): Promise<string>
  /** Takes back what has not been answered. */
  cancel(): void
}

export function questions(socket: AnswerSocket, signing: Signing): Questions {
  let open: { id: string; resolve(text: string): void; reject(error: Error): void } | undefined
  let turn: Promise<unknown> = Promise.resolve()

  void (async () => {
    for await (const frames of socket) {
      const { header, parent, content } = decode(signing, frames)
      // An answer may come late, to a question that was taken back; not every page says which one it answers.
      if (header.msg_type !== 'input_reply' || (parent.msg_id !== undefined && parent.msg_id !== open?.id)) continue
      open?.resolve(String(content.value))
    }
  })()

  return {
    ask({ parent, identities }, prompt, password) {
      const asked = turn.then(() => {
        const question = message('input_request', { prompt, password }, { parent, identities })
        const answer = new Promise<string>((resolve, reject) => {
          open = { id: question.header.msg_id, resolve, reject }
        })
        return socket.send(encode(signing, question)).then(() => answer)
      })
      turn = asked.catch(() => {})
      return asked
    },
    cancel() {
      open?.reject(new InputUnavailable('input: the cell was interrupted'))
      open = undefined
    },
  }
}
