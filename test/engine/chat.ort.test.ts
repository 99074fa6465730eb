import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AutoTokenizer, type PreTrainedTokenizer } from '@huggingface/transformers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ItemOptions, LoRAModel, type TemplateOptions, type TrainingItem } from '../../src/engine/model.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, type TrainingSummary } from '../../src/lora/handle.js'
import type { Message } from '../../src/protocol/index.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
setAdapterFolder(join(folder, 'adapters'))
const reference = new LoRAHandle({ identifier: 'reference', path: fixture('tiny-llama-ref/adapter') })

/** The tiny decoder with another chat template. */
function withTemplate(name: string, template: string): Promise<LoRAModel> {
  const copy = join(folder, name)
  cpSync(fixture('tiny-llama-genai'), copy, { recursive: true })
  const file = join(copy, 'tokenizer_config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...config, chat_template: template }))
  return LoRAModel.load(copy)
}

/** As Qwen 3's: no thinking is an empty thought in the prompt, and thoughts of earlier turns are gone. */
const THINKING = `{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' and loop.last and enable_thinking is not defined %}<think></think>{% endif %}{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>no</think>{% endif %}{% endif %}`

let model: LoRAModel
let thinking: LoRAModel
let tokenizer: PreTrainedTokenizer
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'))
  thinking = await withTemplate('thinking', THINKING)
  tokenizer = await AutoTokenizer.from_pretrained(fixture('tiny-llama-genai'), { local_files_only: true })
})
afterAll(() => Promise.all([model.dispose(), thinking.dispose()]))

const user = (content: string): Message => ({ role: 'user', content })
const assistant = (content: string): Message => ({ role: 'assistant', content })

const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
/** Tokens of pieces of text; those in brackets are learned. */
function marked(...pieces: (string | [string])[]): TrainingItem {
  const ids = pieces.map(p => encode(typeof p === 'string' ? p : p[0]))
  return {
    inputIds: ids.flat(),
    labels: pieces.flatMap((p, i) => (typeof p === 'string' ? ids[i]!.map(() => -100) : ids[i]!)),
  }
}
const of = (m: LoRAModel, input: TrainingItem, options?: ItemOptions) => m.gradients(reference, input, options)

const chat = [user('hi'), assistant('yo there'), user('and now?'), assistant('bye')]
const opening = '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n'
const middle = '\n<|im_start|>user\nand now?<|im_end|>\n<|im_start|>assistant\n'

describe('a chat of several turns', () => {
  test('without a target: every turn of the assistant’s is learned, with the token that ends it', async () => {
    const expected = await of(model, marked(opening, ['yo there<|im_end|>'], middle, ['bye<|im_end|>']))
    expect(await of(model, { messages: chat })).toEqual(expected)
    expect(await of(model, { messages: chat.slice(0, 3), target: 'bye' }, { trainOn: 'assistant' })).toEqual(expected)
  })

  test('with a target, or trained on the target: the last turn alone', async () => {
    const expected = await of(model, marked(`${opening}yo there<|im_end|>${middle}`, ['bye<|im_end|>']))
    expect(await of(model, { messages: chat.slice(0, 3), target: 'bye' })).toEqual(expected)
    expect(await of(model, { messages: chat }, { trainOn: 'target' })).toEqual(expected)
  })

  test('is learned: both answers are given', async () => {
    const lora = (await model.finetune(null, { messages: chat }, { steps: 40, learningRate: 2e-2 })) as LoRAHandle
    expect((await model.generate(chat.slice(0, 1), { lora, maxNewTokens: 12 })).text).toBe('yo there')
    expect((await model.generate(chat.slice(0, 3), { lora, maxNewTokens: 12 })).text).toBe('bye')
  })

  test('is refused where the template rewrites earlier turns, by the number of the turn', async () => {
    await expect(of(thinking, { messages: chat })).rejects.toThrow(
      'message 1: the chat template writes this assistant turn differently when others follow it',
    )
    await expect(of(thinking, { messages: chat.slice(0, 3), target: 'bye' })).resolves.toBeDefined()
  })
})

describe('template options', () => {
  const spoken = `<|im_start|>system\nbe brief<|im_end|>\n${opening}`

  test('system: the same prompt for generate, score and finetune', async () => {
    const template = { system: 'be brief' }
    const messages = [{ role: 'system', content: 'be brief' }, user('hi')]
    expect(await model.generate([user('hi')], { template, lora: reference })).toEqual(
      await model.generate(messages, { lora: reference }),
    )
    expect(await model.score([user('hi')], 'yo', { template })).toEqual(await model.score(messages, 'yo'))
    expect(await of(model, { messages: [user('hi')], target: 'yo' }, { template })).toEqual(
      await of(model, marked(spoken, ['yo<|im_end|>'])),
    )
    const [a, b] = [
      await model.finetune(null, { messages: [user('hi')], target: 'yo' }, { template }),
      await model.finetune(null, { messages, target: 'yo' }),
    ] as [LoRAHandle, LoRAHandle]
    expect(a.identifier).toBe(b.identifier)
    await expect(model.generate(messages, { template })).rejects.toThrow(
      'template: system was given, but the messages begin with a system message; leave one of them out',
    )
  })

  test('enable_thinking, or any variable that the template reads', async () => {
    const template = { enable_thinking: false }
    const without = await thinking.generate([user('hi')], { template, maxNewTokens: 1 })
    const usual = await thinking.generate([user('hi')], { maxNewTokens: 1 })
    expect(without.promptTokens - usual.promptTokens).toBe(encode('<think>no</think>').length)
    expect(await of(thinking, { messages: [user('hi')], target: 'yo' }, { template })).toEqual(
      await of(thinking, marked(`${opening}<think>no</think>`, ['yo<|im_end|>'])),
    )
  })

  test.each<[string, unknown]>([
    ['chat template has no variable "enable_thinking"', { enable_thinking: false }],
    ['chat template has no variable "a b"', { 'a b': 1 }],
    ['template: tokenize is no variable of a chat template', { tokenize: true }],
    ['template: system must be a text, found 3', { system: 3 }],
  ])('%s', async (message, template) => {
    await expect(model.generate([user('hi')], { template: template as TemplateOptions })).rejects.toThrow(message)
  })
})

describe('an item that is too long', () => {
  const long = [user(`hi ${'word '.repeat(20)}`)]
  const target = 'yo there'

  test('is an error that names both figures and the way out', async () => {
    await expect(model.score(long, target, { maxLength: 40 })).rejects.toThrow(
      /^training item 0: \d+ tokens, maxLength is 40; shorten it, or say by truncation 'left' or 'right' at which end it may be cut$/,
    )
    await expect(model.score(long, target, { maxLength: 513 })).rejects.toThrow(
      "maxLength must be at most 512, the model's context; found 513",
    )
  })

  test('is cut on the left: the answer stays, and the result says what went', async () => {
    const prompt = encode(`<|im_start|>user\n${long[0]!.content}<|im_end|>\n<|im_start|>assistant\n`)
    const answer = encode('yo there<|im_end|>')
    const length = prompt.length + answer.length
    const options = { maxLength: 40, truncation: 'left' } as const
    const { truncated, nll, tokens } = await model.score(long, target, { lora: reference, ...options })
    expect(truncated).toEqual({ item: 0, side: 'left', length, tokens: length - 40, supervised: 0 })
    expect(tokens).toBe(answer.length)
    const kept = [...prompt, ...answer].slice(-40)
    const labels = kept.map((id, i) => (i < 40 - answer.length ? -100 : id))
    // One is evaluated in the inference graph, the other in the training graph.
    expect(nll).toBeCloseTo((await of(model, { inputIds: kept, labels })).loss, 4)
    const handle = (await model.finetune(
      null,
      [
        { messages: [user('hi')], target },
        { messages: long, target },
      ],
      {
        ...options,
        steps: 1,
      },
    )) as LoRAHandle
    expect((handle.metadata.training as TrainingSummary).truncated).toEqual([{ ...truncated, item: 1 }])
  })

  test('is cut on the right: what is lost of the answer is counted', async () => {
    const { truncated, tokens } = await model.score([user('hi')], 'yo there, how are you?', {
      maxLength: encode(opening).length + 3,
      truncation: 'right',
    })
    expect(tokens).toBe(3)
    expect(truncated).toMatchObject({ side: 'right', supervised: truncated!.tokens })
    await expect(model.score(long, target, { maxLength: 10, truncation: 'right' })).rejects.toThrow(
      /^training item 0: no token of it is supervised after \d+ of \d+ were cut on the right$/,
    )
  })

  test('is left alone if it fits', async () => {
    expect(await model.score(long, target, { maxLength: 500, truncation: 'left' })).toEqual(
      await model.score(long, target),
    )
  })
})
