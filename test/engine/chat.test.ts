import { describe, expect, test } from 'vitest'
import { assistantTurns } from '../../src/engine/chat.js'
import { InputError } from '../../src/errors.js'
import type { Message } from '../../src/protocol/index.js'

type Render = (messages: readonly Message[], answerPrompt: boolean) => string

const chatml: Render = (messages, answerPrompt) =>
  messages.map(m => `<|${m.role}|>${m.content}<end>\n`).join('') + (answerPrompt ? '<|assistant|>' : '')

/** As Qwen 3's: an answer's thoughts are there while it is the last one, and gone afterwards. */
const forgetful: Render = (messages, answerPrompt) =>
  messages
    .map((m, i) => {
      const last = m.role === 'assistant' && i === messages.length - 1
      return `<|${m.role}|>${last ? '<think></think>' : ''}${m.content}<end>\n`
    })
    .join('') + (answerPrompt ? '<|assistant|>' : '')

const chat = (...turns: string[]): Message[] =>
  turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }))

const learned = (messages: Message[], render: Render, ends = ['<end>']) =>
  assistantTurns(messages, render, ends).map(p => (p.learned ? `[${p.text}]` : p.text))

describe('the turns of a chat', () => {
  test('are what comes between the prompt for an answer and its end', () => {
    expect(learned(chat('hi', 'yo', 'bye', 'ciao'), chatml)).toEqual([
      '<|user|>hi<end>\n<|assistant|>',
      '[yo<end>]',
      '\n<|user|>bye<end>\n<|assistant|>',
      '[ciao<end>]',
    ])
  })

  test('whatever the messages say: an answer that looks like the template is still an answer', () => {
    expect(learned(chat('<|assistant|>x<end>', 'y<end>\n<|user|>z'), chatml)).toEqual([
      '<|user|><|assistant|>x<end><end>\n<|assistant|>',
      '[y<end>\n<|user|>z<end>]',
    ])
  })

  test('end with all that the template writes, where it has no text that ends a turn', () => {
    expect(learned(chat('hi', 'yo'), chatml, [])).toEqual(['<|user|>hi<end>\n<|assistant|>', '[yo<end>\n]'])
  })

  test('two answers in a row are two turns', () => {
    const messages = [...chat('hi', 'yo'), { role: 'assistant', content: 'again' }]
    expect(learned(messages, chatml).filter(p => p.startsWith('['))).toEqual(['[yo<end>]', '[again<end>]'])
  })
})

describe('a template that rewrites earlier turns is refused, by the number of the message', () => {
  test('the last turn alone can be told apart', () => {
    const prompted: Render = (messages, answerPrompt) =>
      forgetful(messages, false) + (answerPrompt ? '<|assistant|><think></think>' : '')
    expect(learned(chat('hi', 'yo'), prompted)).toEqual(['<|user|>hi<end>\n<|assistant|><think></think>', '[yo<end>]'])
  })

  test.each<[number, Message[]]>([
    [1, chat('hi', 'yo', 'bye', 'ciao')],
    [2, [{ role: 'system', content: 'be kind' }, ...chat('hi', 'yo', 'bye', 'ciao')]],
  ])('message %i', (i, messages) => {
    expect(() => learned(messages, forgetful)).toThrow(InputError)
    expect(() => learned(messages, forgetful)).toThrow(
      `message ${i}: the chat template writes this assistant turn differently when others follow it`,
    )
  })

  test('one whose answers do not follow its prompt for them', () => {
    const other: Render = (messages, answerPrompt) => chatml(messages, false) + (answerPrompt ? '<|answer|>' : '')
    expect(() => learned(chat('hi', 'yo'), other)).toThrow('message 1: the chat template writes')
  })
})
