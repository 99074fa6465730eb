/** The five sockets of a kernel, as its connection file wants them. */
import { readFileSync } from 'node:fs'
import { Reply, Router, XPublisher } from 'zeromq'
import { encode, type Message, message, type Signing } from '../wire/message.js'
import { type Publisher, publisher } from '../wire/publisher.js'
import { type Questions, questions } from '../wire/questions.js'

interface Connection extends Signing {
  transport: string
  ip: string
  shell_port: number
  iopub_port: number
  stdin_port: number
  control_port: number
  hb_port: number
}

export interface Sockets {
  signing: Signing
  shell: Router
  control: Router
  publisher: Publisher
  questions: Questions
  /** Answers a request. */
  reply(to: Router, request: Message, content: Record<string, unknown>): Promise<void>
  /** Lets what is under way leave, then closes. */
  close(): Promise<void>
}

/** How long what is under way may take when the kernel ends [ms]. */
const LINGER = 1000

/** @throws Error the connection file cannot be read, or a port is taken */
export async function openSockets(connectionFile: string): Promise<Sockets> {
  const connection: Connection = JSON.parse(readFileSync(connectionFile, 'utf8'))
  const { transport, ip } = connection
  const options = { linger: LINGER }
  // Not to drop what a slow page has not taken yet, but to say EAGAIN: `publisher` tries again.
  const iopub = new XPublisher({ ...options, noDrop: true })
  const [shell, control, stdin, heartbeat] = [
    new Router(options),
    new Router(options),
    new Router(options),
    new Reply(options),
  ]
  const bind = async (socket: { bind(address: string): Promise<void> }, port: number) =>
    await socket.bind(transport === 'tcp' ? `tcp://${ip}:${port}` : `${transport}://${ip}-${port}`)
  await Promise.all([
    bind(iopub, connection.iopub_port),
    bind(shell, connection.shell_port),
    bind(control, connection.control_port),
    bind(stdin, connection.stdin_port),
    bind(heartbeat, connection.hb_port),
  ])
  const pages = publisher(iopub, connection)
  // A page is told that its subscription is there: what comes from now on reaches it.
  void (async () => {
    for await (const [event] of iopub)
      if (event?.[0] === 1) {
        const topic = event.subarray(1)
        void pages.publish('iopub_welcome', { subscription: topic.toString() }, undefined, { topic })
      }
  })()
  void (async () => {
    for await (const frames of heartbeat) await heartbeat.send(frames)
  })()
  let turn = Promise.resolve()
  return {
    signing: connection,
    shell,
    control,
    publisher: pages,
    questions: questions(stdin, connection),
    reply(to, request, content) {
      const type = request.header.msg_type.replace(/_request$/, '_reply')
      const answer = message(type, content, { parent: request.header, identities: request.identities })
      // A socket takes one message at a time.
      turn = turn.then(() => to.send(encode(connection, answer)))
      return turn
    },
    async close() {
      const late = new Promise<void>(resolve => setTimeout(resolve, LINGER).unref())
      await Promise.race([Promise.all([turn, pages.drained()]), late])
      for (const socket of [iopub, shell, control, stdin, heartbeat]) socket.close()
    },
  }
}
