/** Representations of one thing: MIME type → text, base64 of bytes, or JSON. `text/plain` is for places that show no other. */
export type MimeBundle = Record<string, unknown>

/** A value with this method is shown by it when it is the last of a cell: here, in tslab and in Deno's kernel. */
export const DISPLAY: unique symbol = Symbol.for('Jupyter.display')
/** A value that knows its representations. */
export interface Displayable {
  [DISPLAY](): MimeBundle | Promise<MimeBundle>
}

/** How a value shows itself; undefined if it does not know. */
export function bundleBy(value: unknown): (() => MimeBundle | Promise<MimeBundle>) | undefined {
  const shows = (value as Partial<Displayable> | null | undefined)?.[DISPLAY]
  return typeof shows === 'function' ? () => shows.call(value) : undefined
}

/**
 * A bundle's metadata with words for who cannot see its pictures, where pages look for them: the text form is what to read
 * out. (nbconvert makes it the `alt` of the picture.)
 */
export function describing(bundle: MimeBundle, metadata: Record<string, unknown> = {}): Record<string, unknown> {
  const text = bundle['text/plain']
  if (typeof text !== 'string') return metadata
  const alt = text.replace(/\s+/g, ' ').trim().slice(0, 500)
  const pictures = Object.keys(bundle).filter(type => type.startsWith('image/'))
  return { ...metadata, ...Object.fromEntries(pictures.map(type => [type, { alt, ...(metadata[type] as object) }])) }
}

export interface DisplayOptions {
  /** For the one who draws: MIME type → settings. */
  metadata?: Record<string, unknown>
  /** Name by which what is shown can be replaced later. */
  displayId?: string
  /** Replaces what was shown by this `displayId`, wherever it is, instead of showing it once more. */
  update?: boolean
}

/** A line to the page, for messages both ways. */
export interface Comm {
  readonly id: string
  readonly target: string
  /** Ends when the message has left. On a closed comm nothing is sent. */
  send(data: unknown, buffers?: readonly Uint8Array[]): Promise<void>
  /** Called for each message from the page; what it displays belongs to the cell that called `onMessage`. */
  onMessage(handler: (data: unknown, buffers: Uint8Array[]) => unknown): void
  /** Called once, when the page closes the comm. */
  onClose(handler: (data: unknown) => unknown): void
  close(data?: unknown): Promise<void>
}

/** A cell that was run. */
export interface Cell {
  /** The number in its brackets. */
  readonly number: number
  readonly code: string
  /** The page's name for it, where it has one. */
  readonly id?: string
}

/**
 * How code in a cell reaches the page. The same in our kernel, in an unmodified tslab and, printing text, in plain Node.
 *
 * What is displayed or printed belongs to the cell whose code, at however many removes, called for it, even after that
 * cell has ended.
 */
export interface Transport {
  /** `none`: there is no page. */
  readonly kernel: 'lora-harness' | 'tslab' | 'none'
  /**
   * Shows a thing. Nothing is lost however much is shown; awaiting it keeps the pace of the page.
   *
   * @throws TypeError `update` without `displayId`
   */
  display(bundle: MimeBundle, options?: DisplayOptions): Promise<void>
  /** Empties the cell's output, with `wait` as soon as there is something new. */
  clearOutput(wait?: boolean): Promise<void>
  openComm(target: string, data?: unknown, buffers?: readonly Uint8Array[]): Comm
  /** Takes the comms that the page opens by this name, one handler a name. @returns how to stop that */
  registerCommTarget(target: string, handler: (comm: Comm, data: unknown, buffers: Uint8Array[]) => unknown): () => void
  /** Asks the reader for a line. @throws InputUnavailable there is nobody to answer */
  input(prompt?: string, options?: { password?: boolean }): Promise<string>
  /**
   * Called on the first interrupt of a cell, which then is left to end by itself; on a second one it is ended, and so it
   * is at once where no handler is set. @returns how to take the handler off
   */
  onInterrupt(handler: () => unknown): () => void
  /** The line of a cell that threw an error, as `Cell 5, line 12`, where the kernel can tell. */
  where?(thrown: unknown): string | undefined
  /** The cell whose code is asking. */
  currentCell(): Cell | undefined
  /** The cells run so far, each run of one counted, the one that asks last. */
  cells(): readonly Cell[]
}

/** A line was asked for where nobody can answer. */
export class InputUnavailable extends Error {
  override readonly name = 'InputUnavailable'
}
