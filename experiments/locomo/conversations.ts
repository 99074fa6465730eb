/** LoCoMo's conversations, from its own file `locomo10.json`: MemoryBench's Locomo-k is the k-th of them. */
import { readFileSync } from 'node:fs'
import { InputError } from 'lora-harness'
import { bm25Search } from 'lora-harness/adapters/baselines'

/** Longer lines are cut in prompts [characters]. */
const LONGEST = 300

export interface Line {
  /** Such as `D3:12`: line 12 of session 3. */
  id: string
  date: string
  speaker: string
  text: string
}

export interface Conversation {
  lines: readonly Line[]
  /** The texts of the lines. */
  passages: readonly string[]
  /** The lines that are most like a question; who speaks counts too. */
  search: ReturnType<typeof bm25Search>
}

/** A line as prompts have it: `[8 May 2023] Ana: Four years now!` */
export const shown = ({ date, speaker, text }: Line): string => `[${date}] ${speaker}: ${text.slice(0, LONGEST)}`

/** @throws InputError if the file is not such a list of conversations */
export function readConversations(path: string): Conversation[] {
  const file = JSON.parse(readFileSync(path, 'utf8')) as { conversation: Record<string, unknown> }[]
  if (!Array.isArray(file) || !file.every(({ conversation }) => Array.isArray(conversation?.session_1)))
    throw new InputError(
      `reading ${path}: it must be LoCoMo's locomo10.json, a list of { conversation: { session_1 … } }`,
    )
  return file.map(({ conversation }) => {
    const lines = Object.keys(conversation)
      .filter(key => /^session_\d+$/.test(key))
      .flatMap(session =>
        (conversation[session] as { dia_id: string; speaker: string; text: string }[]).map(line => ({
          id: line.dia_id,
          date: String(conversation[`${session}_date_time`]).replace(/^.* on /, ''),
          speaker: line.speaker,
          text: line.text,
        })),
      )
    const search = bm25Search(lines.map(({ speaker, text }) => `${speaker}: ${text}`))
    return { lines, passages: lines.map(({ text }) => text), search }
  })
}
