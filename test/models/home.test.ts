import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { homedir, hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../src/errors.js'
import { homeFolder, makeFolder, verifyFolder } from '../../src/models/home.js'

let home: string
let count = 0
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'))
})
afterAll(() => rm(home, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

/** A place for a folder, in a folder of its own. */
const place = () => join(home, String(count++), 'model')
const silent = () => {}
const fill = async (folder: string) => {
  await mkdir(join(folder, 'onnx'))
  await writeFile(join(folder, 'config.json'), '{}')
  await writeFile(join(folder, 'onnx', 'model.onnx'), 'weights')
}
const beside = (target: string) => readdir(join(target, '..'))

test('home is LORA_HARNESS_HOME, else in the cache folder of the user', () => {
  vi.stubEnv('LORA_HARNESS_HOME', 'some/where')
  expect(homeFolder()).toBe(resolve('some/where'))
  vi.stubEnv('LORA_HARNESS_HOME', '')
  expect(homeFolder()).toBe(join(homedir(), '.cache', 'lora-harness'))
})

describe('makeFolder', () => {
  test('makes it once, with a manifest of its files', async () => {
    const target = place()
    const make = vi.fn(fill)
    expect(await makeFolder(target, '1', make, silent)).toBe(target)
    expect(await makeFolder(target, '1', make, silent)).toBe(target)
    expect(make).toHaveBeenCalledTimes(1)
    expect(await beside(target)).toEqual(['model'])
    expect(JSON.parse(await readFile(join(target, 'manifest.json'), 'utf8'))).toEqual({
      version: '1',
      files: {
        'config.json': { size: 2, sha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' },
        'onnx/model.onnx': { size: 7, sha256: '9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c' },
      },
    })
  })

  test('leaves nothing when making it fails', async () => {
    const target = place()
    const failing = async (folder: string) => {
      await fill(folder)
      throw new Error('no space left')
    }
    await expect(makeFolder(target, '1', failing, silent)).rejects.toThrow('no space left')
    expect(await beside(target)).toEqual([])
  })

  test('of another version is made again, and stays as it was until then', async () => {
    const target = place()
    await makeFolder(target, '1', fill, silent)
    const failing = () => Promise.reject(new Error('not this time'))
    await expect(makeFolder(target, '2', failing, silent)).rejects.toThrow('not this time')
    await verifyFolder(target)
    const log = vi.fn()
    await makeFolder(target, '2', folder => writeFile(join(folder, 'new'), ''), log)
    expect((await readdir(target)).sort()).toEqual(['manifest.json', 'new'])
    expect(await beside(target)).toEqual(['model'])
    expect(log).toHaveBeenCalledWith(`replacing ${target}, which another version made`)
  })

  test('that somebody else put there is not touched', async () => {
    const target = place()
    await mkdir(target, { recursive: true })
    await expect(makeFolder(target, '1', fill, silent)).rejects.toThrow(
      /manifest.json cannot be read .*delete this folder/,
    )
    expect(await readdir(target)).toEqual([])
  })

  test('asked for twice at once is made once', async () => {
    const target = place()
    const make = vi.fn(fill)
    const log = vi.fn()
    await Promise.all([makeFolder(target, '1', make, log), makeFolder(target, '1', make, log)])
    expect(make).toHaveBeenCalledTimes(1)
    expect(log).toHaveBeenCalledWith(`waiting for another process that holds ${target}.lock`)
    await verifyFolder(target)
  })

  /** A process that is in the middle of making `target`. */
  const inTheMiddle = async (target: string) => {
    const child = spawn(process.execPath, ['--no-warnings', resolve('test/models/maker.mjs'), target])
    let errors = ''
    child.stderr.on('data', chunk => (errors += chunk))
    const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    expect(String(first[0]), errors).toBe('in the middle\n')
    return child
  }

  test('that another process makes is waited for', async () => {
    const target = place()
    const child = await inTheMiddle(target)
    const make = vi.fn(fill)
    const waiting = new Promise<void>(done => {
      void makeFolder(target, '1', make, () => child.stdin.write('go on\n')).then(() => done())
    })
    await waiting
    expect(make).not.toHaveBeenCalled()
    expect(await readFile(join(target, 'half'), 'utf8')).toBe('made by the child')
  })

  test('that a process was making when it was killed is not there, and the next one makes it at once', async () => {
    const target = place()
    const child = await inTheMiddle(target)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await beside(target)).sort()).toEqual(['model.lock', `model.tmp-${child.pid}`])
    const log = vi.fn()
    await makeFolder(target, '1', fill, log)
    expect(log).not.toHaveBeenCalled()
    expect(await beside(target)).toEqual(['model'])
    await verifyFolder(target)
  })

  describe('with a lock of another machine', () => {
    const locked = async (age: number) => {
      const target = place()
      await mkdir(join(target, '..'))
      await writeFile(`${target}.lock`, JSON.stringify({ pid: process.pid, host: `not-${hostname()}` }))
      const then = new Date(Date.now() - age)
      await utimes(`${target}.lock`, then, then)
      return target
    }

    test('takes over a lock that nobody has touched for long', async () => {
      const target = await locked(60_000)
      const log = vi.fn()
      await makeFolder(target, '1', fill, log)
      expect(log).not.toHaveBeenCalled()
    })

    test('waits while it is fresh', async () => {
      const target = await locked(0)
      const log = vi.fn((_: string) => void rm(`${target}.lock`))
      await makeFolder(target, '1', fill, log)
      expect(log).toHaveBeenCalledTimes(1)
    })
  })
})

describe('verifyFolder names what is broken', () => {
  const broken = async (harm: (folder: string) => Promise<unknown>) => {
    const target = place()
    await makeFolder(target, '1', fill, silent)
    await harm(target)
    const texts: string[] = []
    for (const how of ['sizes', 'hashes'] as const) {
      const thrown = await verifyFolder(target, how).catch((e: unknown) => e)
      expect(thrown === undefined || thrown instanceof InputError).toBe(true)
      texts.push(thrown instanceof Error ? thrown.message.replace(target, 'FOLDER') : 'whole')
    }
    return texts
  }
  const remedy = 'delete this folder, the next run makes it again'

  test('nothing', async () => {
    expect(await broken(async () => {})).toEqual(['whole', 'whole'])
  })
  test('a missing file', async () => {
    const text = `checking FOLDER: onnx/model.onnx is missing; ${remedy}`
    expect(await broken(f => rm(join(f, 'onnx', 'model.onnx')))).toEqual([text, text])
  })
  test('a file cut short', async () => {
    const text = `checking FOLDER: onnx/model.onnx has 3 bytes, 7 were written; ${remedy}`
    expect(await broken(f => truncate(join(f, 'onnx', 'model.onnx'), 3))).toEqual([text, text])
  })
  test('a byte altered: seen by its hash', async () => {
    const [sizes, hashes] = await broken(f => writeFile(join(f, 'onnx', 'model.onnx'), 'Weights'))
    expect(sizes).toBe('whole')
    expect(hashes).toMatch(
      /^checking FOLDER: onnx\/model.onnx was altered: its SHA-256 is [0-9a-f]{64}, 9a129038d9a0[0-9a-f]{52} was written; delete/,
    )
  })
  test('a manifest that is none', async () => {
    const [text] = await broken(f => writeFile(join(f, 'manifest.json'), '{"version": "1"}'))
    expect(text).toMatch(/^checking FOLDER: manifest.json cannot be read \(.+\); delete/)
  })
})
