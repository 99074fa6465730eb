import type { Kernel, KernelMessage } from '@jupyterlab/services'
import { UUID } from '@lumino/coreutils'

/** What is used of a comm. */
export type Line = Pick<
  Kernel.IComm,
  'commId' | 'isDisposed' | 'onMsg' | 'onClose' | 'open' | 'send' | 'close' | 'dispose'
>

/**
 * A comm of a page with a kernel. JupyterLab lets one connection of a page to each kernel have comms: on those of further
 * notebooks with the same kernel it is made of the messages that a comm consists of.
 */
export const commOn = (kernel: Kernel.IKernelConnection, target: string, id: string = UUID.uuid4()): Line =>
  kernel.handleComms ? kernel.createComm(target, id) : new RawComm(kernel, target, id)

/** Calls `opened` when the kernel opens a comm of that name. @returns what ends it */
export function onComm(kernel: Kernel.IKernelConnection, target: string, opened: () => void): () => void {
  if (kernel.handleComms) {
    kernel.registerCommTarget(target, opened)
    return () => kernel.removeCommTarget(target, opened)
  }
  const listen = (_: unknown, { header, content }: KernelMessage.IIOPubMessage) => {
    if (header.msg_type === 'comm_open' && (content as { target_name?: unknown }).target_name === target) opened()
  }
  kernel.iopubMessage.connect(listen)
  return () => kernel.iopubMessage.disconnect(listen)
}

class RawComm implements Line {
  readonly commId: string
  isDisposed = false
  onMsg: Line['onMsg'] = () => {}
  onClose: Line['onClose'] = () => {}
  readonly #kernel: Kernel.IKernelConnection
  readonly #target: string

  constructor(kernel: Kernel.IKernelConnection, target: string, id: string) {
    this.#kernel = kernel
    this.#target = target
    this.commId = id
    kernel.iopubMessage.connect(this.#heard, this)
  }

  open: Line['open'] = data => this.#say('comm_open', { target_name: this.#target, data: data ?? {} })
  send: Line['send'] = (data, _, buffers) => this.#say('comm_msg', { data }, buffers)
  close: Line['close'] = () => {
    const sent = this.#say('comm_close', { data: {} })
    this.dispose()
    return sent
  }

  dispose(): void {
    if (this.isDisposed) return
    this.isDisposed = true
    this.#kernel.iopubMessage.disconnect(this.#heard, this)
  }

  #say(type: string, content: object, buffers: Parameters<Line['send']>[2] = []): Kernel.IShellFuture {
    const { clientId: session, username } = this.#kernel
    const date = new Date().toISOString()
    const header = { msg_id: UUID.uuid4(), msg_type: type, session, username, date, version: '5.2' }
    const whole = { comm_id: this.commId, ...content }
    const message = { header, parent_header: {}, metadata: {}, content: whole, channel: 'shell', buffers }
    return this.#kernel.sendShellMessage(message as unknown as KernelMessage.IShellMessage, false, true)
  }

  #heard(_: unknown, message: KernelMessage.IIOPubMessage): void {
    const { header, content } = message
    if ((content as { comm_id?: unknown }).comm_id !== this.commId) return
    if (header.msg_type === 'comm_msg') void this.onMsg(message as KernelMessage.ICommMsgMsg)
    else if (header.msg_type === 'comm_close') {
      void this.onClose(message as KernelMessage.ICommCloseMsg)
      this.dispose()
    }
  }
}
