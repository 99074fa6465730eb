import type { Message } from '../protocol/index.js'
import { random, shuffle } from '../tensor.js'
import type { ExampleResult } from './step.js'

export interface RehearseOptions {
  /** Only examples of this chat; undefined: of all chats. */
  chatId?: string | undefined
  /** How many at most. */
  count: number
  /** Fixes the choice: `harness.seed` is a good one. */
  seed: number
}

/**
 * Picks finished examples to train on again beside a new one, each at most once, in random order. Examples without a
 * target are left out.
 *
 *     model.finetune(lora, [now, ...rehearse(harness.results, { chatId: example.chatId, count: 3, seed: harness.seed })])
 */
export function rehearse(
  results: readonly ExampleResult[],
  { chatId, count, seed }: RehearseOptions,
): { messages: readonly Message[]; target: string }[] {
  const items = results
    .filter(({ example }) => chatId === undefined || example.chatId === chatId)
    .flatMap(({ example: { messages, target } }) => (target === undefined ? [] : [{ messages, target }]))
  return shuffle(items, random(seed)).slice(0, Math.max(0, count))
}
