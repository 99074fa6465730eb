/** What our kernel and tslab's have in common: which cell is speaking, and the transport over Jupyter's messages. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { type Comms, makeComms } from './comms.js'
import { type Cell, describing, InputUnavailable, type Transport } from './transport.js'
import type { Header } from './wire/message.js'
import type { Publisher } from './wire/publisher.js'
import type { Questions } from './wire/questions.js'

/** A cell that is being run, or was: what it says is an answer to `parent`. */
export interface Run {
  readonly parent: Header
  readonly identities: Buffer[]
  /** Is there somebody to ask? */
  readonly asks: boolean
  /** Nothing of it is shown. */
  readonly silent: boolean
  readonly cell: Cell | undefined
}

export interface Jupyter {
  readonly transport: Transport
  readonly comms: Comms
  /** Runs a cell's code. What it starts remembers the cell, whenever it speaks. */
  execute<T>(run: Run, body: () => Promise<T>): Promise<T>
  /** The cell being run; undefined between cells. */
  executing(): Run | undefined
  /** Says that a cell's code has run. */
  ran(): void
  /** Says that a cell has ended that `execute` did not run. */
  ended(messageId: string): void
  /** What is printed goes to the cell that prints. */
  print(name: 'stdout' | 'stderr', text: string): void
  /** Publishes for the cell that speaks. */
  say(type: string, content: Record<string, unknown>, more?: Parameters<Publisher['publish']>[3]): Promise<void>
  /** @returns true if a handler saw to it; if not, the cell is to be ended */
  interrupt(): boolean
}

/**
 * @param questions undefined as long as nobody can be asked
 * @param first the cell in which this was made, where that is not one that `execute` runs
 */
export function makeJupyter(options: {
  kernel: 'lora-harness' | 'tslab'
  publisher: Publisher
  questions: () => Questions | undefined
  first?: Run
}): Jupyter {
  const { kernel, publisher, questions, first } = options
  const context = new AsyncLocalStorage<Run | undefined>()
  const cells: Cell[] = []
  const interrupts = new Set<{ run: Run | undefined; handler: () => unknown }>()
  let last = first
  let executing = first
  let interrupted = false

  const speaking = () => context.getStore() ?? last
  const say: Jupyter['say'] = async (type, content, more) => {
    const run = speaking()
    if (!run?.silent) await publisher.publish(type, content, run?.parent, more)
  }
  const print: Jupyter['print'] = (name, text) => {
    const run = speaking()
    if (!run?.silent) publisher.print(name, text, run?.parent)
  }
  /** Calls a handler that speaks for the cell that gave it, and tells its errors there. */
  async function bound<A extends unknown[]>(run: Run | undefined, handler: (...args: A) => unknown, args: A) {
    try {
      await context.run(run, () => handler(...args))
    } catch (error) {
      context.run(run, () => print('stderr', `${inspect(error)}\n`))
    }
  }
  const comms = makeComms(
    (type, content, buffers) => say(type, content, buffers && { buffers }),
    handler => {
      const run = speaking()
      return (...args) => void bound(run, handler, args)
    },
  )

  const transport: Transport = {
    kernel,
    async display(data, { metadata, displayId, update = false } = {}) {
      if (update && displayId === undefined)
        throw new TypeError('display: update needs the displayId of what to replace')
      const transient = displayId === undefined ? {} : { display_id: displayId }
      const content = { data, metadata: describing(data, metadata), transient }
      await say(update ? 'update_display_data' : 'display_data', content)
    },
    clearOutput: (wait = false) => say('clear_output', { wait }),
    openComm: (target, data = {}, buffers = []) => comms.open(target, data, buffers),
    registerCommTarget: (target, handler) => comms.register(target, handler),
    async input(prompt = '', { password = false } = {}) {
      const [run, asked] = [speaking(), questions()]
      if (!run?.asks || !asked)
        throw new InputUnavailable(`input(${JSON.stringify(prompt)}): whoever runs this cell takes no questions`)
      return await asked.ask(run, prompt, password)
    },
    onInterrupt(handler) {
      const entry = { run: speaking(), handler }
      interrupts.add(entry)
      return () => interrupts.delete(entry)
    },
    currentCell: () => speaking()?.cell,
    cells: () => [...cells],
  }

  return {
    transport,
    comms,
    say,
    print,
    async execute(run, body) {
      last = run
      executing = run
      interrupted = false
      if (run.cell) cells.push(run.cell)
      try {
        return await context.run(run, body)
      } finally {
        if (executing === run) executing = undefined
      }
    },
    executing: () => executing,
    ran: () => publisher.revive(),
    ended(messageId) {
      if (executing?.parent.msg_id === messageId) executing = undefined
    },
    interrupt() {
      questions()?.cancel()
      // A job of an earlier cell goes on when another cell is interrupted; between cells it is the one that is meant.
      const meant = [...interrupts].filter(({ run }) => !executing || run === executing)
      if ((executing && interrupted) || meant.length === 0) return false
      interrupted = true
      for (const { run, handler } of meant) void bound(run, handler, [])
      return true
    },
  }
}
