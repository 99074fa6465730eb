import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { makeFolder, replaceDurably } from '../../../lora/durable.js'
import { sha256 } from '../../../lora/sha256.js'
import type { JudgeMessage, JudgeModel, JudgeReply, Sampling } from './model.js'

const Kept = z.object({
  text: z.string(),
  usage: z.object({ promptTokens: z.number(), completionTokens: z.number(), cost: z.number().optional() }).optional(),
})

/**
 * The same judge, which answers what it was asked before from memory, and with a folder also what was asked in earlier
 * processes. Questions are the same if model, messages, sampling and number of the try are. Only replies are kept, in
 * files named by the question's hash: neither questions nor keys. A file that cannot be read as a reply is asked for
 * again and replaced.
 *
 * @throws Error of the file system, from `complete`
 */
export function cachedJudge(judge: JudgeModel, folder?: string): JudgeModel {
  const home = folder === undefined ? undefined : resolve(folder)
  const memory = new Map<string, JudgeReply>()
  return {
    id: judge.id,
    async complete(messages, sampling) {
      const key = keyOf(judge.id, messages, sampling)
      const file = home && join(home, `${key}.json`)
      const known = memory.get(key) ?? (file && read(file))
      if (known) {
        memory.set(key, known)
        return { ...known, cached: true }
      }
      const { text, usage } = await judge.complete(messages, sampling)
      const reply: JudgeReply = { text, ...(usage && { usage }) }
      memory.set(key, reply)
      if (home && file) {
        makeFolder(home)
        replaceDurably(file, JSON.stringify(reply))
      }
      return reply
    },
  }
}

/** SHA-256 of all that decides an answer. */
function keyOf(id: string, messages: readonly JudgeMessage[], sampling: Sampling): string {
  const { temperature, topP, maxTokens, attempt = 0 } = sampling
  const turns = messages.map(({ role, content }) => [role, content])
  return sha256([JSON.stringify([id, temperature, topP, maxTokens, attempt, turns])])
}

function read(file: string): JudgeReply | undefined {
  if (!existsSync(file)) return undefined
  try {
    const { text, usage } = Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
    return { text, ...(usage && { usage: usage as NonNullable<JudgeReply['usage']> }) }
  } catch {
    return undefined
  }
}
