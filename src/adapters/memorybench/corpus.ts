import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../../errors.js'
import { parseJson } from '../../json.js'
import { readRows } from '../rows.js'
import { conversation } from './dialsim.js'
import { corpusFileOf, ensurePart } from './hub.js'
import { setOf } from './sets.js'

/** One thing said in the text that a set's questions are about: what retrieval finds. */
export interface Passage {
  /** `D<session>:<line>`, as LoCoMo's evidence names it. */
  id: string
  /** From 1. */
  session: number
  /** When that session was, as the text has it. */
  date: string
  speaker: string
  text: string
}

const Turn = z.looseObject({ speaker: z.string(), dia_id: z.string(), text: z.string() })
const Locomo = z.looseObject({ conversation: z.record(z.string(), z.unknown()) })
const Line = z.looseObject({ text: z.string() })

/**
 * The corpus of a LoCoMo or DialSim set as passages, in the order they were said: `corpus/<name>.jsonl` in
 * MemoryBench's folder, or of a hub id, downloaded if it is not on this machine.
 *
 * @param path a folder or hub id; by default what MEMORY_BENCH_PATH says
 * @throws InputError if the set has no corpus, or its file is missing or malformed
 */
export async function corpusOf(
  name: string,
  path: string | undefined = process.env.MEMORY_BENCH_PATH,
): Promise<Passage[]> {
  if (!setOf(name).corpus)
    throw new InputError(`reading the corpus of ${name}: that set has none; LoCoMo's and DialSim's have`)
  if (!path) throw new InputError(`reading the corpus of ${name}: give a path, or set MEMORY_BENCH_PATH`)
  const file = join(await ensurePart(path, corpusFileOf(name)), 'corpus', `${name}.jsonl`)
  const [row] = readRows(file)
  const text = checked(Line, row?.value, file).text
  if (name.startsWith('DialSim')) return passagesOf(conversation(text)[0], file)
  return passagesOf(checked(Locomo, parseJson(text, `reading ${file}`), file).conversation, file)
}

/**
 * Passages of a conversation in LoCoMo's form: `session_1`, `session_1_date_time`, … up to the last session without a
 * gap before it, as MemoryBench counts them. A shared picture's caption is left out.
 *
 * @param where for errors
 * @throws InputError if a session is malformed
 */
export function passagesOf(conversation: Readonly<Record<string, unknown>>, where: string): Passage[] {
  const passages: Passage[] = []
  for (let session = 1; conversation[`session_${session}`] !== undefined; session++) {
    const turns = checked(z.array(Turn), conversation[`session_${session}`], `${where}, session ${session}`)
    const date = String(conversation[`session_${session}_date_time`] ?? '')
    for (const { dia_id, speaker, text } of turns) passages.push({ id: dia_id, session, date, speaker, text })
  }
  return passages
}

function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const { data, error } = schema.safeParse(value)
  if (error) throw new InputError(`${where}: ${z.prettifyError(error)}`)
  return data
}
