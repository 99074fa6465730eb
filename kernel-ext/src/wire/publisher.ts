/** The way to every page that listens: in order, without loss, at the pace of the slowest. */
import { setTimeout as pause } from 'node:timers/promises'
import { encode, type Header, message, type Signing } from './message.js'

/** A socket that gives EAGAIN instead of dropping when a listener is behind (ZMQ_XPUB_NODROP). */
export interface PublishingSocket {
  send(frames: (Buffer | string)[]): Promise<void>
}

export interface Publisher {
  /** Ends when the message has left. @throws TypeError `content` is no JSON */
  publish(
    type: string,
    content: Record<string, unknown>,
    parent: Header | undefined,
    more?: { metadata?: Record<string, unknown>; buffers?: readonly Uint8Array[]; topic?: Buffer },
  ): Promise<void>
  /** Printed text; what is printed faster than it can leave goes in one message. */
  print(name: 'stdout' | 'stderr', text: string, parent: Header | undefined): void
  /** Frames as they are, in their turn. */
  forward(frames: (Buffer | string)[]): Promise<void>
  /** Ends when what has been published so far has left. */
  drained(): Promise<void>
  /**
   * To be called when a cell's code has run. An interrupt ends synchronous code wherever it is, and that may be here: then
   * sending is taken up again.
   */
  revive(): void
}

/** How long a listener that is behind is left alone before the next try [ms]. */
const RETRY = 2
/** Printed text in one message, about [characters]. */
const LONGEST = 1 << 20

export function publisher(socket: PublishingSocket, signing: Signing): Publisher {
  interface Item {
    frames(): (Buffer | string)[]
    done(): void
  }
  const waiting: Item[] = []
  let printed: { name: string; parent: Header | undefined; text: string } | undefined
  let last = Promise.resolve()
  /** What is being sent; `resting` while that is awaited, which nothing interrupts. */
  let sending: Item | undefined
  let resting = false

  async function pump() {
    for (sending = waiting.shift(); sending; sending = waiting.shift()) {
      const frames = sending.frames()
      for (let gone = false; !gone; ) {
        // A socket that is closed has nobody to send to.
        const sent = socket.send(frames).then(
          () => true,
          (error: NodeJS.ErrnoException) => error.code !== 'EAGAIN',
        )
        resting = true
        gone = await sent
        if (!gone) await pause(RETRY)
        resting = false
      }
      sending.done()
    }
  }
  const add = (frames: () => (Buffer | string)[]) => {
    last = new Promise<void>(done => waiting.push({ frames, done }))
    if (!sending) void pump()
    return last
  }

  return {
    async publish(type, content, parent, { topic, ...more } = {}) {
      printed = undefined
      const identities = [topic ?? Buffer.from(type)]
      // Now, so that what is changed afterwards is not sent.
      const frames = encode(signing, message(type, content, { ...more, ...(parent && { parent }), identities }))
      await add(() => frames)
    },
    print(name, text, parent) {
      if (printed?.name === name && printed.parent === parent && printed.text.length < LONGEST) {
        printed.text += text
        return
      }
      const mine = { name, parent, text }
      printed = mine
      void add(() => {
        if (printed === mine) printed = undefined
        const identities = [Buffer.from('stream')]
        return encode(signing, message('stream', { name, text: mine.text }, { ...(parent && { parent }), identities }))
      })
    },
    forward(frames) {
      printed = undefined
      return add(() => frames)
    },
    drained: () => last,
    revive() {
      if (!sending || resting) return
      sending.done()
      void pump()
    },
  }
}
