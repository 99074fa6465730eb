import { HarnessError } from '../../../errors.js'

/** One turn of a question to a judge. */
export interface JudgeMessage {
  role: 'system' | 'user'
  content: string
}

/** How a judge is to answer. */
export interface Sampling {
  temperature: number
  topP: number
  /** Longest answer, in tokens. */
  maxTokens: number
  /** Which try of the same question, from 0: a later try is another question to a cache. 0 by default. */
  attempt?: number
  signal?: AbortSignal
}

/** What an answer took. */
export interface JudgeUsage {
  promptTokens: number
  completionTokens: number
  /** In the currency of the prices that were given; absent without prices. */
  cost?: number
}

export interface JudgeReply {
  text: string
  usage?: JudgeUsage
  /** It came out of a cache: nothing was asked or paid. */
  cached?: boolean
}

/**
 * A language model that judges answers. Any object of this form serves; `openAIJudge` makes one for servers that speak
 * OpenAI's protocol.
 */
export interface JudgeModel {
  /** Names model and server in caches and records. No secrets. */
  readonly id: string
  /** @throws InputError if asking again could not help, such as for a wrong key; any other error may pass */
  complete(messages: readonly JudgeMessage[], sampling: Sampling): Promise<JudgeReply>
}

/** What has been asked of a judge so far. */
export interface Spent extends JudgeUsage {
  model: string
  /** Answers given, from a cache or not; failed calls are not among them. */
  calls: number
  cached: number
}

/**
 * The same judge, which counts: its answers, those out of a cache, tokens and cost. `spent` is up to date at any time.
 * Tokens and cost are those of answers that were asked for, not of cached ones.
 */
export function meteredJudge(judge: JudgeModel): JudgeModel & { readonly spent: Readonly<Spent> } {
  const spent: Spent = { model: judge.id, calls: 0, cached: 0, promptTokens: 0, completionTokens: 0 }
  return {
    id: judge.id,
    spent,
    async complete(messages, sampling) {
      const reply = await judge.complete(messages, sampling)
      spent.calls++
      if (reply.cached) spent.cached++
      else {
        spent.promptTokens += reply.usage?.promptTokens ?? 0
        spent.completionTokens += reply.usage?.completionTokens ?? 0
        if (reply.usage?.cost !== undefined) spent.cost = (spent.cost ?? 0) + reply.usage.cost
      }
      return reply
    },
  }
}

/** MemoryBench's `top_p` for every judge but the critic of WritingBench: its client's default. */
const TOP_P = 0.1

/** How a set has its questions answered. */
export interface Manner {
  temperature: number
  maxTokens: number
  topP?: number
}

/** A judge at work on one answer. */
export interface Judging {
  /** @param attempt which try of this question, from 0 */
  ask(messages: readonly JudgeMessage[], manner: Manner, attempt: number): Promise<string>
  /** Tries that came to nothing, and why; for the record. */
  readonly errors: string[]
  readonly signal: AbortSignal | undefined
}

/** Ties a judge to one answer to be judged. */
export function judging(judge: JudgeModel, signal?: AbortSignal): Judging {
  return {
    errors: [],
    signal,
    async ask(messages, { topP = TOP_P, ...manner }, attempt) {
      signal?.throwIfAborted()
      const sampling = { ...manner, topP, attempt, ...(signal && { signal }) }
      const { text } = await judge.complete(messages, sampling)
      if (typeof text !== 'string')
        throw new HarnessError(`asking the judge ${judge.id}: its reply has no text but ${typeof text}`)
      return text
    },
  }
}
