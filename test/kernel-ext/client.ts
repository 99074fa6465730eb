import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Dealer, Subscriber } from 'zeromq'
import { decode, encode, type Header, type Message, message } from '../../kernel-ext/src/wire/message.js'
import { freePort } from '../helpers/port.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tslab = join(createRequire(import.meta.url).resolve('tslab/package.json'), '..', 'bin', 'tslab')

/** How the two kernels are started. tslab finds packages only in folders above the notebook's. */
export const KERNELS = {
  'lora-harness': {
    argv: (file: string) => [
      '--disable-warning=ExperimentalWarning',
      join(root, 'kernel-ext/dist/kernel/main.js'),
      file,
    ],
    folder: () => mkdtempSync(join(tmpdir(), 'lora-harness-notebook-')),
  },
  tslab: {
    argv: (file: string) => [tslab, 'kernel', '--config-path', file],
    folder: () => fileURLToPath(new URL('.', import.meta.url)),
  },
}
export type KernelName = keyof typeof KERNELS

/** A cell's life: all messages that answer its request, in order, and the reply. */
export interface Ran {
  id: string
  reply: Message['content']
  messages: { type: string; content: Record<string, unknown>; buffers: Buffer[]; metadata: Record<string, unknown> }[]
}

export interface Client {
  process: ChildProcess
  /** What the kernel said outside messages. */
  stderr(): string
  /** Runs a cell to its end. `started` is called with its id when it has been sent. */
  run(code: string, options?: { content?: object; started?: (id: string) => unknown }): Promise<Ran>
  /** Sends a request without waiting. @returns its id */
  send(
    type: string,
    content: object,
    more?: { buffers?: Uint8Array[]; on?: 'shell' | 'control'; metadata?: Record<string, unknown>; key?: string },
  ): Promise<string>
  /** Sends a request and waits for its reply. */
  ask(type: string, content: object, on?: 'shell' | 'control'): Promise<Message>
  /** The first published message, past or to come, that fits; `where` looks at those that answer a request. */
  published(type: string, where?: (content: Record<string, unknown>, message: Message) => boolean): Promise<Message>
  /** All published so far. */
  log: Message[]
  /** Answers the next question. @returns the question */
  answer(value: string): Promise<Message>
  close(): Promise<void>
}

/**
 * Starts a kernel as Jupyter would, and waits until it answers.
 *
 * @param through a command that starts it, with the kernel's own as its last arguments
 */
export async function startKernel(
  name: KernelName,
  { folder = KERNELS[name].folder(), through = [] as string[] } = {},
): Promise<Client> {
  const home = mkdtempSync(join(tmpdir(), 'lora-harness-kernel-'))
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  )
  const signing = { key: randomUUID(), signature_scheme: 'hmac-sha256' }
  const file = join(home, 'connection.json')
  const ports = { shell_port, iopub_port, stdin_port, control_port, hb_port }
  writeFileSync(file, JSON.stringify({ ...signing, ...ports, transport: 'tcp', ip: '127.0.0.1', kernel_name: name }))

  const [program, ...args] = [...through, process.execPath, ...KERNELS[name].argv(file)] as [string, ...string[]]
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })

  const routingId = randomUUID()
  const connect = <T extends { connect(address: string): void }>(socket: T, port: number | undefined) => {
    socket.connect(`tcp://127.0.0.1:${port}`)
    return socket
  }
  const options = { linger: 0, routingId }
  const sockets = {
    shell: connect(new Dealer(options), shell_port),
    control: connect(new Dealer(options), control_port),
    stdin: connect(new Dealer(options), stdin_port),
  }
  const iopub = connect(new Subscriber({ linger: 0, receiveHighWaterMark: 1000 }), iopub_port)
  iopub.subscribe()

  const log: Message[] = []
  const replies: Message[] = []
  const questions: Message[] = []
  const answered = new Set<Message>()
  let watchers: (() => void)[] = []
  const listen = async (socket: AsyncIterable<Buffer[]>, list: Message[]) => {
    for await (const frames of socket) {
      list.push(decode(signing, frames))
      const called = watchers
      watchers = []
      for (const watcher of called) watcher()
    }
  }
  void listen(sockets.shell, replies)
  void listen(sockets.control, replies)
  void listen(sockets.stdin, questions)
  void listen(iopub, log)
  /** The first of a list, from an index on, that fits: now, or as soon as there is one. */
  async function first(list: Message[], fits: (message: Message) => boolean): Promise<Message> {
    for (let at = 0; ; ) {
      for (; at < list.length; at++) if (fits(list[at]!)) return list[at]!
      await new Promise<void>(resolve => watchers.push(resolve))
    }
  }
  const parentId = ({ parent }: Message) => (parent as Partial<Header>).msg_id

  const client: Client = {
    process: child,
    stderr: () => stderr,
    log,
    async send(type, content, { buffers = [], on = 'shell', metadata = {}, key = signing.key } = {}) {
      const sent = message(type, { ...content }, { buffers, metadata })
      await sockets[on].send(encode({ ...signing, key }, sent))
      return sent.header.msg_id
    },
    async ask(type, content, on = 'shell') {
      const id = await client.send(type, content, { on })
      return await first(replies, reply => parentId(reply) === id)
    },
    published: (type, where = () => true) => first(log, m => m.header.msg_type === type && where(m.content, m)),
    async run(code, { content = {}, started } = {}) {
      const id = await client.send('execute_request', {
        code,
        silent: false,
        store_history: true,
        allow_stdin: true,
        stop_on_error: true,
        ...content,
      })
      started?.(id)
      const reply = await first(replies, m => parentId(m) === id)
      await client.published('status', ({ execution_state }, m) => execution_state === 'idle' && parentId(m) === id)
      const messages = client.log
        .filter(m => parentId(m) === id && m.header.msg_type !== 'status')
        .map(({ header, content, buffers, metadata }) => ({ type: header.msg_type, content, buffers, metadata }))
      return { id, reply: reply.content, messages }
    },
    async answer(value) {
      const question = await first(questions, m => !answered.has(m))
      answered.add(question)
      const reply = message('input_reply', { value, status: 'ok' }, { parent: question.header })
      await sockets.stdin.send(encode(signing, reply))
      return question
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      for (const socket of [...Object.values(sockets), iopub]) socket.close()
      rmSync(home, { recursive: true })
    },
  }
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the kernel ended with ${code} before it answered:\n${stderr}`)
  })
  died.catch(() => {})
  // Until the subscription has come through, what is published is not heard: ask until an answer is.
  const ready = async () => {
    for (;;) {
      const { parent } = await client.ask('kernel_info_request', {})
      const tick = new Promise<undefined>(resolve => setTimeout(resolve, 20))
      const heard = client.published('status', (_content, m) => parentId(m) === (parent as Header).msg_id)
      if (await Promise.race([heard, tick])) return
    }
  }
  await Promise.race([ready(), died])
  return client
}

/** Text that a cell printed. */
export const printed = ({ messages }: Ran, name = 'stdout'): string =>
  messages
    .filter(({ type, content }) => type === 'stream' && content.name === name)
    .map(({ content }) => content.text)
    .join('')
