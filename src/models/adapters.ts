import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { env } from '@huggingface/transformers'
import { InputError, messageOf } from '../errors.js'
import { identify } from '../lora/adapter.js'
import { isHubId } from '../lora/card.js'
import { PEFT_FILES } from '../lora/format.js'
import { LoRAHandle, setAdapterSource } from '../lora/handle.js'
import { readPeft } from '../lora/peft.js'
import { logToStderr } from './embedded.js'
import { homeFolder, type Log, makeFolder } from './home.js'

/** The hub that a token is meant for; a mirror set by `env.remoteHost` does not get it. */
const HUB = new URL(env.remoteHost)

setAdapterSource(source => adapterFromPeft(source))

/**
 * The adapter in a PEFT folder or in a hub's repository. What `LoRAHandle.fromPeft` does in Node.
 *
 * @throws InputError naming the folder or id, and what is wrong
 */
export async function adapterFromPeft(folderOrId: string, log: Log = logToStderr): Promise<LoRAHandle> {
  const path = await adapterFolderOf(folderOrId, log)
  const { adapter, base } = readPeft(path)
  return new LoRAHandle({ identifier: identify(adapter), path, metadata: { source: folderOrId, baseModel: base.name } })
}

async function adapterFolderOf(folderOrId: string, log: Log): Promise<string> {
  if ((await stat(folderOrId).catch(() => undefined))?.isDirectory()) return resolve(folderOrId)
  if (!isHubId(folderOrId))
    throw new InputError(
      `loading adapter ${JSON.stringify(folderOrId)}: there is no such folder, and a hub id looks like owner/name`,
    )
  try {
    // Not in the models' cache: a repository may hold both.
    const folder = join(homeFolder(), 'hub-adapters', folderOrId)
    return await makeFolder(folder, env.remoteHost, temporary => download(folderOrId, temporary, log), log)
  } catch (cause) {
    const inner = cause instanceof Error && cause.cause ? ` (${messageOf(cause.cause)})` : ''
    throw new InputError(
      `loading adapter ${folderOrId}: there is no folder of that name, and it could not be had from the hub: ${messageOf(cause)}${inner}`,
      { cause },
    )
  }
}

/** The two files of an adapter, from where transformers.js gets its models. */
async function download(id: string, folder: string, log: Log): Promise<void> {
  if (!env.allowRemoteModels) throw new InputError('the hub is switched off (env.allowRemoteModels is false)')
  log(`downloading adapter ${id} from the hub, once`)
  for (const [name, limit] of Object.entries(PEFT_FILES)) {
    const path = env.remotePathTemplate.replaceAll('{model}', id).replaceAll('{revision}', 'main')
    const url = new URL(`${path}${name}`, env.remoteHost)
    const token = url.origin === HUB.origin && process.env.HF_TOKEN
    const response: Response = await env.fetch(url, token ? { headers: { authorization: `Bearer ${token}` } } : {})
    if (!response.ok || !response.body)
      throw new InputError(`it answered ${response.status} when asked for ${name} (other formats are not read)`)
    await pipeline(Readable.fromWeb(response.body as never), atMost(limit, name), createWriteStream(join(folder, name)))
  }
}

/** Passes bytes on until there are too many. */
const atMost = (limit: number, name: string) =>
  async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let size = 0
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > limit) throw new InputError(`${name} has more than ${limit} bytes`)
      yield chunk
    }
  }
