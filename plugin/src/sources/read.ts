import '../model/no-eval.js'
import {
  type ControlAnswers,
  type ControlReply,
  type EventMessage,
  type Json,
  ReceivedAnswers,
  ReceivedEvent,
  ReceivedReply,
} from 'lora-harness/protocol'
import type { z } from 'zod'
import type { AskType } from '../model/source.js'

/** Reads what is not trusted. @returns in words what is wrong, if anything is */
function read<T>(schema: z.ZodType<T>, data: unknown): { value: T } | { wrong: string } {
  try {
    const { success, data: value, error } = schema.safeParse(data)
    if (success) return { value }
    const { path = [], message = '' } = error.issues[0] ?? {}
    return { wrong: `${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`.slice(0, 300) }
  } catch {
    return { wrong: 'it cannot be looked through' } // Such as one whose getters throw.
  }
}

/** Untrusted: what came on the events comm. @returns in words what is wrong with it, and of which run it seems to be */
export function readEvent(data: unknown): { message: EventMessage } | { trouble: string; id: string | undefined } {
  const found = read<EventMessage>(ReceivedEvent, data)
  if ('value' in found) return { message: found.value }
  const { id } = (data ?? {}) as { id?: unknown }
  return { trouble: found.wrong, id: typeof id === 'string' ? id : undefined }
}

/** Untrusted: what came on the control comm. @returns undefined if it is no reply */
export function readReply(data: unknown): ControlReply | undefined {
  const found = read<ControlReply>(ReceivedReply, data)
  return 'value' in found ? found.value : undefined
}

/** Untrusted: the answer to a request. @throws Error saying what is wrong with it */
export function readAnswer<T extends AskType>(type: T, result: Json): ControlAnswers[T] {
  const found = read(ReceivedAnswers[type], result)
  if ('value' in found) return found.value
  throw new Error(`The answer of the kernel made no sense (${found.wrong})`)
}
