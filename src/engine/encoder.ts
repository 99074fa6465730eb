import { InputError, messageOf } from '../errors.js'
import type { Message } from '../protocol/index.js'
import type { Encoder } from './batch.js'
import type { Parts } from './load.js'

/** Texts to token ids, as a model's own template and tokenizer do it. */
export function encoderOf({ id, tokenizer, config }: Parts): Encoder {
  const { max_position_embeddings, vocab_size } = config as unknown as {
    max_position_embeddings?: number
    vocab_size: number
  }
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const template = (messages: readonly Message[]): string => {
    try {
      const options = { tokenize: false, add_generation_prompt: true } as const
      return tokenizer.apply_chat_template(messages as never, options) as string
    } catch (cause) {
      throw new InputError(`${id}: its chat template does not take these messages: ${messageOf(cause)}`, { cause })
    }
  }
  return {
    prompt: messages => encode(template(requireMessages(messages))),
    answer: text => encode(text + (tokenizer.eos_token ?? '')),
    vocabularySize: vocab_size,
    contextLength: max_position_embeddings ?? Number.POSITIVE_INFINITY,
  }
}

function requireMessages(messages: readonly Message[]): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new InputError('a prompt needs at least one message; found none')
  const bad = messages.findIndex(m => typeof m?.content !== 'string' || typeof m.role !== 'string')
  if (bad >= 0)
    throw new InputError(
      `message ${bad}: role and content must be texts, found ${JSON.stringify(messages[bad])?.slice(0, 100)}`,
    )
  return messages
}
