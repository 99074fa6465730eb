import { z } from 'zod'
import { ReceivedBranches, ReceivedRunEvent, ReceivedStep } from './received.js'

/** Where an exported run keeps what a panel shows of it, in its top folder: a run without its database, for a browser. */
export const ARCHIVED = { run: 'panel/run.json', steps: 'panel/steps.jsonl', adapters: 'adapters' } as const

const name = z.string().max(10_000)
const text = z.string().max(20_000_000)
const list = <T extends z.ZodType>(of: T) => z.array(of).max(200_000)
const count = z.number().nonnegative()

/** Untrusted: a run as a file holds it; its steps lie beside it, one a line, those of the first branch first. */
export const ArchivedRun = z.object({
  ...{ v: z.literal(1), runId: name, status: z.enum(['finished', 'failed', 'idle']), error: text.nullable() },
  ...{ branches: ReceivedBranches, current: name, events: list(ReceivedRunEvent) },
  adapters: list(
    z.object({
      ...{ identifier: name, parent: name.nullable(), branch: name, index: z.int().nonnegative(), bytes: count },
      /** ‖ΔW‖_F; null if it is not known. */
      norm: count.nullable(),
      /** Its PEFT folder in `adapters`; null if it is not in the file. */
      folder: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .nullable(),
    }),
  ),
  callables: list(z.object({ hash: name, source: text, code: text })),
})
export type ArchivedRun = z.infer<typeof ArchivedRun>

/** Untrusted: one line of its steps. */
export const ArchivedStep = ReceivedStep
