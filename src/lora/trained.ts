import type { Message } from '../protocol/index.js'
import { sha256 } from './sha256.js'

/** What an item of a training may be; see `TrainingItem`. */
type Item =
  | { readonly messages: readonly Message[]; readonly target?: string | undefined }
  | { readonly inputIds: readonly number[]; readonly labels: readonly number[] }

/** SHA-256 of a chat that ends with an answer: the same whether the answer is its last message or given beside it. */
export function chatHash(messages: readonly Message[], target?: string): string {
  const turns = messages.map(({ role, content }) => [role, content])
  return sha256([JSON.stringify(target === undefined ? turns : [...turns, ['assistant', target]])])
}

/**
 * Hashes of what an item teaches: of the whole chat and, where every turn of the assistant's is learned, of the chat up
 * to each of them. Tokens have a hash of their own, which no chat has.
 */
export function itemHashes(item: Item, trainOn?: 'target' | 'assistant'): string[] {
  if ('inputIds' in item) return [sha256([JSON.stringify({ inputIds: item.inputIds, labels: item.labels })])]
  const { messages, target } = item
  const whole = chatHash(messages, target)
  if ((trainOn ?? (target === undefined ? 'assistant' : 'target')) === 'target') return [whole]
  const answers = messages.flatMap(({ role }, i) => (role === 'assistant' ? [chatHash(messages.slice(0, i + 1))] : []))
  return [...new Set([...answers, whole])]
}
