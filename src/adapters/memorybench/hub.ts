import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { HarnessError, InputError, messageOf } from '../../errors.js'
import { homeFolder, makeFolder } from '../../models/home.js'
import { setFiles } from './files.js'

/** What is fetched of a repository at once: a set's rows or its corpus. */
export interface Part {
  /** Names its folder in our cache. */
  key: string
  /** Its files' paths in the repository begin so. */
  prefix: string
  /** Is it in this folder? */
  isIn(folder: string): boolean
}

export const rowsOf = (name: string): Part => ({
  key: name,
  prefix: `dataset/${name}/`,
  isIn: folder => setFiles(folder, name) !== undefined,
})

const corpusFile = (folder: string, name: string): string => join(folder, 'corpus', `${name}.jsonl`)
export const corpusFileOf = (name: string): Part => ({
  key: `${name}.corpus`,
  prefix: `corpus/${name}.jsonl`,
  isIn: folder => existsSync(corpusFile(folder, name)),
})

const HUB_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*$/
const isHubId = (path: string): boolean => HUB_ID.test(path) && !path.includes('..') && !existsSync(path)

/**
 * The folder or file to read a part from, if nothing has to be downloaded for it: `path` itself, or for a hub id such
 * as `THUIR/MemoryBench` a snapshot in the cache of Hugging Face's own tools, or what {@link ensurePart} downloaded.
 */
export function localPart(path: string, part: Part): string | undefined {
  if (!isHubId(path)) return path
  return [snapshot(path), ours(path, part)].find(folder => folder !== undefined && part.isIn(folder))
}

/**
 * The folder or file to read a part from. What a hub id stands for is downloaded, once, if it is not on this machine:
 * only the files of that part, from HF_ENDPOINT or https://huggingface.co, into LORA_HARNESS_HOME.
 *
 * @throws InputError if it is not there and cannot be downloaded, or comes with another size or hash than announced
 */
export async function ensurePart(path: string, part: Part): Promise<string> {
  const found = localPart(path, part)
  if (found !== undefined) return found
  const endpoint = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
  const log = (line: string) => void process.stderr.write(`${line}\n`)
  try {
    if (/^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? '')) throw new HarnessError('HF_HUB_OFFLINE forbids it')
    return await makeFolder(ours(path, part), '1', folder => download(endpoint, path, part, folder, log), log)
  } catch (cause) {
    const why =
      cause instanceof Error && cause.cause ? `${cause.message} (${messageOf(cause.cause)})` : messageOf(cause)
    throw new InputError(
      `reading ${part.key} of MemoryBench: there is no folder ${path}, no snapshot of that data set in ${hubCache()}, ` +
        `and it could not be downloaded from ${endpoint}: ${why}. Where there is a network, ` +
        `\`hf download ${path} --repo-type dataset --local-dir FOLDER\` makes a folder that \`path\` can name`,
      { cause },
    )
  }
}

const ours = (id: string, part: Part): string => join(homeFolder(), 'data', id.replace('/', '--'), part.key)

/** Where Hugging Face's tools keep downloads. */
function hubCache(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, 'hub')
}

/** The snapshot that `main` stood for when it was last asked; the newest one where nobody noted that. */
function snapshot(id: string): string | undefined {
  const folder = join(hubCache(), `datasets--${id.replace('/', '--')}`)
  const snapshots = join(folder, 'snapshots')
  if (!existsSync(snapshots)) return undefined
  const main = join(folder, 'refs', 'main')
  if (existsSync(main)) return join(snapshots, readFileSync(main, 'utf8').trim())
  const age = (name: string) => statSync(join(snapshots, name)).mtimeMs
  const newest = readdirSync(snapshots).sort((a, b) => age(b) - age(a))[0]
  return newest === undefined ? undefined : join(snapshots, newest)
}

const Revision = z.looseObject({ sha: z.string().regex(/^\w+$/) })
const Entry = z.looseObject({
  type: z.string(),
  path: z.string(),
  size: z.int().nonnegative(),
  lfs: z.looseObject({ oid: z.string() }).optional(),
})
/** Paths come from a server: nothing but plain names of files with rows, or what describes them. */
const PATH = /^(?:\w[\w&. -]*\/)*\w[\w&. -]*\.(?:arrow|jsonl?)$/

async function download(endpoint: string, id: string, part: Part, folder: string, log: (line: string) => void) {
  const api = `${endpoint}/api/datasets/${id}`
  const { sha } = Revision.parse(await (await get(`${api}/revision/main`)).json())
  const listing = await get(`${api}/tree/${sha}/${encoded(dirname(`${part.prefix}-`))}?recursive=true`)
  const files = z
    .array(Entry)
    .parse(await listing.json())
    .filter(({ type, path }) => type === 'file' && path.startsWith(part.prefix) && PATH.test(path))
  if (files.length === 0) throw new HarnessError(`revision ${sha} of ${id} has no ${part.prefix}`)
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  log(
    `downloading ${part.key} of ${id} (${(bytes / 1e6).toFixed(1)} MB, revision ${sha.slice(0, 8)}) from ${endpoint}, once`,
  )
  for (const { path, size, lfs } of files) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await fetchFile(`${endpoint}/datasets/${id}/resolve/${sha}/${encoded(path)}`, target, size, lfs?.oid)
  }
}

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

async function get(url: string): Promise<Response> {
  const response = await fetch(url)
  if (!response.ok) throw new HarnessError(`${url}: ${response.status} ${response.statusText}`)
  return response
}

async function fetchFile(url: string, target: string, size: number, sha256: string | undefined): Promise<void> {
  const { body } = await get(url)
  const hash = createHash('sha256')
  let bytes = 0
  const wrong = (what: string) => new HarnessError(`${url}: ${what}`)
  await pipeline(
    Readable.fromWeb(body as import('node:stream/web').ReadableStream<Uint8Array>),
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        bytes += chunk.length
        if (bytes > size) throw wrong(`it is longer than the ${size} bytes announced`)
        hash.update(chunk)
        yield chunk
      }
    },
    createWriteStream(target),
  )
  if (bytes !== size) throw wrong(`it ended after ${bytes} of ${size} bytes`)
  const found = hash.digest('hex')
  if (sha256 !== undefined && found !== sha256) throw wrong(`its SHA-256 is ${found}, not ${sha256}`)
}
