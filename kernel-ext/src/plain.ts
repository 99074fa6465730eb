import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { type Comm, InputUnavailable, type MimeBundle, type Transport } from './transport.js'

/** What can be printed of a bundle: its plain text, else the names of what it has. */
const textOf = (bundle: MimeBundle): string =>
  typeof bundle['text/plain'] === 'string' ? bundle['text/plain'] : `[${Object.keys(bundle).join(', ')}]`

/** A comm that leads nowhere. */
const mute = (target: string): Comm => ({
  id: randomUUID(),
  target,
  send: async () => {},
  onMessage: () => {},
  onClose: () => {},
  close: async () => {},
})

/** Where there is no page: text is printed and asked for on the terminal. */
export function plainTransport(): Transport {
  return {
    kernel: 'none',
    async display(bundle, { displayId, update = false } = {}) {
      if (update && displayId === undefined)
        throw new TypeError('display: update needs the displayId of what to replace')
      await new Promise<void>(resolve => process.stdout.write(`${textOf(bundle)}\n`, () => resolve()))
    },
    clearOutput: async () => {},
    openComm: mute,
    registerCommTarget: () => () => {},
    input: (prompt = '', { password = false } = {}) =>
      new Promise((resolve, reject) => {
        if (!process.stdin.isTTY) return reject(new InputUnavailable(`input("${prompt}"): stdin is no terminal`))
        process.stdout.write(prompt)
        const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
        const lines = createInterface({
          input: process.stdin,
          output: password ? silent : process.stdout,
          terminal: true,
        })
        lines.once('line', line => {
          if (password) process.stdout.write('\n')
          resolve(line)
          lines.close()
        })
        lines.once('close', () => reject(new InputUnavailable(`input("${prompt}"): the terminal was closed`)))
      }),
    onInterrupt(handler) {
      // Once: the second Ctrl-C ends the process, as it would without a handler.
      const once = () => void handler()
      process.once('SIGINT', once)
      return () => process.off('SIGINT', once)
    },
    currentCell: () => undefined,
    cells: () => [],
  }
}
