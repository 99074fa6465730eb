import { InputError } from '../errors.js'
import type { Message } from '../protocol/index.js'

/** What to learn: a target after a prompt, or tokens with labels as in PyTorch (not shifted, −100 ignored). */
export type TrainingItem =
  | { messages: readonly Message[]; target: string }
  | { inputIds: readonly number[]; labels: readonly number[] }

/** What a batch needs of a tokenizer and a model. */
export interface Encoder {
  /** Token ids of the prompt, up to where the answer starts. */
  prompt(messages: readonly Message[]): number[]
  /** Token ids of an answer, with the token that ends a turn. */
  answer(text: string): number[]
  vocabularySize: number
  /** T at most [tokens]. */
  contextLength: number
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

/** @throws InputError for an item that cannot be learned: nothing supervised, too long, ids outside the vocabulary */
export function makeBatch(items: readonly TrainingItem[], encoder: Encoder): Batch {
  if (items.length === 0) throw new InputError('training batch: it has no items')
  const rows = items.map((item, i) => encode(item, `training item ${i}`, encoder))
  const T = Math.max(...rows.map(r => r.inputIds.length))
  const supervised = rows.map((r, b) =>
    r.labels.flatMap((label, t) => (t > 0 && label !== IGNORED ? [{ position: b * T + t - 1, label }] : [])),
  )
  const empty = supervised.findIndex(s => s.length === 0)
  if (empty >= 0)
    throw new InputError(
      `training item ${empty}: no token of it is supervised (all labels but the first are ${IGNORED})`,
    )
  return {
    dims: [rows.length, T],
    inputIds: rows.flatMap(r => [...r.inputIds, ...Array<number>(T - r.inputIds.length).fill(0)]),
    positions: supervised.flat().map(s => s.position),
    targets: supervised.flat().map(s => s.label),
    counts: supervised.map(s => s.length),
  }
}

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

function encode(
  item: TrainingItem,
  what: string,
  encoder: Encoder,
): { inputIds: readonly number[]; labels: readonly number[] } {
  if ('messages' in item && (typeof item.target !== 'string' || item.target === ''))
    throw new InputError(`${what}: target must be a non-empty text, found ${JSON.stringify(item.target) ?? 'nothing'}`)
  const row = 'messages' in item ? supervise(encoder.prompt(item.messages), encoder.answer(item.target)) : item
  const { inputIds, labels } = row
  if (inputIds.length !== labels.length)
    throw new InputError(`${what}: ${inputIds.length} input ids, but ${labels.length} labels`)
  requireTokens(inputIds, what, encoder)
  const bad = labels.find(l => l !== IGNORED && !isToken(l, encoder))
  if (bad !== undefined)
    throw new InputError(`${what}: label ${bad} is not in the vocabulary of ${encoder.vocabularySize}, nor ${IGNORED}`)
  return row
}

const supervise = (prompt: readonly number[], answer: readonly number[]) => ({
  inputIds: [...prompt, ...answer],
  labels: [...prompt.map(() => IGNORED), ...answer],
})
