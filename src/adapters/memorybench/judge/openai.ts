import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { HarnessError, InputError, messageOf } from '../../../errors.js'
import type { JudgeModel, JudgeReply, JudgeUsage } from './model.js'

export interface OpenAIJudgeOptions {
  /** The server's address up to `/chat/completions`, such as `http://localhost:8000/v1`. */
  baseURL?: string | undefined
  model?: string | undefined
  /** Absent for servers that ask for none. It is sent to this server and is in no record, cache, result or error. */
  apiKey?: string | undefined
  /** Per million tokens, in any currency: then answers carry their cost. */
  prices?: { prompt: number; completion: number }
}

/** Calls for one answer: the first, and two more after failures that may pass, as OpenAI's own client has it. */
const CALLS = 3
/** Longest wait for an answer, and before a further call [ms]. */
const LONGEST_ANSWER = 180_000
const LONGEST_WAIT = 60_000
/** A wrong address, model or key: no further call could help, for this answer or another. */
const HOPELESS = [401, 403, 404]
const PASSING = [408, 409, 429]

const Answer = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
})

/**
 * A judge behind a server that speaks OpenAI's chat completions. What is not given comes from EVALUATE_BASE_URL,
 * EVALUATE_MODEL and EVALUATE_API_KEY, as in MemoryBench.
 *
 * A failed call (no connection, no answer in 180 s, status 408, 409, 429 or 5xx) is made twice more, after the time that
 * the server asks for or 0.5 s and 1 s. Models named gpt-5…, o1… or o3… refuse sampling parameters and are sent none.
 *
 * @throws InputError without address or model; from `complete`, for status 401, 403 and 404. HarnessError from `complete`
 *   for other failures
 */
export function openAIJudge(options: OpenAIJudgeOptions = {}): JudgeModel {
  const { EVALUATE_BASE_URL, EVALUATE_MODEL, EVALUATE_API_KEY } = process.env
  const { baseURL = EVALUATE_BASE_URL, model = EVALUATE_MODEL, apiKey = EVALUATE_API_KEY, prices } = options
  const what = 'setting up a judge model'
  if (!model) throw new InputError(`${what}: no model; give \`model\` or set EVALUATE_MODEL`)
  if (!baseURL) throw new InputError(`${what}: no address; give \`baseURL\` or set EVALUATE_BASE_URL`)
  return openAIModel({ baseURL, model, apiKey, prices }, what)
}

/**
 * The critic of WritingBench, behind such a server. What is not given comes from WRITINGBENCH_EVAL_BASE_URL,
 * WRITINGBENCH_EVAL_MODEL and WRITINGBENCH_EVAL_API_KEY, else from MemoryBench's own defaults: its critic model at port
 * 12388 of this machine.
 *
 * @throws as `openAIJudge` does
 */
export function openAICritic(options: OpenAIJudgeOptions = {}): JudgeModel {
  const { WRITINGBENCH_EVAL_BASE_URL, WRITINGBENCH_EVAL_MODEL, WRITINGBENCH_EVAL_API_KEY } = process.env
  const baseURL = options.baseURL ?? (WRITINGBENCH_EVAL_BASE_URL || 'http://localhost:12388/v1')
  const model = options.model ?? (WRITINGBENCH_EVAL_MODEL || 'AQuarterMile/WritingBench-Critic-Model-Qwen-7B')
  const apiKey = options.apiKey ?? WRITINGBENCH_EVAL_API_KEY
  return openAIModel({ baseURL, model, apiKey, prices: options.prices }, "setting up WritingBench's critic")
}

interface Server {
  baseURL: string
  model: string
  apiKey: string | undefined
  prices: OpenAIJudgeOptions['prices']
}

function openAIModel({ baseURL, model, apiKey, prices }: Server, what: string): JudgeModel {
  const url = addressOf(baseURL, what)
  const id = `${model} at ${url.origin}${url.pathname.replace(/\/chat\/completions$/, '')}`
  const asking = `asking the judge ${id}`
  const headers = { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) }
  const free = /\b(?:gpt-5|o1|o3)/i.test(model)
  /** A server may repeat the key in what it says. */
  const hide = (text: string) => (apiKey ? text.replaceAll(apiKey, '…') : text).slice(0, 500)

  return {
    id,
    async complete(messages, { temperature, topP, maxTokens, signal }) {
      const sampling = free ? {} : { temperature, top_p: topP, max_tokens: maxTokens }
      const body = JSON.stringify({ model, messages, ...sampling })
      for (let call = 1; ; call++) {
        const found = await send(url, { method: 'POST', headers, body }, signal)
        if ('ok' in found) return replyOf(found.ok, prices, asking)
        if (HOPELESS.includes(found.status))
          throw new InputError(`${asking}: status ${found.status}: ${hide(found.said)}; check address, model and key`)
        const passing = found.status === 0 || found.status >= 500 || PASSING.includes(found.status)
        if (!passing || call === CALLS) {
          const status = found.status ? `status ${found.status}: ` : ''
          throw new HarnessError(
            `${asking}: ${status}${hide(found.said)}, after ${call === 1 ? '1 call' : `${call} calls`}`,
          )
        }
        await sleep(found.wait ?? 500 * 2 ** (call - 1), undefined, { signal })
      }
    },
  }
}

function addressOf(baseURL: string, what: string): URL {
  try {
    const url = new URL(`${baseURL.replace(/\/+$/, '')}/chat/completions`)
    if (/^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash) return url
  } catch {
    // Said below; the address is not repeated, for it may hold a password.
  }
  throw new InputError(
    `${what}: the address is no plain http or https one, such as http://localhost:8000/v1; keys belong into apiKey`,
  )
}

type Sent = { ok: unknown } | { status: number; said: string; wait: number | undefined }

/** One call. Status 0: no answer came. @throws the signal's reason if it is aborted */
async function send(url: URL, request: RequestInit, signal: AbortSignal | undefined): Promise<Sent> {
  const late = AbortSignal.timeout(LONGEST_ANSWER)
  try {
    const response = await fetch(url, { ...request, signal: signal ? AbortSignal.any([signal, late]) : late })
    if (response.ok) return { ok: await response.json() }
    const wait = Number(response.headers.get('retry-after') ?? Number.NaN) * 1000
    const said = (await response.text()).replace(/\s+/g, ' ')
    return { status: response.status, said, wait: wait >= 0 && wait <= LONGEST_WAIT ? wait : undefined }
  } catch (error) {
    signal?.throwIfAborted()
    const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : ''
    const said = late.aborted ? `no answer in ${LONGEST_ANSWER / 1000} s` : messageOf(error) + cause
    return { status: 0, said, wait: undefined }
  }
}

/** @throws HarnessError if the answer has another form */
function replyOf(answer: unknown, prices: OpenAIJudgeOptions['prices'], asking: string): JudgeReply {
  const { data, error } = Answer.safeParse(answer)
  if (error) throw new HarnessError(`${asking}: no chat completion: ${z.prettifyError(error)}`)
  const text = data.choices[0]!.message.content ?? ''
  return data.usage ? { text, usage: usageOf(data.usage, prices) } : { text }
}

function usageOf(
  used: { prompt_tokens: number; completion_tokens: number },
  prices: OpenAIJudgeOptions['prices'],
): JudgeUsage {
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = used
  if (!prices) return { promptTokens, completionTokens }
  const cost = (promptTokens * prices.prompt + completionTokens * prices.completion) / 1e6
  return { promptTokens, completionTokens, cost }
}
