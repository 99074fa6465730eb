import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { env } from '@huggingface/transformers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../src/errors.js'
import { LoRAHandle } from '../../src/index.js'
import { identify } from '../../src/lora/adapter.js'
import { readPeft } from '../../src/lora/peft.js'
import { adapterFromPeft } from '../../src/models/adapters.js'

const FIXTURE = resolve('test/fixtures/tiny-llama-ref/adapter')
const silent = () => {}

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'adapters-'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true })
})
beforeEach(async () => void vi.stubEnv('LORA_HARNESS_HOME', await mkdtemp(join(home, 'home-'))))

const failure = async (id: string): Promise<string> => {
  const thrown = await adapterFromPeft(id, silent).catch((e: unknown) => e)
  expect(thrown).toBeInstanceOf(InputError)
  return (thrown as Error).message
}

test('a folder: identified by what is in it', async () => {
  const lora = await LoRAHandle.fromPeft('test/fixtures/tiny-llama-ref/adapter')
  expect(lora).toMatchObject({
    identifier: identify(readPeft(FIXTURE).adapter),
    path: FIXTURE,
    metadata: { baseModel: '' },
  })
})

test('what is neither a folder nor a hub id', async () => {
  for (const id of ['no-such-folder', './no/such', '../escape/x', 'a/../b', 'a/b/c', '', 'https://x/y'])
    expect(await failure(id)).toBe(
      `loading adapter ${JSON.stringify(id)}: there is no such folder, and a hub id looks like owner/name`,
    )
})

test('a folder that holds no adapter', async () => {
  expect(await failure('test/fixtures/tiny-llama-genai')).toMatch(/^reading adapter .*adapter_config.json: ENOENT/)
})

describe('a hub id', () => {
  let hub: Server
  let asked: string[]
  const kept = env.remoteHost
  beforeAll(async () => {
    const files: Record<string, Buffer | string> = {
      '/owner/tiny/resolve/main/adapter_config.json': readFileSync(join(FIXTURE, 'adapter_config.json')),
      '/owner/tiny/resolve/main/adapter_model.safetensors': readFileSync(join(FIXTURE, 'adapter_model.safetensors')),
      '/owner/bin/resolve/main/adapter_config.json': '{}',
      '/owner/bad/resolve/main/adapter_config.json': '{}',
      '/owner/bad/resolve/main/adapter_model.safetensors': 'x',
      '/owner/big/resolve/main/adapter_config.json': 'x'.repeat(10_000_001),
    }
    hub = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? 'no token'}`)
      const file = files[request.url!]
      response.writeHead(file === undefined ? 404 : 200).end(file)
    })
    await new Promise<void>(done => hub.listen(0, '127.0.0.1', done))
  })
  beforeEach(() => {
    asked = []
    vi.stubEnv('HF_TOKEN', 'secret')
    env.remoteHost = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    env.remoteHost = kept
    hub.close()
  })

  test('is downloaded once, and another host than the hub is not shown the token', async () => {
    const log = vi.fn()
    const lora = await adapterFromPeft('owner/tiny', log)
    expect(lora.identifier).toBe(identify(readPeft(FIXTURE).adapter))
    expect(lora.path).toBe(join(process.env.LORA_HARNESS_HOME!, 'hub-adapters', 'owner', 'tiny'))
    expect(asked).toEqual([
      '/owner/tiny/resolve/main/adapter_config.json no token',
      '/owner/tiny/resolve/main/adapter_model.safetensors no token',
    ])
    expect(await adapterFromPeft('owner/tiny', log)).toEqual(lora)
    expect(asked).toHaveLength(2)
    expect(log.mock.calls).toEqual([['downloading adapter owner/tiny from the hub, once']])
  })

  test.each([
    ['owner/unknown', 'it answered 404 when asked for adapter_config.json (other formats are not read)'],
    ['owner/bin', 'it answered 404 when asked for adapter_model.safetensors (other formats are not read)'],
    ['owner/big', 'adapter_config.json has more than 10000000 bytes'],
  ])('%s: %s; nothing half made is left', async (id, message) => {
    expect(await failure(id)).toBe(
      `loading adapter ${id}: there is no folder of that name, and it could not be had from the hub: ${message}`,
    )
    const left = await readdir(join(process.env.LORA_HARNESS_HOME!, 'hub-adapters', 'owner'))
    expect(left.filter(name => !name.endsWith('.lock'))).toEqual([])
  })

  test('an adapter that cannot be used is not a download that failed', async () => {
    expect(await failure('owner/bad')).toMatch(/^reading adapter .*owner.bad.adapter_config.json: r: /)
  })

  test('without a network', async () => {
    env.remoteHost = 'http://127.0.0.1:1/'
    expect(await failure('owner/tiny')).toMatch(/could not be had from the hub: fetch failed \(.+\)$/)
  })
})
