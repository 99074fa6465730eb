import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
import { withLock } from './lock.js'

/** Where models, downloads and rewritten graphs are kept: LORA_HARNESS_HOME, or ~/.cache/lora-harness. */
export const homeFolder = (): string =>
  resolve(process.env.LORA_HARNESS_HOME || join(homedir(), '.cache', 'lora-harness'))

export type Log = (line: string) => void

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** SHA-256 of a file, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

const MANIFEST = 'manifest.json'

/** What `manifest.json` says of a folder: who made it, and size [bytes] and SHA-256 of its files, by path within it. */
const Manifest = z.object({
  version: z.string(),
  files: z.record(z.string(), z.object({ size: z.int().nonnegative(), sha256: z.string() })),
})

/**
 * Makes a folder so that it is there whole or not at all: `make` fills a folder beside it, which gets a manifest, is
 * written through to the disk and then takes its name. Two processes do not make the same folder twice: the second
 * waits. What a killed process left behind is cleared away by the next one.
 *
 * @param version changes when `make` makes something else; a folder of another version is made again
 * @returns `target`, at once if it is there already
 * @throws whatever `make` throws; nothing is left then
 * @throws InputError if `target` is there, but not made by this function
 */
export async function makeFolder(
  target: string,
  version: string,
  make: (folder: string) => Promise<void>,
  log: Log,
): Promise<string> {
  const isThere = async () => (await exists(target)) && (await readManifest(target)).version === version
  if (await isThere()) return target
  await mkdir(dirname(target), { recursive: true })
  return withLock(`${target}.lock`, log, async () => {
    if (await isThere()) return target
    for (const name of await readdir(dirname(target)))
      if (name.startsWith(`${basename(target)}.tmp-`))
        await rm(join(dirname(target), name), { recursive: true, force: true })
    const folder = `${target}.tmp-${process.pid}`
    try {
      await mkdir(folder)
      await make(folder)
      await writeManifest(folder, version)
      if (await exists(target)) {
        log(`replacing ${target}, which another version made`)
        await rename(target, `${folder}-old`)
      }
      await rename(folder, target)
      await sync(dirname(target))
    } finally {
      for (const left of [folder, `${folder}-old`]) await rm(left, { recursive: true, force: true })
    }
    return target
  })
}

async function readManifest(folder: string): Promise<z.infer<typeof Manifest>> {
  try {
    return Manifest.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')))
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause).split('\n')[0] : messageOf(cause)
    throw broken(folder, `${MANIFEST} cannot be read (${what})`, cause)
  }
}

const broken = (folder: string, what: string, cause?: unknown): InputError =>
  new InputError(`checking ${folder}: ${what}; delete this folder, the next run makes it again`, { cause })

async function writeManifest(folder: string, version: string): Promise<void> {
  const files: z.infer<typeof Manifest>['files'] = {}
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter(e => e.isFile())) {
    const path = join(entry.parentPath, entry.name)
    await sync(path)
    const name = path.slice(folder.length + 1).replaceAll('\\', '/')
    files[name] = { size: (await stat(path)).size, sha256: await sha256OfFile(path) }
  }
  const path = join(folder, MANIFEST)
  await writeFile(path, `${JSON.stringify({ version, files }, null, 2)}\n`)
  for (const p of [path, ...entries.filter(e => e.isDirectory()).map(e => join(e.parentPath, e.name)), folder])
    await sync(p)
}

/** Waits until a file or folder is on the disk. Windows cannot do this for folders, nor needs it. */
async function sync(path: string): Promise<void> {
  if (process.platform === 'win32' && (await stat(path)).isDirectory()) return
  const file = await open(path, 'r+').catch(() => open(path, 'r'))
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Compares a folder made by {@link makeFolder} with its manifest.
 *
 * @param how `sizes` takes no time; `hashes` reads every byte
 * @throws InputError naming the first file that is missing or altered, what was expected and found, and the remedy
 */
export async function verifyFolder(folder: string, how: 'sizes' | 'hashes' = 'hashes'): Promise<void> {
  const { files } = await readManifest(folder)
  for (const [name, { size, sha256 }] of Object.entries(files)) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (!found) throw broken(folder, `${name} is missing`)
    if (found.size !== size) throw broken(folder, `${name} has ${found.size} bytes, ${size} were written`)
    if (how === 'sizes') continue
    const hash = await sha256OfFile(path)
    if (hash !== sha256) throw broken(folder, `${name} was altered: its SHA-256 is ${hash}, ${sha256} was written`)
  }
}
