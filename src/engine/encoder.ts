import { InputError, messageOf } from '../errors.js'
import type { Message } from '../protocol/index.js'
import type { Encoder } from './batch.js'
import { assistantTurns, requireMessages } from './chat.js'
import type { Parts } from './load.js'
import type { TemplateOptions } from './options.js'

/** Names that are not variables of the template, but settings of its renderer. */
const RESERVED = [
  'messages',
  'add_generation_prompt',
  'chat_template',
  'tokenize',
  'padding',
  'truncation',
  'max_length',
  'return_tensor',
  'return_dict',
  'tokenizer_kwargs',
]

/** Texts to token ids, as a model's own template and tokenizer do it. */
export function encoderOf({ id, tokenizer, config, generationConfig }: Parts): Encoder {
  const { max_position_embeddings, vocab_size } = config as unknown as {
    max_position_embeddings?: number
    vocab_size: number
  }
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const render = (messages: readonly Message[], variables: object, add_generation_prompt: boolean): string => {
    try {
      return tokenizer.apply_chat_template(messages as never, {
        ...variables,
        tokenize: false,
        add_generation_prompt,
      }) as string
    } catch (cause) {
      throw new InputError(`${id}: its chat template does not take these messages: ${messageOf(cause)}`, { cause })
    }
  }
  /** Messages with the system prompt, and the template's variables. */
  const prepare = (given: readonly Message[], { system, ...variables }: TemplateOptions = {}) => {
    const messages = requireMessages(given)
    if (system !== undefined && typeof system !== 'string')
      throw new InputError(`template: system must be a text, found ${JSON.stringify(system)}`)
    if (system !== undefined && messages[0]!.role === 'system')
      throw new InputError(
        'template: system was given, but the messages begin with a system message; leave one of them out',
      )
    const used = Object.fromEntries(Object.entries(variables).filter(([, v]) => v !== undefined))
    requireVariables(Object.keys(used), id, tokenizer)
    return { messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages], used }
  }

  const ends = endTokens(generationConfig, config).map(t => tokenizer.decode([t], { skip_special_tokens: false }))
  if (tokenizer.eos_token) ends.push(tokenizer.eos_token)
  let end: string | undefined
  /** The text that the template ends an assistant's turn with, if it is one that ends generation. */
  const endOfTurn = (): string => {
    const [question, answer] = ['question-0', 'answer-0']
    const chat = [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ]
    const behind = render(chat, {}, false).split(answer)[1] ?? ''
    return ends.find(e => behind.trimStart().startsWith(e)) ?? tokenizer.eos_token ?? ''
  }
  return {
    prompt(messages, template) {
      const { messages: all, used } = prepare(messages, template)
      return encode(render(all, used, true))
    },
    answer(text) {
      end ??= endOfTurn()
      return encode(text + end)
    },
    turns(messages, template) {
      const { messages: all, used } = prepare(messages, template)
      const pieces = assistantTurns(all, (some, answerPrompt) => render(some, used, answerPrompt), ends)
      return pieces.map(({ text, learned }) => ({ ids: encode(text), learned }))
    },
    vocabularySize: vocab_size,
    contextLength: max_position_embeddings ?? Number.POSITIVE_INFINITY,
  }
}

/** Ids of the tokens that end generation. */
function endTokens(...configs: object[]): number[] {
  const ids = configs.flatMap(c => (c as { eos_token_id?: unknown }).eos_token_id ?? [])
  return [...new Set(ids)].filter(id => Number.isInteger(id)) as number[]
}

/** @throws InputError for a variable that the template does not read: leaving it out in silence would be a lie */
function requireVariables(names: readonly string[], id: string, tokenizer: Parts['tokenizer']): void {
  if (names.length === 0) return
  const template: unknown = tokenizer.chat_template
  const text = typeof template === 'string' ? template : Object.values(template ?? {}).join('\n')
  for (const name of names) {
    if (RESERVED.includes(name)) throw new InputError(`template: ${name} is no variable of a chat template`)
    if (!/^[A-Za-z_]\w*$/.test(name) || !new RegExp(`\\b${name}\\b`).test(text))
      throw new InputError(`template: ${id}'s chat template has no variable ${JSON.stringify(name)}`)
  }
}
