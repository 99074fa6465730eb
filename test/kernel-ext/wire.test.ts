import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../../kernel-ext/src/kernel/glob.js'
import { decode, encode, type Message, message } from '../../kernel-ext/src/wire/message.js'
import { publisher } from '../../kernel-ext/src/wire/publisher.js'

const signing = { key: 'secret', signature_scheme: 'hmac-sha256' }
const frames = (of: Message) => encode(signing, of)

describe('messages', () => {
  test('come out as they went in, whatever they say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.array(fc.uint8Array()), (json, text, buffers) => {
        const sent = message('comm_msg', { json, text }, { buffers, identities: [Buffer.from('page')] })
        const read = decode(signing, frames(sent))
        // -0 has no place in JSON.
        expect(read).toEqual({ ...sent, content: JSON.parse(JSON.stringify(sent.content)) })
      }),
    )
  })

  test('half a surrogate pair becomes U+FFFD; a backslash before ud800 stays', () => {
    const sent = message('stream', { text: 'a\ud800b\\ud800\udc00' })
    expect(decode(signing, frames(sent)).content).toEqual({ text: 'a\ufffdb\\ud800\ufffd' })
  })

  test('that are cut short, changed or signed with another key are refused', () => {
    const sent = frames(message('stream', { text: 'a' }))
    expect(() => decode(signing, sent.slice(1))).toThrow('no delimiter')
    expect(() => decode(signing, sent.slice(0, -1))).toThrow('six parts')
    expect(() => decode({ ...signing, key: 'other' }, sent)).toThrow('signature')
    for (const at of [2, 3, 4, 5])
      expect(() => decode(signing, sent.with(at, Buffer.concat([sent[at]!, Buffer.from(' ')])))).toThrow('signature')
    expect(decode({ key: '' }, encode({ key: '' }, message('stream', { text: 'a' }))).content).toEqual({ text: 'a' })
  })
})

describe('the publisher', () => {
  /** A socket that is full after every `room` messages, until it is asked once more. */
  function narrow(room: number) {
    const arrived: Message[] = []
    let left = room
    return {
      arrived,
      async send(sent: (Buffer | string)[]) {
        if (left-- === 0) {
          left = room
          throw Object.assign(new Error('full'), { code: 'EAGAIN' })
        }
        arrived.push(decode(signing, sent as Buffer[]))
      },
    }
  }

  test('sends everything in order through a socket that is often full, and says when it is through', async () => {
    const socket = narrow(3)
    const pages = publisher(socket, signing)
    for (let i = 0; i < 20; i++) void pages.publish('display_data', { i }, undefined)
    await pages.publish('display_data', { i: 20 }, undefined)
    expect(socket.arrived.map(({ content }) => content.i)).toEqual(Array.from({ length: 21 }, (_, i) => i))
  })

  test('sends what was meant when it was said, and refuses what is no JSON', async () => {
    const socket = narrow(9)
    const pages = publisher(socket, signing)
    const content = { n: 1 }
    const sent = [pages.publish('a', content, undefined), pages.publish('b', content, undefined)]
    content.n = 2
    await expect(pages.publish('c', { n: 1n }, undefined)).rejects.toThrow(TypeError)
    await Promise.all(sent)
    expect(socket.arrived.map(({ content }) => content.n)).toEqual([1, 1])
  })

  test('puts printed text together, but not across streams, cells and what comes between', async () => {
    const socket = narrow(99)
    const pages = publisher(socket, signing)
    const [one, two] = [message('execute_request', {}).header, message('execute_request', {}).header]
    void pages.publish('first', {}, one)
    for (const text of ['a', 'b', 'c']) pages.print('stdout', text, one)
    pages.print('stderr', 'd', one)
    pages.print('stdout', 'e', one)
    pages.print('stdout', 'f', two)
    void pages.publish('between', {}, two)
    pages.print('stdout', 'g', two)
    await pages.drained()
    expect(socket.arrived.map(({ header, content }) => content.text ?? header.msg_type)).toEqual([
      'first',
      'abc',
      'd',
      'e',
      'f',
      'between',
      'g',
    ])
  })

  test('goes on after it was broken off in the middle of sending, as an interrupt does', async () => {
    const socket = narrow(99)
    let broken = true
    const pages = publisher(
      {
        send(sent) {
          if (!broken) return socket.send(sent)
          broken = false
          throw new Error('broken off')
        },
      },
      signing,
    )
    pages.publish('lost', {}, undefined).catch(() => {})
    process.once('unhandledRejection', () => {})
    const next = pages.publish('next', {}, undefined)
    pages.revive()
    await next
    expect(socket.arrived.map(({ header }) => header.msg_type)).toEqual(['next'])
  })
})

test.each([
  ['1 + 2', '1*+*2', true],
  ['1 + 2', '*', true],
  ['1 + 2', '1?+', false],
  ['', '', true],
  ['', '?', false],
  ['a\nb', 'a?b', true],
  ['aab', '*ab', true],
  ['a'.repeat(10_000), '*a*a*a*a*b', false],
])('%j like %j: %s', (text, pattern, expected) => {
  expect(matchesGlob(text, pattern)).toBe(expected)
})
