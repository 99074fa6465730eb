import { expect, test } from 'vitest'
import { chatHash, itemHashes } from '../../src/lora/trained.js'

const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })

test('an answer beside a chat and the same as its last message are one', () => {
  expect(chatHash([user('q')], 'a')).toBe(chatHash([user('q'), assistant('a')]))
  expect(itemHashes({ messages: [user('q')], target: 'a' })).toEqual(
    itemHashes({ messages: [user('q'), assistant('a')] }),
  )
})

test('texts are told apart wherever they differ', () => {
  const chats = [[user('q')], [user('q ')], [{ role: 'system', content: 'q' }], [user('q'), user('')]]
  expect(new Set(chats.map(chat => chatHash(chat, 'a'))).size).toBe(4)
  expect(chatHash([user('q')], 'a')).not.toBe(chatHash([user('q')]))
  // Fields that a source may add to a turn are no part of it.
  expect(chatHash([{ ...user('q'), name: 'x' } as never], 'a')).toBe(chatHash([user('q')], 'a'))
})

test('where every turn of the assistant is learned, the chat up to each counts', () => {
  const chat = [user('1'), assistant('one'), user('2'), assistant('two')]
  const [first, second] = [chatHash(chat.slice(0, 2)), chatHash(chat)]
  expect(itemHashes({ messages: chat })).toEqual([first, second])
  expect(itemHashes({ messages: chat }, 'target')).toEqual([second])
  expect(itemHashes({ messages: chat.slice(0, 3), target: 'two' })).toEqual([second])
  expect(itemHashes({ messages: chat.slice(0, 3), target: 'two' }, 'assistant')).toEqual([first, second])
})

test('tokens have a hash of their own', () => {
  const [a, b] = [
    [1, 2],
    [1, 3],
  ].map(inputIds => itemHashes({ inputIds, labels: inputIds })[0])
  expect(a).toMatch(/^[0-9a-f]{64}$/)
  expect(a).not.toBe(b)
})
