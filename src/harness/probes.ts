import { InputError, messageOf } from '../errors.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Probe } from '../protocol/index.js'
import { adapterOf, type Callables, generationOf, type HarnessView } from './callables.js'
import { type ExampleContext, exampleKey, viewOf } from './example.js'
import { type ExampleSource, Feed } from './feed.js'
import { scoreOf } from './score.js'
import { stagesOf } from './stages.js'

/** Questions that are asked again and again while a run learns: scored each time, never trained on. */
export interface ProbeOptions {
  /** Any source of examples; read to its end before they are asked for the first time. */
  examples: ExampleSource
  /** They are asked before example 0, before every so many examples, and at the end of the run. */
  every: number
}

/** The probes of a run and when to ask them. */
export class Probes {
  readonly #every: number
  readonly #feed: Feed
  #all: Promise<readonly ExampleContext[]> | undefined

  /** @throws InputError if `every` is not a positive integer */
  constructor({ examples, every }: ProbeOptions) {
    if (!(Number.isInteger(every) && every > 0))
      throw new InputError(`probes: every is ${every}; it must be a positive integer`)
    this.#every = every
    this.#feed = new Feed(examples)
  }

  /** Are they asked before example `index`? */
  due(index: number): boolean {
    return index % this.#every === 0
  }

  /** @throws InputError if there are none, or one is malformed or has the key of an earlier one */
  all(): Promise<readonly ExampleContext[]> {
    this.#all ??= readAll(this.#feed)
    return this.#all
  }
}

async function readAll(feed: Feed): Promise<ExampleContext[]> {
  const all: ExampleContext[] = []
  try {
    for (;;) {
      const probe = await feed.at(all.length)
      if (!probe) return all
      all.push(probe)
    }
  } catch (cause) {
    throw new InputError(`probes: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Retrieves for a probe, answers and scores it. Nothing is trained.
 *
 * @param onRetrieved told of the adapter before it answers
 * @throws HarnessError naming stage and probe; the signal's reason once the run is stopped
 */
export async function askProbe(
  probe: ExampleContext,
  { retrieveLoraFn, inferenceFn }: Callables,
  harness: HarnessView,
  onRetrieved: (lora: LoRAHandle | null) => void,
): Promise<Probe> {
  const key = exampleKey(probe)
  const question = viewOf(probe)
  const what = `probe ${key} (before step ${harness.index})`
  const { stage } = stagesOf(what, harness.signal, stage => harness.emit({ type: 'stage', stage }))
  const lora = await stage('retrieve', async () => adapterOf(await retrieveLoraFn(question, harness)))
  onRetrieved(lora)
  const { text } = await stage('infer', async () => generationOf(await inferenceFn(question, lora, harness)))
  const { metrics } = await stage('evaluate', async () => scoreOf(await probe.evaluate(text)))
  const chatId = probe.chatId ?? null
  return { key, chatId, response: text, metrics, lora: lora && { identifier: lora.identifier } }
}
