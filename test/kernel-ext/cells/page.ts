import { afterEach } from 'vitest'
import { type Cell, type Comm, type MimeBundle, PLACE, type Transport } from '../../../kernel-ext/src/index.js'

/** A comm as the page sees it. */
export interface Line {
  target: string
  /** What the kernel sent. */
  got: unknown[]
  /** Called with what the kernel sends. */
  hears?: (data: unknown, buffers: readonly Uint8Array[]) => void
  /** Sends to the kernel. */
  say(data: unknown, buffers?: Uint8Array[]): void
  close(): void
  /** Resolves with the first message, past or to come, that fits. */
  find<T>(fits: (data: never) => boolean): Promise<T>
}

export interface Page extends Transport {
  cells: () => Cell[]
  /** Cells that were run: add to it as if one had been. */
  ran: Cell[]
  shown: { bundle: MimeBundle; displayId: string | undefined; update: boolean }[]
  lines: Line[]
  /** Opens a comm from the page. */
  open(target: string, data?: unknown, hears?: Line['hears']): Line
  /** Interrupts. @returns how many handlers there were */
  interrupt(): number
  /** What the reader answers. */
  answers: string[]
  /** Holds messages to the page back until it is resolved: a slow one. */
  slow: Promise<void> | undefined
}

/** A page without Jupyter, in the place of the kernel's. */
export function fakePage(): Page {
  const targets = new Map<string, Parameters<Transport['registerCommTarget']>[1]>()
  const interrupts = new Set<() => unknown>()

  function lineOf(target: string): [Comm, Line] {
    let [message, closed]: [((data: unknown, buffers: Uint8Array[]) => unknown)?, ((data: unknown) => unknown)?] = []
    const waiting = new Set<() => void>()
    const line: Line = {
      target,
      got: [],
      say: (data, buffers = []) => message?.(structuredClone(data), buffers),
      close: () => closed?.({}),
      find: <T>(fits: (data: never) => boolean) =>
        new Promise<T>(resolve => {
          const look = () => {
            const found = line.got.find(data => fits(data as never))
            if (found === undefined) return
            waiting.delete(look)
            resolve(found as T)
          }
          waiting.add(look)
          look()
        }),
    }
    const comm: Comm = {
      id: `comm ${page.lines.length}`,
      target,
      send: async (data, buffers = []) => {
        await page.slow
        line.hears?.(data, buffers)
        line.got.push(JSON.parse(JSON.stringify(data)))
        for (const look of [...waiting]) look()
      },
      onMessage: handler => {
        message = handler
      },
      onClose: handler => {
        closed = handler
      },
      close: async () => {},
    }
    page.lines.push(line)
    return [comm, line]
  }

  const page: Page = {
    kernel: 'lora-harness',
    ...{ ran: [], shown: [], lines: [], answers: [], slow: undefined },
    display: async (bundle, { displayId, update = false } = {}) => void page.shown.push({ bundle, displayId, update }),
    clearOutput: async () => {},
    openComm: target => lineOf(target)[0],
    registerCommTarget(target, handler) {
      targets.set(target, handler)
      return () => targets.delete(target)
    },
    open(target, data = {}, hears) {
      const [comm, line] = lineOf(target)
      if (hears) line.hears = hears
      targets.get(target)!(comm, data, [])
      return line
    },
    input: async () => page.answers.shift() ?? '',
    onInterrupt(handler) {
      interrupts.add(handler)
      return () => interrupts.delete(handler)
    },
    interrupt() {
      const meant = [...interrupts]
      for (const handler of meant) handler()
      return meant.length
    },
    where: thrown => (thrown instanceof Error ? 'Cell 7, line 3' : undefined),
    currentCell: () => page.ran.at(-1),
    cells: () => [...page.ran],
  }
  ;(globalThis as { [PLACE]?: Transport })[PLACE] = page
  return page
}

/** A cell that was run, as far as its text is looked at. */
export const runCell = (page: Page, code: string): void => void page.ran.push({ number: page.ran.length + 1, code })

/** Lets examples through one by one. */
export function gate() {
  const waiting: (() => void)[] = []
  let open = 0
  return {
    /** Awaited by a callable. */
    pass: () =>
      new Promise<void>(resolve => {
        if (open > 0) {
          open--
          resolve()
        } else waiting.push(resolve)
      }),
    /** Lets so many through. */
    let(count = 1) {
      for (let i = 0; i < count; i++) {
        const first = waiting.shift()
        if (first) first()
        else open++
      }
    },
    /** Resolves when a callable waits here. */
    async reached() {
      while (waiting.length === 0) await new Promise(resolve => setImmediate(resolve))
    },
  }
}

/** Closes what tests opened. */
export function closing(): <T extends { close(): unknown }>(item: T) => T {
  const open: { close(): unknown }[] = []
  afterEach(async () => {
    for (const item of open.splice(0)) await item.close()
  })
  return item => {
    open.push(item)
    return item
  }
}
