import type { Card } from 'lora-harness/protocol'
import { z } from 'zod'
import './no-eval.js'

/** So many entries of a list are read: more is no card of ours. */
const MOST = 200_000
const list = <T extends z.ZodType>(of: T) => z.array(of).max(MOST)
const text = z.string()
const index = z.int().nonnegative()
const number = z.number().nullable()
const words = text.nullable()

const difference = z.object({
  ...{ mean: z.number(), low: z.number(), high: z.number(), n: index },
  verdict: z.enum(['few', 'none', 'better', 'worse']),
})
const branch = z.object({ name: text, parent: words, at: index, skipUpdates: list(index) })
const length = { length: index }
const metrics = z.record(text, z.number())
const adapter = z.object({ identifier: text }).nullable()
const hash = { retrieveLoraFn: text, inferenceFn: text, finetuneFn: text }

const step = z.object({
  ...{ v: z.literal(1), runId: text, branch: text, index, key: text, datasetName: text, split: words, lang: text },
  ...{ testIdx: z.union([text, z.number()]), chatId: words, response: text, metrics, seed: z.number() },
  messages: list(z.object({ role: text, content: text })),
  details: z.record(text, z.json()),
  baselines: z.record(text, z.object({ response: text, metrics })),
  ...{ retrievedLora: adapter, updatedLora: adapter, callables: z.object(hash), losses: list(z.number()) },
  outcome: z.object({ kind: z.enum(['updated', 'unchanged', 'skipped', 'failed']), reason: text.exactOptional() }),
  targetLoss: z.object({ before: z.number(), after: z.number() }).nullable(),
  tokens: z.object({ prompt: z.number(), new: z.number() }),
  ms: z.object(
    Object.fromEntries(
      ['retrieve', 'infer', 'evaluate', 'finetune', 'record'].map(name => [name, z.number()]),
    ) as Record<'retrieve' | 'infer' | 'evaluate' | 'finetune' | 'record', z.ZodNumber>,
  ),
  startedAt: text,
})

const summary = z.object({
  ...{ examples: index, metric: words, score: number },
  baselines: list(z.object({ name: text, score: number, difference: difference.nullable() })),
  outcomes: z.object({ updated: index, unchanged: index, skipped: index, failed: index }),
})

const columns = z
  .object({
    from: index,
    scores: list(number),
    baselines: list(z.object({ name: text, scores: list(number) })),
    outcomes: z
      .string()
      .max(MOST)
      .regex(/^[uhsf]*$/),
    chat: list(z.int().min(-1)),
    chats: list(text),
  })
  .refine(
    ({ scores, baselines, outcomes, chat, chats }) =>
      [outcomes, chat, ...baselines.map(({ scores }) => scores)].every(column => column.length === scores.length) &&
      chat.every(i => i < chats.length),
    'the columns are not of one length',
  )

const run = {
  ...{ id: text, runId: text, folder: words, branch: text, status: text, error: words, seed: z.number() },
  ...{ total: index.nullable(), summary, columns, branches: list(branch) },
  events: list(z.object({ type: text, branch: text, index })),
  examples: list(z.object({ index, question: text, response: text })),
}

const lora = z.object({ identifier: text, parent: words, branch: text, index, bytes: z.number() })
const both = <T extends z.ZodType>(of: T) => z.object({ a: of, b: of })
const base = { v: z.literal(1), left: words }

const CARD = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.enum(['run', 'timeline']), ...run }),
  z.object({ ...base, kind: z.literal('example'), id: text, step }),
  z.object({
    ...{ ...base, kind: z.literal('diff'), id: text, a: words, b: words, cosine: number },
    norms: z.object({ a: z.number(), b: z.number(), change: z.number() }).nullable(),
    modules: list(z.object({ module: text, a: z.number(), b: z.number(), change: z.number(), cosine: number })),
  }),
  z.object({
    ...{ ...base, kind: z.literal('lineage'), id: text, current: text, adapters: list(lora) },
    branches: list(branch.extend(length)),
  }),
  z.object({
    ...{ ...base, kind: z.literal('comparison'), a: text, b: text, pairs: index, unmatched: both(index) },
    metrics: list(z.object({ metric: text, n: index, means: both(z.number()), difference })),
    examples: list(z.object({ key: text, score: both(number), response: both(text) })),
  }),
  z.object({
    ...{ ...base, kind: z.literal('callables'), id: text },
    callables: list(z.object({ name: text, hash: text, source: text })),
    edits: list(z.object({ index, branch: text, changed: list(text), diff: text })),
  }),
  z.object({ ...base, kind: z.literal('progress'), label: text, done: index, total: index.nullable() }),
])

/** What is wrong with a card. */
export interface Unreadable {
  /** It is of another version than 1. */
  version: string | null
  why: string
}

/** Untrusted: a card as a notebook holds it. */
export function readCard(data: unknown): Card | Unreadable {
  const version = typeof data === 'object' && data !== null ? (data as { v?: unknown }).v : undefined
  if ((typeof version === 'number' || typeof version === 'string') && version !== 1)
    return { version: `${version}`.slice(0, 20), why: '' }
  const read = CARD.safeParse(data)
  if (read.success) return read.data satisfies Card
  const { path = [], message = '' } = read.error.issues[0] ?? {}
  return { version: null, why: `${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`.slice(0, 300) }
}
