import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { env } from '@huggingface/transformers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../src/errors.js'
import { resolveModel } from '../../src/models/resolve.js'

const FIXTURE = resolve('test/fixtures/tiny-llama-genai')
const silent = () => {}

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'resolve-'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true })
})
beforeEach(async () => void vi.stubEnv('LORA_HARNESS_HOME', await mkdtemp(join(home, 'home-'))))

const failure = async (id: string, dtype: 'fp32' | 'q4' = 'fp32') => {
  const thrown = await resolveModel(id, [dtype], silent).catch((e: unknown) => e)
  expect(thrown).toBeInstanceOf(InputError)
  return (thrown as Error).message
}

describe('a folder', () => {
  test('that transformers.js loads is taken as it is', async () => {
    expect(await resolveModel('test/fixtures/tiny-llama-genai', ['fp32'])).toEqual({
      id: 'tiny-llama-genai',
      folder: FIXTURE,
      dtype: 'fp32',
    })
  })

  test('that lacks a file is an error naming it and what is there', async () => {
    const folder = join(home, 'half')
    await cp(FIXTURE, folder, { recursive: true })
    await rm(join(folder, 'onnx', 'model_q4.onnx'), { force: true })
    expect(await failure(folder, 'q4')).toMatch(/it has no onnx.model_q4.onnx; found config.json, .*onnx.model.onnx/)
    await rm(join(folder, 'tokenizer.json'))
    expect(await failure(folder)).toContain('it has no tokenizer.json; found config.json')
  })

  test('that is not there is an error, not a question to the hub', async () => {
    for (const id of [
      'no-such-folder',
      './no/such',
      '/no/such/folder',
      '../escape/x',
      'a/../b',
      'a/b/c',
      '',
      'https://x/y',
    ])
      expect(await failure(id)).toBe(
        `loading model ${JSON.stringify(id)}: there is no such folder, and a hub id looks like owner/name; the embedded model is smollm2-135m-instruct`,
      )
  })
})

describe('a hub id', () => {
  let hub: Server
  let asked: string[]
  const kept = { host: env.remoteHost }
  beforeAll(async () => {
    hub = createServer((request, response) => {
      asked.push(request.url!)
      const file = /^\/owner\/tiny\/resolve\/main\/(.+)$/.exec(request.url!)?.[1]
      readFile(join(FIXTURE, file ?? 'none')).then(
        bytes => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
        () => response.writeHead(404).end(),
      )
    })
    await new Promise<void>(done => hub.listen(0, '127.0.0.1', done))
  })
  beforeEach(() => {
    asked = []
    env.remoteHost = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    env.remoteHost = kept.host
    hub.close()
  })

  test('is downloaded once, into a folder of its own', async () => {
    const log = vi.fn()
    const { id, folder } = await resolveModel('owner/tiny', ['fp32'], log)
    expect([id, folder]).toEqual(['owner/tiny', join(process.env.LORA_HARNESS_HOME!, 'hub', 'owner', 'tiny')])
    for (const file of [
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'onnx/model.onnx',
    ])
      expect(await readFile(join(folder, file))).toEqual(await readFile(join(FIXTURE, file)))
    expect(log.mock.calls).toEqual([['downloading owner/tiny (fp32) from the hub, once']])
    asked = []
    expect(await resolveModel('owner/tiny', ['fp32'], log)).toEqual({ id, folder, dtype: 'fp32' })
    expect(asked).toEqual([])
    expect(log).toHaveBeenCalledTimes(1)
  })

  test('that the hub does not know', async () => {
    expect(await failure('owner/unknown')).toMatch(
      /^loading model owner\/unknown: there is no folder of that name, and it could not be had from the hub: Could not locate file: .* The embedded model, smollm2-135m-instruct, needs no hub$/,
    )
  })

  test('without a network', async () => {
    env.remoteHost = 'http://127.0.0.1:1/'
    expect(await failure('owner/tiny')).toMatch(
      /^loading model owner\/tiny: there is no folder of that name, and it could not be had from the hub: fetch failed \(.+\)\. The embedded model/,
    )
  })
})
