/**
 * An unmodified tslab kernel (https://github.com/yunabe/tslab): what it lacks is added to its loaded modules while it
 * runs. tslab is found where Node keeps what it has loaded; importing it would load a second one.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import { type Jupyter, makeJupyter } from './jupyter.js'
import { bundleBy, type Transport } from './transport.js'
import { decode, encode, type Header, type Message, message, type Signing } from './wire/message.js'
import { publisher } from './wire/publisher.js'
import { type AnswerSocket, type Questions, questions } from './wire/questions.js'

type Frames = (Buffer | string)[]

interface Socket {
  send(frames: Frames): Promise<void>
  noDrop: boolean
}

interface Server {
  stdin: AnswerSocket
  handleShellMessage(socket: Socket, ...frames: Buffer[]): Promise<void>
  publishStatus(status: string, parent: { header: Header }): void
}

interface Handler {
  execCount: number
  handleExecuteImpl(
    request: { code: string },
    writeStream: (name: 'stdout' | 'stderr', text: string) => void,
    writeDisplayData: (content: Record<string, unknown>, update?: boolean) => void,
  ): Promise<unknown>
}

interface Tslab {
  lastWriteDisplayData: ((content: Record<string, unknown>, update: boolean) => void) | null
  ZmqServer: { prototype: Server }
  JupyterHandlerImpl: { prototype: Handler }
}

/** The tslab that is running this cell; undefined if none is. */
function running(): { tslab: Tslab; path: string } | undefined {
  for (const [path, loaded] of Object.entries(createRequire(import.meta.url).cache ?? {}))
    if (/[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(path) && loaded?.exports.lastWriteDisplayData)
      return { tslab: loaded.exports, path }
  return undefined
}

/**
 * The socket to the pages, and a message that would have gone out on it, both of which tslab keeps to itself.
 *
 * @param instead from now on takes what tslab sends on it
 * @returns also how to send on it
 */
function overheard(tslab: Tslab, path: string, instead: (frames: Frames) => Promise<void>) {
  const { Publisher } = createRequire(path)('zeromq') as { Publisher: { prototype: Socket } }
  const { send } = Publisher.prototype
  let found: { socket: Socket; frames: Frames } | undefined
  Object.defineProperty(Publisher.prototype, 'send', {
    value(this: Socket, frames: Frames) {
      if (this === found?.socket) return instead(frames)
      if (found) return send.call(this, frames)
      found = { socket: this, frames }
    },
  })
  tslab.lastWriteDisplayData!({}, false)
  const { socket, frames } = found!
  return { socket, frames, send: (frames: Frames) => send.call(socket, frames) }
}

/** The key that messages are signed with, from the file that tslab was started with. */
function signingOf(): Signing {
  const at = process.argv.findIndex(arg => /^--config-path(=|$)/.test(arg))
  const path = process.argv[at]?.split('=')[1] ?? process.argv[at + 1]
  if (at < 0 || path === undefined)
    throw new Error(
      'lora-harness-kernel in tslab: its command line has no --config-path FILE with the key of its messages',
    )
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** The transport in tslab, which is changed for it; undefined where there is no tslab. */
export function tslabTransport(): Transport | undefined {
  const found = running()
  if (!found) return undefined
  const { tslab, path } = found
  const { socket, frames, send } = overheard(tslab, path, frames => pages.forward(frames))
  const signing = signingOf()
  const heard = decode(
    signing,
    frames.map(frame => Buffer.from(frame as string)),
  )
  socket.noDrop = true
  const pages = publisher({ send }, signing)
  let asking: Questions | undefined
  const { identities, parent } = heard
  const first = { parent: parent as Header, identities, asks: true, silent: false, cell: undefined }
  const jupyter = makeJupyter({ kernel: 'tslab', publisher: pages, questions: () => asking, first })

  const meet = (server: Server) => {
    asking ??= questions(server.stdin, signing)
  }
  const status = (execution_state: string, parent: Header) => void pages.publish('status', { execution_state }, parent)
  serveMore(tslab.ZmqServer.prototype, jupyter, signing, meet, status)
  holdOutput(tslab.JupyterHandlerImpl.prototype, jupyter, showLastValues(jupyter))
  // After what the cell does before its first await: for so long its listeners are taken off.
  queueMicrotask(() => {
    const theirs = process.listeners('SIGINT')
    process.removeAllListeners('SIGINT')
    process.on('SIGINT', signal => {
      if (!jupyter.interrupt()) for (const listener of theirs) listener(signal)
    })
  })
  return jupyter.transport
}

/** The request that is being served. */
const request = new AsyncLocalStorage<Message>()

/** Comms, and what is needed to answer a cell by its own request. */
function serveMore(
  server: Server,
  jupyter: Jupyter,
  signing: Signing,
  meet: (server: Server) => void,
  status: (state: string, parent: Header) => void,
): void {
  const { handleShellMessage, publishStatus } = server
  server.publishStatus = function (status, parent) {
    meet(this)
    if (status === 'idle') jupyter.ended(parent.header.msg_id)
    publishStatus.call(this, status, parent)
  }
  server.handleShellMessage = async function (socket, ...frames) {
    meet(this)
    const asked = decode(signing, frames)
    const type = asked.header.msg_type
    if (type === 'comm_info_request') {
      // tslab answers this with a complete_reply.
      status('busy', asked.header)
      const content = { status: 'ok', comms: jupyter.comms.info(asked.content.target_name) }
      const { header: parent, identities } = asked
      await socket.send(encode(signing, message('comm_info_reply', content, { parent, identities })))
      status('idle', asked.header)
    } else if (/^comm_(open|msg|close)$/.test(type)) {
      status('busy', asked.header)
      jupyter.comms.serve(asked)
      status('idle', asked.header)
    } else await request.run(asked, () => handleShellMessage.call(this, socket, ...frames))
  }
}

/** What a cell says stays with it. */
function holdOutput(handler: Handler, jupyter: Jupyter, shown: () => Promise<void>): void {
  const { handleExecuteImpl } = handler
  handler.handleExecuteImpl = function ({ code }) {
    const { header: parent, identities, content, metadata } = request.getStore()!
    const id = metadata.cellId
    const cell = { number: this.execCount + 1, code, ...(typeof id === 'string' && { id }) }
    const run = { parent, identities, asks: content.allow_stdin === true, silent: false, cell }
    return jupyter.execute(run, async () => {
      try {
        return await handleExecuteImpl.call(
          this,
          { code },
          (name, text) => jupyter.print(name, text),
          (data, update) => void jupyter.say(update ? 'update_display_data' : 'display_data', data),
        )
      } finally {
        jupyter.ran()
        await shown()
      }
    })
  }
}

/**
 * tslab prints a cell's last value as text; one that knows its representations is shown by them instead.
 *
 * @returns what ends when all of them are shown
 */
function showLastValues(jupyter: Jupyter): () => Promise<void> {
  const { exports } = (globalThis as unknown as { __tslab__: { exports: { tsLastExpr?: unknown } } }).__tslab__
  let last: unknown
  let showing = Promise.resolve()
  const show = async (bundle: NonNullable<ReturnType<typeof bundleBy>>) => {
    try {
      await jupyter.transport.display(await bundle())
    } catch (error) {
      jupyter.print('stderr', `${inspect(error)}\n`)
    }
  }
  // A cell's code sets this property, and the executor prints what it finds there.
  const place = {
    get: () => last,
    set(value: unknown) {
      const bundle = bundleBy(value)
      last = bundle ? undefined : value
      if (bundle) showing = show(bundle)
    },
  }
  Object.setPrototypeOf(exports, Object.create(Object.prototype, { tsLastExpr: place }))
  // This cell's has been declared already.
  delete exports.tsLastExpr
  return () => showing
}
