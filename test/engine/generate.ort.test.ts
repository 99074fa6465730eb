import { AutoTokenizer } from '@huggingface/transformers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GenerateOptions, LoRAModel } from '../../src/engine/model.js'
import { InputError } from '../../src/errors.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import type { Message } from '../../src/protocol/index.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

setAdapterFolder(temporaryFolder())

const prompt: Message[] = [{ role: 'user', content: 'hello there' }]
const reference = new LoRAHandle({ identifier: 'reference', path: fixture('tiny-llama-ref/adapter') })

let model: LoRAModel
/** Trained to answer `prompt` with "a", and to end its turn then. */
let taught: LoRAHandle
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'))
  taught = (await model.finetune(
    null,
    { messages: prompt, target: 'a' },
    { steps: 40, learningRate: 2e-2 },
  )) as LoRAHandle
})
afterAll(() => model.dispose())

const generate = (options: GenerateOptions & { lora?: LoRAHandle } = {}) =>
  model.generate(prompt, { maxNewTokens: 24, ...options })

describe('generate', () => {
  test('takes the likeliest token, always the same, until maxNewTokens', async () => {
    const first = await generate()
    expect(first).toEqual({ text: expect.any(String), promptTokens: 16, newTokens: 24, finishReason: 'length' })
    expect(await generate()).toEqual(first)
    const short = await generate({ maxNewTokens: 5 })
    expect(short).toMatchObject({ newTokens: 5, finishReason: 'length' })
    expect(first.text.startsWith(short.text.replace(/\uFFFD+$/, ''))).toBe(true)
  })

  test('answers what the adapter was taught, and stops at the end of the turn', async () => {
    // "a" and the token that ends the turn.
    expect(await generate({ lora: taught })).toEqual({
      text: 'a',
      promptTokens: 16,
      newTokens: 2,
      finishReason: 'stop',
    })
    expect((await generate()).text).not.toBe('a')
  })

  test('draws by a seed: the same seed, the same text', async () => {
    const drawn = (seed: number) => generate({ temperature: 1, seed })
    expect(await drawn(1)).toEqual(await drawn(1))
    expect((await drawn(2)).text).not.toBe((await drawn(1)).text)
    expect((await drawn(1)).text).not.toBe((await generate()).text)
  })

  test('at a temperature near 0, or from a nucleus of one token, draws the likeliest', async () => {
    const greedy = await generate()
    expect(await generate({ temperature: 1e-4, seed: 5 })).toEqual(greedy)
    expect(await generate({ temperature: 1, topP: 1e-6, seed: 5 })).toEqual(greedy)
    expect(await generate({ topP: 0.5, seed: 5 })).toEqual(greedy)
  })

  test('draws a token as often as its probability at that temperature says', async () => {
    const [temperature, draws] = [2, 300]
    const tokenizer = await AutoTokenizer.from_pretrained(fixture('tiny-llama-genai'), { local_files_only: true })
    const text = '<|im_start|>user\nhello there<|im_end|>\n<|im_start|>assistant\n'
    const { data, dims } = await model.logits(tokenizer.encode(text), { lora: taught })
    const weights = Array.from(data.subarray(-dims[1]), x => Math.exp(x / temperature))
    const p = weights[tokenizer.encode('a')[0]!]! / weights.reduce((sum, w) => sum + w, 0)
    expect(p).toBeGreaterThan(0.1)
    expect(p).toBeLessThan(0.9)
    let hits = 0
    for (let seed = 0; seed < draws; seed++)
      hits += Number((await generate({ lora: taught, temperature, maxNewTokens: 1, seed })).text === 'a')
    // Binomial: within four standard errors, for these seeds always.
    expect(Math.abs(hits / draws - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws))
  })

  test('ends before a stop text, wherever it comes', async () => {
    const { text } = await generate()
    const stop = text.slice(4, 8)
    const stopped = await generate({ stop: ['never', stop] })
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: 'stop' })
    expect(stopped.newTokens).toBeLessThan(24)
  })

  test('hands on the text as it comes', async () => {
    const pieces: string[] = []
    const { text } = await generate({ onToken: piece => pieces.push(piece) })
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.join('')).toBe(text)
  })

  test('hands on nothing of a stop text, nor what follows it', async () => {
    const { text } = await generate()
    for (const stop of [[text.slice(4, 8)], [text.slice(10, 12), 'never'], [text.slice(0, 3)]]) {
      const pieces: string[] = []
      const stopped = await generate({ stop, onToken: piece => pieces.push(piece) })
      expect(pieces.join('')).toBe(stopped.text)
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop[0]!)))
    }
    // The beginning of a stop text that never comes is handed on at the end.
    const pieces: string[] = []
    await generate({ stop: [`${text.slice(-3)}!`], onToken: piece => pieces.push(piece) })
    expect(pieces.join('')).toBe(text)
  })

  test('gives up when it is told to, before and during, and serves the next call', async () => {
    const reason = new Error('enough')
    await expect(generate({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const pieces: string[] = []
    const onToken = (piece: string) => {
      pieces.push(piece)
      controller.abort(reason)
    }
    await expect(generate({ maxNewTokens: 400, signal: controller.signal, onToken })).rejects.toBe(reason)
    expect(pieces.length).toBeLessThan(5)
    expect(await generate({ lora: taught })).toMatchObject({ text: 'a' })
  })

  test('does not depend on what was asked before', async () => {
    const long = (question: string): Message[] => [
      { role: 'system', content: 'Answer in one word, and never say the same one twice. '.repeat(4) },
      { role: 'user', content: question },
    ]
    const ask = (question: string, lora: LoRAHandle | null) =>
      model.generate(long(question), { lora, maxNewTokens: 16, temperature: 1, seed: 3 })
    const alone = [await ask('who?', null), await ask('who?', taught)]
    for (const lora of [null, taught]) {
      await ask('when, if ever?', lora)
      await ask('who was it?', lora)
    }
    expect([await ask('who?', null), await ask('who?', taught)]).toEqual(alone)
    expect(alone[0]!.promptTokens).toBeGreaterThan(96)
  })

  test('calls that overlap with different adapters do not mix', async () => {
    const calls: (() => Promise<unknown>)[] = [
      () => generate(),
      () => generate({ lora: taught }),
      () => generate({ lora: reference }),
      () => model.score(prompt, 'a', { lora: taught }),
      () => generate(),
    ]
    const alone: unknown[] = []
    for (const call of calls) alone.push(await call())
    expect(await Promise.all(calls.map(call => call()))).toEqual(alone)
    expect(new Set(alone.map(answer => JSON.stringify(answer))).size).toBe(4)
  })
})

describe('what cannot be served is an error', () => {
  const many = (n: number): Message[] => [{ role: 'user', content: 'x '.repeat(n) }]

  test('a prompt that fills the context, with both figures', async () => {
    expect(model.contextLength).toBe(512)
    await expect(model.generate(many(600))).rejects.toThrow(
      /^generate: the prompt has \d{4} tokens, the model's context 512; shorten the messages$/,
    )
  })

  test('an answer ends where the context does', async () => {
    const { promptTokens, newTokens, finishReason } = await model.generate(many(245), { maxNewTokens: 100 })
    expect(promptTokens).toBeGreaterThan(480)
    expect([promptTokens + newTokens, finishReason]).toEqual([512, 'length'])
  })

  test.each<[string, GenerateOptions]>([
    ['maxNewTokens must be a positive integer, found 0', { maxNewTokens: 0 }],
    ['maxNewTokens must be a positive integer, found 1.5', { maxNewTokens: 1.5 }],
    ['temperature must be a number ≥ 0, found -1', { temperature: -1 }],
    ['temperature must be a number ≥ 0, found NaN', { temperature: Number.NaN }],
    ['topP must be in (0, 1], found 0', { topP: 0 }],
    ['topP must be in (0, 1], found 1.1', { topP: 1.1 }],
    ['stop must be non-empty texts, found [""]', { stop: [''] }],
  ])('%s', async (message, options) => {
    await expect(generate(options)).rejects.toThrow(new InputError(`generate: ${message}`))
  })

  test.each<[string, unknown]>([
    ['a prompt needs at least one message; found none', []],
    ['a prompt needs at least one message; found none', undefined],
    [
      'message 1: role and content must be texts, found {"role":"user"}',
      [{ role: 'user', content: 'x' }, { role: 'user' }],
    ],
    ['message 0: role and content must be texts, found null', [null]],
  ])('%s', async (message, messages) => {
    await expect(model.generate(messages as Message[])).rejects.toThrow(new InputError(message))
    await expect(model.score(messages as Message[], 'a')).rejects.toThrow(new InputError(message))
  })

  test('token ids that are not in the vocabulary', async () => {
    await expect(model.logits([5, 320])).rejects.toThrow(
      new InputError('logits: token id 320 is not in the vocabulary of 320'),
    )
    await expect(model.logits([-1])).rejects.toThrow(
      new InputError('logits: token id -1 is not in the vocabulary of 320'),
    )
    await expect(model.logits([])).rejects.toThrow(new InputError('logits: no tokens'))
    await expect(model.logits(Array(513).fill(5))).rejects.toThrow(
      new InputError("logits: 513 tokens, the model's context has 512"),
    )
  })
})

describe('score', () => {
  test('is the mean negative log-likelihood of the answer and of the token that ends the turn', async () => {
    const { nll, tokens } = await model.score(prompt, 'a')
    const tokenizer = await AutoTokenizer.from_pretrained(fixture('tiny-llama-genai'), { local_files_only: true })
    const ids = tokenizer.encode('<|im_start|>user\nhello there<|im_end|>\n<|im_start|>assistant\na<|im_end|>')
    const { data, dims } = await model.logits(ids)
    const surprise = [ids.length - 2, ids.length - 1].map(t => {
      const row = Array.from(data.subarray((t - 1) * dims[1], t * dims[1]))
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[ids[t]!]!
    })
    expect(tokens).toBe(2)
    // The same logits, added up in float64 in another order.
    expect(nll).toBeCloseTo((surprise[0]! + surprise[1]!) / 2, 6)
  })

  test('falls with the adapter that was taught the answer', async () => {
    expect((await model.score(prompt, 'a', { lora: taught })).nll).toBeLessThan(
      0.1 * (await model.score(prompt, 'a')).nll,
    )
  })
})
