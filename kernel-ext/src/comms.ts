import { randomUUID } from 'node:crypto'
import type { Comm } from './transport.js'
import type { Message } from './wire/message.js'

type Send = (type: string, content: Record<string, unknown>, buffers?: readonly Uint8Array[]) => Promise<void>
type Handler = (data: unknown, buffers: Uint8Array[]) => unknown

export interface Comms {
  open(target: string, data: unknown, buffers: readonly Uint8Array[]): Comm
  register(target: string, handler: (comm: Comm, data: unknown, buffers: Uint8Array[]) => unknown): () => void
  /** Serves what the page says about a comm. @returns false if the message is about something else */
  serve(message: Message): boolean
  /** The open ones, by id, as `comm_info_reply` wants them. */
  info(target?: unknown): Record<string, { target_name: string }>
}

/**
 * The comms of a kernel, opened by either side.
 *
 * @param send to the page
 * @param bind gives a handler that is called with the context of now, and whose errors are told
 */
export function makeComms(
  send: Send,
  bind: <A extends unknown[]>(handler: (...args: A) => unknown) => (...args: A) => void,
): Comms {
  const comms = new Map<string, { target: string; message?: Handler; close?: (data: unknown) => unknown }>()
  const targets = new Map<string, (comm: Comm, data: unknown, buffers: Uint8Array[]) => void>()

  const commOf = (id: string, target: string): Comm => {
    const state: { target: string; message?: Handler; close?: (data: unknown) => unknown } = { target }
    comms.set(id, state)
    return {
      id,
      target,
      send: async (data, buffers) => {
        if (comms.get(id) === state) await send('comm_msg', { comm_id: id, data }, buffers)
      },
      onMessage: handler => {
        state.message = bind(handler)
      },
      onClose: handler => {
        state.close = bind(handler)
      },
      close: async (data = {}) => {
        if (comms.delete(id)) await send('comm_close', { comm_id: id, data })
      },
    }
  }

  return {
    open(target, data, buffers) {
      const comm = commOf(randomUUID(), target)
      void send('comm_open', { comm_id: comm.id, target_name: target, data }, buffers)
      return comm
    },
    register(target, handler) {
      const bound = bind(handler)
      targets.set(target, bound)
      return () => {
        if (targets.get(target) === bound) targets.delete(target)
      }
    },
    serve({ header, content: { comm_id, target_name, data = {} }, buffers }) {
      const [id, target] = [String(comm_id), String(target_name)]
      if (header.msg_type === 'comm_open') {
        const taken = targets.get(target)
        if (taken) taken(commOf(id, target), data, buffers)
        else void send('comm_close', { comm_id: id, data: {} })
      } else if (header.msg_type === 'comm_msg') comms.get(id)?.message?.(data, buffers)
      else if (header.msg_type === 'comm_close') {
        const closed = comms.get(id)
        comms.delete(id)
        closed?.close?.(data)
      } else return false
      return true
    },
    info: target =>
      Object.fromEntries(
        [...comms]
          .filter(([, comm]) => target === undefined || target === null || comm.target === target)
          .map(([id, comm]) => [id, { target_name: comm.target }]),
      ),
  }
}
