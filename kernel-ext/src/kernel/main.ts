/** The kernel: `node main.js CONNECTION_FILE`, as Jupyter starts it. */
import { StringDecoder } from 'node:string_decoder'
import type { Router } from 'zeromq'
import { makeJupyter } from '../jupyter.js'
import { PLACE } from '../place.js'
import { decode, type Message } from '../wire/message.js'
import { cellRunner } from './cells.js'
import { tslabJupyter } from './compiler.js'
import { makeHistory } from './history.js'
import { makeLanguage } from './language.js'
import { requests } from './requests.js'
import { openSockets } from './sockets.js'

const log = process.stderr.write.bind(process.stderr)
const connectionFile = process.argv[2]
if (connectionFile === undefined) {
  log(
    'This is started by Jupyter: node main.js CONNECTION_FILE. To tell Jupyter of it: npx lora-harness-kernel install\n',
  )
  process.exit(2)
}

const sockets = await openSockets(connectionFile)
const jupyter = makeJupyter({
  kernel: 'lora-harness',
  publisher: sockets.publisher,
  questions: () => sockets.questions,
})
;(globalThis as { [PLACE]?: unknown })[PLACE] = jupyter.transport
const language = makeLanguage(process.cwd())
jupyter.transport.where = language.tracebacks.where
const history = makeHistory()
const runCell = cellRunner(language, jupyter, history)
const answer = requests(language, jupyter, history)

// What cells print.
for (const name of ['stdout', 'stderr'] as const) {
  const decoder = new StringDecoder()
  process[name].write = (chunk: Uint8Array | string, encoding?: unknown, done?: unknown) => {
    jupyter.print(name, typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))
    const called = typeof encoding === 'function' ? encoding : done
    if (typeof called === 'function') process.nextTick(called as () => void)
    return true
  }
}
tslabJupyter.lastWriteDisplayData = (content, update) =>
  void jupyter.say(update ? 'update_display_data' : 'display_data', content)

// Errors of what a cell has started and nobody awaits; Node calls this in the context of the cell.
const stray = (error: unknown) => jupyter.print('stderr', `${language.tracebacks.of(error).traceback.join('\n')}\n`)
process.on('uncaughtException', stray)
process.on('unhandledRejection', stray)

const interrupt = () => {
  if (!jupyter.interrupt()) language.interrupt()
}
process.on('SIGINT', interrupt)

async function leave() {
  language.close()
  await sockets.close()
  process.exit(0)
}
process.on('SIGTERM', leave)
// Whoever started the kernel is gone without a word.
const parent = process.ppid
setInterval(() => process.ppid !== parent && leave(), 1000).unref()

async function serve(socket: Router, frames: Buffer[]) {
  let request: Message
  try {
    request = decode(sockets.signing, frames)
  } catch (error) {
    log(`${(error as Error).message}\n`)
    return
  }
  const { header } = request
  const status = (execution_state: string, of = header) =>
    void sockets.publisher.publish('status', { execution_state }, of)
  if (header.msg_type === 'execute_request') {
    const content = await runCell(request, () => status('busy'))
    // Some stop listening for output soon after the reply.
    await sockets.publisher.drained()
    void sockets.reply(socket, request, content)
    status('idle')
    return
  }
  status('busy')
  if (header.msg_type === 'interrupt_request') interrupt()
  const content = jupyter.comms.serve(request) ? undefined : answer(request)
  if (content) await sockets.reply(socket, request, content)
  status('idle')
  // The page shows what it was told last.
  const running = jupyter.executing()
  if (running) status('busy', running.parent)
  if (header.msg_type === 'shutdown_request') {
    void sockets.publisher.publish('shutdown_reply', content!, header)
    await leave()
  }
}

for (const socket of [sockets.control, sockets.shell])
  void (async () => {
    for await (const frames of socket) void serve(socket, frames)
  })()
