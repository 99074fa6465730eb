import { InputError } from '../errors.js'
import type { Message } from '../protocol/index.js'

/** A stretch of a chat as the template writes it; `learned` if it is the assistant's. */
export interface Piece {
  text: string
  learned: boolean
}

/**
 * A chat in pieces, by turn: what the assistant wrote, the text that ends its turn included, and what stands between.
 *
 * A template says nowhere which part of its output is whose. So the chat up to each assistant turn is rendered, as it
 * was when the answer was asked for, and the chat with that turn: what came in between is the turn. That holds only if
 * the template does not write earlier turns anew when later ones come.
 *
 * @param render the template: the messages as text, with the prompt for an answer behind them or without
 * @param ends texts that can end a turn; what the template writes behind the last of them is not the assistant's
 * @throws InputError naming the turn that the template rewrites
 */
export function assistantTurns(
  messages: readonly Message[],
  render: (messages: readonly Message[], answerPrompt: boolean) => string,
  ends: readonly string[],
): Piece[] {
  const whole = render(messages, false)
  const pieces: Piece[] = []
  let at = 0
  for (const [i, { role }] of messages.entries()) {
    if (role !== 'assistant') continue
    const before = render(messages.slice(0, i), true)
    const after = render(messages.slice(0, i + 1), false)
    if (before.length < at || !after.startsWith(before) || !whole.startsWith(after))
      throw new InputError(
        `message ${i}: the chat template writes this assistant turn differently when others follow it, or not behind its own prompt, so its tokens cannot be told apart; give each answer as an item { messages, target } of its own`,
      )
    const turn = after.slice(before.length)
    const end = before.length + endOf(turn, ends)
    pieces.push(
      { text: whole.slice(at, before.length), learned: false },
      { text: whole.slice(before.length, end), learned: true },
    )
    at = end
  }
  return pieces
}

/** Where a turn ends: behind the last of the texts that end one; its whole length if it has none of them. */
function endOf(turn: string, ends: readonly string[]): number {
  const found = ends.filter(e => turn.includes(e)).map(e => turn.lastIndexOf(e) + e.length)
  return found.length > 0 ? Math.max(...found) : turn.length
}

/** @throws InputError for anything but one message or more */
export function requireMessages(messages: readonly Message[]): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new InputError('a prompt needs at least one message; found none')
  const bad = messages.findIndex(m => typeof m?.content !== 'string' || typeof m.role !== 'string')
  if (bad >= 0)
    throw new InputError(
      `message ${bad}: role and content must be texts, found ${JSON.stringify(messages[bad])?.slice(0, 100)}`,
    )
  return messages
}
