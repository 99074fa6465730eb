import { z } from 'zod'
import { InputError } from '../../errors.js'
import type { FinishedExample } from '../../harness/example.js'
import type { Message } from '../../protocol/index.js'
import { parseColumn } from './python.js'
import { setOf } from './sets.js'

/** What a user did on reading an answer. */
export interface ImplicitFeedback {
  /** Which answer of the dialog it is about, from 1. */
  round: number
  /** `like`, `dislike`, `copy`; none where the user did nothing. */
  actions: string[]
  /** From 1 to 10; older data only. */
  satisfactionScore?: number | undefined
  /** Did the user end the dialog with it? */
  terminated: boolean
}

/** A dialog about one question: a memory system's answers, and what a simulated user said and did. */
export interface FeedbackDialog {
  /** The column that it is from, such as `dialog_bm25`. */
  column: string
  /** From the question on. An answer that is missing (null) is an empty text. */
  messages: Message[]
  /** By rising round; the last answer may have none. */
  implicitFeedback: ImplicitFeedback[]
}

/** Systems whose dialogs the sets with a corpus have; the others have one dialog of their own, and one of `mistral`. */
export const BASELINES = ['bm25', 'bm25_dialog', 'embedder', 'embedder_dialog', 'a_mem', 'mem0', 'memoryos'] as const

const Dialog = z.array(
  z
    .looseObject({ role: z.string().min(1), content: z.string().nullable() })
    .transform(({ role, content }) => ({ role, content: content ?? '' })),
)
const Feedback = z.array(
  z
    .looseObject({
      round: z.int(),
      implicit_action: z.string().nullable().optional(),
      implicit_actions: z.array(z.string()).optional(),
      satisfaction_score: z.number().nullable().optional(),
      terminated: z.boolean().default(false),
    })
    .transform(({ round, implicit_action, implicit_actions, satisfaction_score, terminated }): ImplicitFeedback => {
      const actions = (implicit_actions ?? [implicit_action ?? 'none']).filter(action => action !== 'none')
      const score = satisfaction_score == null ? {} : { satisfactionScore: satisfaction_score }
      return { round, actions, ...score, terminated }
    }),
)

/** Columns that a dialog of this baseline may be in. */
export const feedbackColumns = (baseline: string): string[] =>
  [`_${baseline}`, ''].flatMap(end => [`dialog${end}`, `implicit_feedback${end}`])

/**
 * The dialog of a memory system in a record's columns: `dialog_<baseline>` and `implicit_feedback_<baseline>`, in the
 * older or the newer form; of a set without a corpus that has no such columns, `dialog` and `implicit_feedback`, as
 * MemoryBench itself takes them.
 *
 * @throws InputError if there is no such dialog, or it is malformed
 */
export function dialogOf(
  row: Readonly<Record<string, unknown>>,
  baseline: string,
  where = 'reading a record',
): FeedbackDialog {
  const corpus = typeof row.dataset_name === 'string' && setOf(row.dataset_name).corpus
  const end = row[`dialog_${baseline}`] == null && !corpus ? '' : `_${baseline}`
  const column = `dialog${end}`
  if (row[column] == null)
    throw new InputError(
      `${where}: it has no column ${column}; MemoryBench has dialogs of ${BASELINES.join(', ')}, mistral`,
    )
  const read = <T>(name: string, schema: z.ZodType<T>): T => {
    const { data, error } = schema.safeParse(parseColumn(name, row[name] ?? []))
    if (error) throw new InputError(`${where}, ${name}: ${z.prettifyError(error)}`)
    return data
  }
  const implicitFeedback = read(`implicit_feedback${end}`, Feedback).sort((a, b) => a.round - b.round)
  return { column, messages: read(column, Dialog), implicitFeedback }
}

/** The dialog that a source put into an example because it was asked to by its option `feedback`. */
export const feedbackOf = ({ metadata }: Pick<FinishedExample, 'metadata'>): FeedbackDialog | undefined =>
  metadata.feedback as FeedbackDialog | undefined

/**
 * What can be learned from a dialog: each answer that the user liked or copied, after the turns before it. The items
 * are what `model.finetune` takes. MemoryBench's own LoRA experiment learns from the first of them only.
 *
 *     finetuneFn: (example, lora) => {
 *       const items = likedAnswers(feedbackOf(example)!)
 *       return items.length > 0 ? model.finetune(lora, items) : skip('no answer was liked')
 *     }
 */
export function likedAnswers({
  messages,
  implicitFeedback,
}: FeedbackDialog): { messages: Message[]; target: string }[] {
  const answers = messages.flatMap(({ role }, i) => (role === 'assistant' ? [i] : []))
  return implicitFeedback.flatMap(({ round, actions }) => {
    const at = answers[round - 1]
    if (at === undefined || messages[at]!.content === '' || !actions.some(each => each === 'like' || each === 'copy'))
      return []
    return [{ messages: messages.slice(0, at), target: messages[at]!.content }]
  })
}
