import { basename, extname } from 'node:path'
import { z } from 'zod'
import type { Evaluation, ExampleContext } from '../harness/example.js'
import { checked, type Row, readRows } from './rows.js'

const ExampleRow = z
  .looseObject({
    /** Its position from 0, by default. */
    testIdx: z.union([z.string().min(1), z.number()]).optional(),
    chatId: z.string().min(1).optional(),
    messages: z
      .array(z.object({ role: z.string().min(1), content: z.string() }))
      .min(1)
      .optional(),
    /** Instead of messages: one user turn. */
    prompt: z.string().min(1).optional(),
    target: z.string().optional(),
    info: z.record(z.string(), z.unknown()).default({}),
    /** `en` by default. */
    lang: z.string().min(1).default('en'),
  })
  .refine(row => (row.messages === undefined) !== (row.prompt === undefined), 'needs either messages or prompt')

/** A checked row: the fields of an example, and whatever else it had. */
export type ExampleRow = z.infer<typeof ExampleRow>

export interface JsonlOptions {
  /** Scores a response: finite numbers and booleans become metrics, the rest details. */
  evaluate: (row: ExampleRow, response: string) => Evaluation | Promise<Evaluation>
}

/**
 * Anybody's examples: a JSON Lines or JSON file, or rows, each
 * `{ testIdx?, chatId?, messages | prompt, target?, info?, lang? }`. The data set is named after the file.
 *
 *     jsonlExamples('questions.jsonl', { evaluate: (row, response) => ({ exact: response === row.target }) })
 *
 * @throws InputError naming file and line if the file or a row is malformed
 */
export function jsonlExamples(pathOrRows: string | readonly unknown[], options: JsonlOptions): ExampleContext[] {
  const fromFile = typeof pathOrRows === 'string'
  const datasetName = fromFile ? basename(pathOrRows, extname(pathOrRows)) : 'rows'
  const rows = fromFile ? readRows(pathOrRows) : pathOrRows.map((value, i) => ({ value, where: `row ${i + 1}` }))
  return rows.map((row, i) => exampleOf(row, datasetName, i, options))
}

function exampleOf({ value, where }: Row, datasetName: string, index: number, options: JsonlOptions): ExampleContext {
  const row = checked(ExampleRow, value, where)
  const { testIdx = index, chatId, prompt, messages, target, info, lang } = row
  return {
    datasetName,
    testIdx,
    messages: messages ?? [{ role: 'user', content: prompt! }],
    lang,
    userPrompt: prompt,
    chatId,
    target,
    info,
    metadata: {},
    evaluate: response => options.evaluate(row, response),
  }
}
