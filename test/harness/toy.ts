import type { ExampleContext, LoRAHarnessOptions, Recorder } from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import type { Step } from '../../src/protocol/index.js'

/** What a toy adapter knows: question → answer. */
const known = (lora: LoRAHandle | null) => (lora?.metadata.known ?? {}) as Record<string, string>

/** An adapter that knows one answer more. */
export function taught(lora: LoRAHandle | null, question: string, answer: string): LoRAHandle {
  const now = { ...known(lora), [question]: answer }
  return new LoRAHandle({ identifier: JSON.stringify(now), metadata: { known: now } })
}

/** Example `testIdx` asks `question` in `chatId`; right is `target`, scored 0 or 1. */
export function ask(testIdx: number, question: string, target: string, chatId?: string): ExampleContext {
  return {
    datasetName: 'toy',
    split: 'train',
    testIdx,
    messages: [{ role: 'user', content: question }],
    lang: 'en',
    target,
    info: { golden: target },
    metadata: { note: `the answer is ${target}` },
    ...(chatId === undefined ? {} : { chatId }),
    evaluate: response => ({ exact: response === target, golden: target }),
  }
}

export const numbered = (count: number): ExampleContext[] =>
  Array.from({ length: count }, (_, i) => ask(i, `question ${i}`, `answer ${i}`, 'chat'))

/** Callables of a system that learns each answer by heart, one adapter per chat. */
export const toy: Pick<LoRAHarnessOptions, 'retrieveLoraFn' | 'inferenceFn' | 'finetuneFn'> = {
  retrieveLoraFn: (example, harness) => harness.store.getLast(example.chatId),
  inferenceFn: (example, lora) => known(lora)[example.messages[0]!.content] ?? '?',
  finetuneFn: (example, lora) => taught(lora, example.messages[0]!.content, example.target!),
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** A recorder that keeps the steps it is given. */
export function stepKeeper(): Recorder & { readonly steps: readonly Step[] } {
  const steps: Step[] = []
  return { steps, record: step => void steps.push(step) }
}
