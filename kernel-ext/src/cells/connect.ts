import { CONTROL_COMM, EVENTS_COMM } from 'lora-harness/protocol'
import { transport } from '../place.js'
import type { Comm } from '../transport.js'
import { control, follow } from './server.js'

/** The name that a front gave itself, the same on its two comms and after a reload. */
const clientOf = (data: unknown): string | undefined => {
  const { client } = (data ?? {}) as { client?: unknown }
  return typeof client === 'string' ? client.slice(0, 100) : undefined
}

function tell(comm: Comm, client?: string): void {
  const end = follow(message => comm.send(message), client)
  comm.onClose(end)
}

let connected = false

/**
 * Serves the runs on the comms of the page, once: a front opens both. One more is opened here, so that fronts learn that
 * there is a run; nothing is sent on it, because a page that does not know it closes it for all.
 */
export function connect(): void {
  const page = transport()
  if (connected || page.kernel === 'none') return
  connected = true
  page.registerCommTarget(EVENTS_COMM, (comm, data) => tell(comm, clientOf(data)))
  page.registerCommTarget(CONTROL_COMM, (comm, opened) => {
    const client = clientOf(opened) ?? comm.id
    comm.onMessage(async asked => comm.send(await control(client, asked)))
  })
  page.openComm(EVENTS_COMM, { v: 1 })
}
