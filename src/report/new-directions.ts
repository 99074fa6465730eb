import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HarnessError, InputError, messageOf, quote } from '../errors.js'
import { modulesOf } from '../lora/adapter.js'
import { type Update, updateOf } from '../lora/gram.js'
import type { TunedDirections } from '../protocol/index.js'
import type { RunRecord } from '../record/record.js'
import type { Tensor } from '../tensor.js'
import { reader } from './adapters.js'

/** What `new-directions-thread` is given. */
export interface DirectionsJob {
  update: Update
  base: Tensor
  count: number
}

/** How many of the strongest directions are looked at, and what counts as new: see `directionMatches`. */
const COUNT = 10
const NEW_BELOW = 0.5
/** The smaller side of the weights, at most: 1,024 by 4,096 takes about a minute. */
const LARGEST = 1024

/**
 * How far the strongest directions of a module's weights with its update, W₀ + ΔW, are from all of W₀'s. The weights are
 * read from the base model on this machine and decomposed in a thread of their own: 2 s for [576, 576], 10 s for [1536, 576].
 *
 * @throws HarnessError if the adapter has no files any more; InputError if it has no such module, if the base model is not
 * here, or if its weights are too large
 */
export async function readDirections(
  record: Pick<RunRecord, 'adapter' | 'lora'>,
  identifier: string,
  module: string,
): Promise<TunedDirections> {
  const { adapter, base } = reader(record)(identifier)
  const what = `looking for new directions of ${quote(module)}`
  if (!modulesOf(adapter).includes(module))
    throw new InputError(`${what}: adapter ${identifier.slice(0, 12)} has no such module`)
  const { findBaseWeights } = await import('../engine/base-norms.js') // Loads ONNX Runtime.
  const weights = await findBaseWeights(base, module)
  if (Math.min(...weights.dims) > LARGEST)
    throw new InputError(
      `${what}: its weights are [${weights.dims.join(', ')}], and decomposing them would take many minutes; the smaller side may have ${LARGEST}`,
    )
  const cosines = await inThread({ update: updateOf(adapter, module), base: weights, count: COUNT })
  return { cosines: cosines.map(cosine => Math.min(1, cosine)), newBelow: NEW_BELOW } // 1 + 1e-15 is a rounding error.
}

async function inThread(workerData: DirectionsJob): Promise<number[]> {
  // Flags of the process may be refused for a thread, and this one needs none.
  const worker = new Worker(new URL('./new-directions-thread.js', import.meta.url), { workerData, execArgv: [] })
  try {
    const [cosines] = (await once(worker, 'message')) as [number[]]
    return cosines
  } catch (cause) {
    throw new HarnessError(`decomposing the weights of ${quote(workerData.update.module)}: ${messageOf(cause)}`, {
      cause,
    })
  } finally {
    await worker.terminate()
  }
}
