import { InputError } from '../errors.js'
import type { Truncated } from '../lora/handle.js'
import type { Message } from '../protocol/index.js'
import { requireMessages } from './chat.js'
import type { ItemOptions, TemplateOptions } from './options.js'

/**
 * What to learn: a target after a prompt; a chat that ends with the assistant's answer; or tokens with labels as in
 * PyTorch (not shifted, −100 ignored).
 */
export type TrainingItem =
  | { messages: readonly Message[]; target?: string }
  | { inputIds: readonly number[]; labels: readonly number[] }

/** What a batch needs of a tokenizer and a model. */
export interface Encoder {
  /** Token ids of the prompt, up to where the answer starts. */
  prompt(messages: readonly Message[], template?: TemplateOptions): number[]
  /** Token ids of an answer, with the token that ends a turn. */
  answer(text: string): number[]
  /** Token ids of a whole chat in pieces; those of the assistant's turns are learned. */
  turns(messages: readonly Message[], template?: TemplateOptions): { ids: number[]; learned: boolean }[]
  vocabularySize: number
  /** T at most [tokens]. */
  contextLength: number
}

/** An item as tokens; `labels` as long as `inputIds`. */
export interface Row {
  inputIds: readonly number[]
  labels: readonly number[]
  truncated?: Truncated
}

/** One right-padded batch, flattened as the training graph wants it. */
export interface Batch {
  /** [B, T] */
  dims: [number, number]
  inputIds: number[]
  /** [S] index into the B·T tokens of the token before each supervised one. */
  positions: number[]
  /** [S] */
  targets: number[]
  /** Supervised tokens of each item; they lie one item after the other in the S. */
  counts: number[]
}

/** Labels that are not learned, as in PyTorch. */
export const IGNORED = -100

/**
 * Items as tokens and labels.
 *
 * @throws InputError for an item that cannot be learned: nothing supervised, too long, ids outside the vocabulary, a
 *   chat whose template rewrites earlier turns
 */
export function encodeItems(items: readonly TrainingItem[], encoder: Encoder, options: ItemOptions = {}): Row[] {
  if (items.length === 0) throw new InputError('training batch: it has no items')
  return items.map((item, i) => encode(item, i, encoder, options))
}

export function makeBatch(rows: readonly Row[]): Batch {
  const T = Math.max(...rows.map(r => r.inputIds.length))
  const supervised = rows.map(({ labels }, b) =>
    supervisedIn(labels).map(t => ({ position: b * T + t - 1, label: labels[t]! })),
  )
  return {
    dims: [rows.length, T],
    inputIds: rows.flatMap(r => [...r.inputIds, ...Array<number>(T - r.inputIds.length).fill(0)]),
    positions: supervised.flat().map(s => s.position),
    targets: supervised.flat().map(s => s.label),
    counts: supervised.map(s => s.length),
  }
}

/** Positions of the tokens that are learned: nothing comes before the first, so nothing can predict it. */
const supervisedIn = (labels: readonly number[]): number[] =>
  labels.flatMap((label, t) => (t > 0 && label !== IGNORED ? [t] : []))

const isToken = (id: number, { vocabularySize }: Encoder): boolean =>
  Number.isInteger(id) && id >= 0 && id < vocabularySize

/** @throws InputError for a sequence that is empty, longer than the context, or holds an id outside the vocabulary */
export function requireTokens(ids: readonly number[], what: string, encoder: Encoder): void {
  if (ids.length === 0) throw new InputError(`${what}: no tokens`)
  if (ids.length > encoder.contextLength)
    throw new InputError(`${what}: ${ids.length} tokens, the model's context has ${encoder.contextLength}`)
  const bad = ids.find(id => !isToken(id, encoder))
  if (bad !== undefined)
    throw new InputError(`${what}: token id ${bad} is not in the vocabulary of ${encoder.vocabularySize}`)
}

function encode(item: TrainingItem, i: number, encoder: Encoder, options: ItemOptions): Row {
  const what = `training item ${i}`
  if (typeof item !== 'object' || item === null) throw new InputError(`${what}: it is ${String(item)}`)
  const whole = 'messages' in item ? encodeChat(item, what, encoder, options) : item
  if (whole.inputIds.length !== whole.labels.length)
    throw new InputError(`${what}: ${whole.inputIds.length} input ids, but ${whole.labels.length} labels`)
  const row = truncate(whole, i, encoder, options)
  const { inputIds, labels } = row
  requireTokens(inputIds, what, encoder)
  const bad = labels.find(l => l !== IGNORED && !isToken(l, encoder))
  if (bad !== undefined)
    throw new InputError(`${what}: label ${bad} is not in the vocabulary of ${encoder.vocabularySize}, nor ${IGNORED}`)
  if (supervisedIn(labels).length === 0)
    throw new InputError(
      row.truncated
        ? `${what}: no token of it is supervised after ${row.truncated.tokens} of ${row.truncated.length} were cut on the ${row.truncated.side}`
        : `${what}: no token of it is supervised (all labels but the first are ${IGNORED})`,
    )
  return row
}

function encodeChat(
  { messages, target }: { messages: readonly Message[]; target?: string },
  what: string,
  encoder: Encoder,
  { trainOn = target === undefined ? 'assistant' : 'target', template }: ItemOptions,
): Row {
  const last = requireMessages(messages).at(-1)!
  if (target === undefined && last.role !== 'assistant')
    throw new InputError(
      `${what}: it has no target, so its last message must be the assistant's answer; it is of role ${JSON.stringify(last.role)}`,
    )
  if (target !== undefined && (typeof target !== 'string' || target === ''))
    throw new InputError(`${what}: target must be a non-empty text, found ${JSON.stringify(target)}`)
  if (trainOn === 'target')
    return target === undefined
      ? supervise(encoder.prompt(messages.slice(0, -1), template), encoder.answer(last.content))
      : supervise(encoder.prompt(messages, template), encoder.answer(target))
  const chat = target === undefined ? messages : [...messages, { role: 'assistant', content: target }]
  const turns = encoder.turns(chat, template)
  return {
    inputIds: turns.flatMap(t => t.ids),
    labels: turns.flatMap(t => (t.learned ? t.ids : t.ids.map(() => IGNORED))),
  }
}

const supervise = (prompt: readonly number[], answer: readonly number[]): Row => ({
  inputIds: [...prompt, ...answer],
  labels: [...prompt.map(() => IGNORED), ...answer],
})

/** @throws InputError for an item that is too long, unless the options say at which end to cut it */
function truncate(row: Row, item: number, { contextLength }: Encoder, { maxLength, truncation }: ItemOptions): Row {
  const length = row.inputIds.length
  if (maxLength !== undefined && maxLength > contextLength)
    throw new InputError(`maxLength must be at most ${contextLength}, the model's context; found ${maxLength}`)
  const most = maxLength ?? contextLength
  if (length <= most) return row
  if (truncation !== 'left' && truncation !== 'right')
    throw new InputError(
      `training item ${item}: ${length} tokens, ${maxLength ? `maxLength is ${most}` : `the model's context has ${most}`}; shorten it, or say by truncation 'left' or 'right' at which end it may be cut`,
    )
  const cut = (ids: readonly number[]) => (truncation === 'left' ? ids.slice(length - most) : ids.slice(0, most))
  const labels = cut(row.labels)
  const supervised = supervisedIn(row.labels).length - supervisedIn(labels).length
  return {
    inputIds: cut(row.inputIds),
    labels,
    truncated: { item, side: truncation, length, tokens: length - most, supervised },
  }
}
