import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { cachedJudge } from '../../../src/adapters/memorybench/judge/cache.js'
import { meteredJudge, type Sampling } from '../../../src/adapters/memorybench/judge/model.js'
import { openAICritic, openAIJudge } from '../../../src/adapters/memorybench/judge/openai.js'
import { InputError } from '../../../src/errors.js'
import { fakeJudge, type Turn } from './fake-judge.js'

const questions = [{ role: 'user' as const, content: 'Say it' }]
const sampling: Sampling = { temperature: 0.2, topP: 0.1, maxTokens: 9 }
const answers =
  (...turns: Turn[]) =>
  (_: unknown, n: number): Turn =>
    turns[n] ?? 'too many'

describe('openAIJudge', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('asks a server as it is told, and counts tokens and cost', async () => {
    await using server = await fakeJudge(answers('Correct', 'Wrong'))
    const judge = meteredJudge(
      openAIJudge({ baseURL: `${server.baseURL}/`, model: 'm', apiKey: 'sk-1', prices: { prompt: 2, completion: 10 } }),
    )
    const reply = await judge.complete(questions, sampling)
    expect(reply.text).toBe('Correct')
    expect(server.asked).toEqual([
      {
        path: '/v1/chat/completions',
        authorization: 'Bearer sk-1',
        body: { model: 'm', messages: questions, temperature: 0.2, top_p: 0.1, max_tokens: 9 },
      },
    ])
    await judge.complete(questions, sampling)
    // 7 and 3 tokens a call, at 2 and 10 for a million.
    expect(judge.spent).toEqual({
      model: `m at ${server.baseURL}`,
      calls: 2,
      cached: 0,
      promptTokens: 14,
      completionTokens: 6,
      cost: (2 * (7 * 2 + 3 * 10)) / 1e6,
    })
  })

  test('reads its server from the environment, the critic from its own variables', async () => {
    await using server = await fakeJudge(answers('a', 'b'))
    vi.stubEnv('EVALUATE_BASE_URL', server.baseURL)
    vi.stubEnv('EVALUATE_MODEL', 'judge')
    vi.stubEnv('EVALUATE_API_KEY', 'k1')
    vi.stubEnv('WRITINGBENCH_EVAL_BASE_URL', server.baseURL)
    vi.stubEnv('WRITINGBENCH_EVAL_MODEL', 'critic')
    vi.stubEnv('WRITINGBENCH_EVAL_API_KEY', 'k2')
    await openAIJudge().complete(questions, sampling)
    await openAICritic().complete(questions, sampling)
    expect(server.asked.map(({ authorization, body }) => [authorization, body.model])).toEqual([
      ['Bearer k1', 'judge'],
      ['Bearer k2', 'critic'],
    ])
    vi.unstubAllEnvs()
    vi.stubEnv('EVALUATE_MODEL', undefined)
    vi.stubEnv('EVALUATE_BASE_URL', undefined)
    expect(() => openAIJudge({ baseURL: 'http://x' })).toThrow('give `model` or set EVALUATE_MODEL')
    expect(() => openAIJudge({ model: 'm' })).toThrow('give `baseURL` or set EVALUATE_BASE_URL')
    expect(openAICritic().id).toBe('AQuarterMile/WritingBench-Critic-Model-Qwen-7B at http://localhost:12388/v1')
  })

  test('models that refuse sampling parameters get none; a server without a key is sent none', async () => {
    await using server = await fakeJudge(answers('a'))
    vi.stubEnv('EVALUATE_API_KEY', undefined)
    await openAIJudge({ baseURL: server.baseURL, model: 'gpt-5-mini' }).complete(questions, sampling)
    expect(server.asked[0]).toMatchObject({
      authorization: undefined,
      body: { model: 'gpt-5-mini', messages: questions },
    })
    expect(Object.keys(server.asked[0]!.body)).toEqual(['model', 'messages'])
  })

  test('asks again after failures that may pass, twice', async () => {
    await using server = await fakeJudge(
      answers({ status: 500 }, { status: 429 }, 'ok', ...Array(3).fill({ status: 503, said: 'busy' })),
    )
    const judge = openAIJudge({ baseURL: server.baseURL, model: 'm' })
    expect((await judge.complete(questions, sampling)).text).toBe('ok')
    await expect(judge.complete(questions, sampling)).rejects.toThrow(/status 503: .*busy.*, after 3 calls/)
    expect(server.asked).toHaveLength(6)
  })

  test('a wrong key is an error at once, which repeats no key', async () => {
    await using server = await fakeJudge(answers({ status: 401, said: 'Incorrect API key provided: sk-secret-1' }))
    const judge = openAIJudge({ baseURL: server.baseURL, model: 'm', apiKey: 'sk-secret-1' })
    const error = await judge.complete(questions, sampling).catch(thrown => thrown)
    expect(error).toBeInstanceOf(InputError)
    expect(error.message).toMatch(/status 401: .*Incorrect API key provided: ….*check address, model and key/)
    expect(JSON.stringify([error.message, error.stack, error.cause, judge])).not.toContain('sk-secret')
    expect(server.asked).toHaveLength(1)
  })

  test('other answers are errors that say what came', async () => {
    await using server = await fakeJudge(answers({ raw: { choices: [] } }, { status: 400, said: 'too long' }))
    const judge = openAIJudge({ baseURL: server.baseURL, model: 'm' })
    await expect(judge.complete(questions, sampling)).rejects.toThrow(/no chat completion: .*choices/s)
    await expect(judge.complete(questions, sampling)).rejects.toThrow(/status 400: .*too long.*, after 1 call$/)
  })

  test('no server is an error after three calls', async () => {
    const server = await fakeJudge(answers())
    const judge = openAIJudge({ baseURL: server.baseURL, model: 'm' })
    await server[Symbol.asyncDispose]()
    await expect(judge.complete(questions, sampling)).rejects.toThrow(/ECONNREFUSED.*, after 3 calls/)
  })

  test('an abort ends the wait', async () => {
    await using server = await fakeJudge(answers('hang'))
    const abort = new AbortController()
    const judge = openAIJudge({ baseURL: server.baseURL, model: 'm' })
    const reply = judge.complete(questions, { ...sampling, signal: abort.signal })
    const ended = expect(reply).rejects.toThrow('enough')
    await vi.waitUntil(() => server.asked.length > 0)
    abort.abort(new Error('enough'))
    await ended
  })

  test.each(['ftp://x', 'http://user:sk-2@x/v1', 'http://x/v1?key=sk-2', 'x y'])(
    'the address %s is refused unread',
    url => {
      const set = () => openAIJudge({ baseURL: url, model: 'm' })
      expect(set).toThrow('the address is no plain http or https one')
      expect(set).not.toThrow('sk-2')
    },
  )
})

describe('cachedJudge', () => {
  const folder = mkdtempSync(join(tmpdir(), 'judge-'))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const counting = (id = 'm') => {
    let calls = 0
    return { id, complete: async () => ({ text: `${++calls}`, usage: { promptTokens: 1, completionTokens: 1 } }) }
  }

  test('the same question is asked once; model, messages, sampling and try make another', async () => {
    const judge = cachedJudge(counting())
    const ask = async (messages = questions, more: Partial<Sampling> = {}) =>
      (await judge.complete(messages, { ...sampling, ...more })).text
    expect([await ask(), await ask(), await ask(questions, { attempt: 0 })]).toEqual(['1', '1', '1'])
    expect(await ask([{ role: 'user', content: 'Say it!' }])).toBe('2')
    expect(await ask(questions, { attempt: 1 })).toBe('3')
    expect(await ask(questions, { temperature: 0 })).toBe('4')
    expect(await ask(questions, { topP: 1 })).toBe('5')
    expect(await ask(questions, { maxTokens: 1 })).toBe('6')
    expect(await ask()).toBe('1')
  })

  test('a folder outlives the process; files that are broken or of another model are not answers', async () => {
    const metered = meteredJudge(cachedJudge(counting(), folder))
    await metered.complete(questions, sampling)
    expect(await cachedJudge(counting(), folder).complete(questions, sampling)).toEqual({
      text: '1',
      usage: { promptTokens: 1, completionTokens: 1 },
      cached: true,
    })
    await metered.complete(questions, sampling)
    expect(metered.spent).toMatchObject({ calls: 2, cached: 1, promptTokens: 1 })
    expect((await cachedJudge(counting('other'), folder).complete(questions, sampling)).cached).toBeUndefined()
    const files = readdirSync(folder)
    expect(files).toHaveLength(2)
    expect(files.every(file => /^[0-9a-f]{64}\.json$/.test(file))).toBe(true)
    for (const file of files) writeFileSync(join(folder, file), '{"text": 3}')
    expect((await cachedJudge(counting(), folder).complete(questions, sampling)).cached).toBeUndefined()
    expect((await cachedJudge(counting(), folder).complete(questions, sampling)).cached).toBe(true)
  })

  test('a failure is not kept', async () => {
    let calls = 0
    const judge = cachedJudge({
      id: 'm',
      complete: async () => {
        if (calls++ === 0) throw new Error('later')
        return { text: 'ok' }
      },
    })
    await expect(judge.complete(questions, sampling)).rejects.toThrow('later')
    expect((await judge.complete(questions, sampling)).text).toBe('ok')
  })
})
