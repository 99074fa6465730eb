/** Jupyter's messages and the frames they travel in: https://jupyter-client.readthedocs.io/en/stable/messaging.html. */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'

export interface Header {
  msg_id: string
  msg_type: string
  session: string
  username: string
  date: string
  version: string
}

export interface Message {
  /** Where an answer goes: what the router put before the message. */
  identities: Buffer[]
  header: Header
  parent: Header | Record<string, never>
  metadata: Record<string, unknown>
  content: Record<string, unknown>
  buffers: Buffer[]
}

/** What the connection file says about signing. */
export interface Signing {
  key: string
  /** `hmac-sha256` */
  signature_scheme?: string
}

const DELIMITER = Buffer.from('<IDS|MSG>')
const VERSION = '5.3'
const SESSION = randomUUID()

const sign = ({ key, signature_scheme = 'hmac-sha256' }: Signing, parts: readonly (string | Buffer)[]): string => {
  if (key === '') return ''
  const hmac = createHmac(signature_scheme.replace(/^hmac-/, ''), key)
  for (const part of parts) hmac.update(part)
  return hmac.digest('hex')
}

/** JSON that every reader takes: half a surrogate pair becomes U+FFFD, because Python can neither send nor save one. */
const json = (value: unknown): string => {
  const text = JSON.stringify(value)
  if (!text.includes('\\ud')) return text
  return JSON.stringify(value, (_key, item) => (typeof item === 'string' ? Buffer.from(item).toString() : item))
}

/** A message of ours. @throws TypeError `content` is no JSON (a cycle, a bigint) */
export function message(
  type: string,
  content: Record<string, unknown>,
  more: {
    parent?: Header
    identities?: Buffer[]
    metadata?: Record<string, unknown>
    buffers?: readonly Uint8Array[]
  } = {},
): Message {
  const { parent = {}, identities = [], metadata = {}, buffers = [] } = more
  const header: Header = {
    msg_id: randomUUID(),
    msg_type: type,
    session: SESSION,
    username: 'kernel',
    date: new Date().toISOString(),
    version: VERSION,
  }
  return { identities, header, parent, metadata, content, buffers: buffers.map(bytes => Buffer.from(bytes)) }
}

export function encode(
  signing: Signing,
  { identities, header, parent, metadata, content, buffers }: Message,
): Buffer[] {
  const parts = [header, parent, metadata, content].map(part => Buffer.from(json(part)))
  return [...identities, DELIMITER, Buffer.from(sign(signing, parts)), ...parts, ...buffers]
}

/** @throws Error it is no message, or one that was not signed with our key */
export function decode(signing: Signing, frames: readonly Buffer[]): Message {
  const at = frames.findIndex(frame => frame.equals(DELIMITER))
  if (at < 0 || frames.length < at + 6) throw new Error('Reading a Jupyter message: it has no delimiter and six parts')
  const parts = frames.slice(at + 2, at + 6)
  const [found, expected] = [frames[at + 1]!, Buffer.from(sign(signing, parts))]
  if (found.length !== expected.length || !timingSafeEqual(found, expected))
    throw new Error('Reading a Jupyter message: its signature does not fit the key of the connection file')
  const [header, parent, metadata, content] = parts.map(part => JSON.parse(part.toString()))
  return { identities: frames.slice(0, at), header, parent, metadata, content, buffers: frames.slice(at + 6) }
}
