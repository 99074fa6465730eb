import type { ControlAnswers, ControlReply, EventMessage, Json } from 'lora-harness/protocol'
import type { AskType } from '../model/source.js'

/** Untrusted: what came on the events comm. @returns in words what is wrong with it, and of which run it seems to be */
export function readEvent(data: unknown): { message: EventMessage } | { trouble: string; id: string | undefined } {
  return { message: data as EventMessage }
}

/** Untrusted: what came on the control comm. @returns undefined if it is no reply */
export function readReply(data: unknown): ControlReply | undefined {
  return data as ControlReply
}

/** Untrusted: the answer to a request. @throws Error saying what is wrong with it */
export function readAnswer<T extends AskType>(_type: T, result: Json): ControlAnswers[T] {
  return result as unknown as ControlAnswers[T]
}
