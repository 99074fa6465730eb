import { join } from 'node:path'
import type { ExampleContext, LoRAHarness } from '../../src/harness/index.js'
import type { Adapter } from '../../src/lora/adapter.js'
import { readBeside, writeBeside } from '../../src/lora/beside.js'
import { adapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, skip } from '../../src/lora/handle.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { sha256 } from '../../src/lora/sha256.js'
import { chatHash } from '../../src/lora/trained.js'
import { type OpenOptions, openRun } from '../../src/record/open.js'
import { tensorName } from '../../src/rules/lora.js'
import { random, type Tensor } from '../../src/tensor.js'

/** The file that a trainer keeps its optimizer's state in, in the adapter's folder. */
const STATE = 'optimizer.safetensors'
const BASE = { name: 'program', fingerprint: '' }

/** A few ms of work, as everything of a real run takes some time: what the kill test needs. */
const work = () => sha256([new Uint8Array(Number(process.env.WORK ?? 0))])

/** Questions of two chats in turn. The last one is the first once more: a leak. */
export const questions = (count: number): ExampleContext[] =>
  Array.from({ length: count }, (_, testIdx) => {
    const last = testIdx === count - 1
    const question = `question ${last ? 0 : testIdx}`
    return {
      datasetName: 'program',
      testIdx,
      messages: [{ role: 'user', content: `${question}: ${'word '.repeat(60)}` }],
      lang: 'en',
      target: `answer to ${question}`,
      info: {},
      metadata: {},
      chatId: testIdx % 2 === 0 || last ? 'even' : 'odd',
      evaluate: response => {
        work()
        return { length: response.length, exact: response.startsWith('answer') }
      },
    }
  })

/** The next adapter of a line of them: the one it is made from, and noise by a seed. */
function trained(from: Adapter | undefined, seed: number): Adapter {
  const rng = random(seed)
  const tensor = (factor: 'A' | 'B', dims: [number, number]): [string, Tensor] => {
    const name = tensorName('model.layers.0.mlp.up_proj', factor)
    const before = from?.tensors.get(name)?.data
    const data = Float32Array.from({ length: dims[0] * dims[1] }, (_, i) => rng.normal() + (before?.[i] ?? 0))
    return [name, { dims, data }]
  }
  return {
    config: { r: 4, alpha: 8, rslora: false, rankPattern: {}, alphaPattern: {} },
    tensors: new Map([tensor('A', [4, 32]), tensor('B', [48, 4])]),
  }
}

/** The first number of an adapter, read from its folder: a response that depends on what lies there. */
const read = (lora: LoRAHandle | null): number =>
  lora ? [...readPeft(lora.path!).adapter.tensors.values()][0]!.data[0]! : 0

/** An adapter from outside the run, under a name of its own. */
export const outsider = (parent: string): LoRAHandle =>
  new LoRAHandle({ identifier: 'theirs', path: writePeft(trained(undefined, 1), parent, BASE).path })

/**
 * A run in small with everything that a record keeps: PEFT adapters, optimizer states, outcomes of all kinds, probes.
 *
 * @param theirs what the odd chat begins with
 */
export const program = (theirs: LoRAHandle, count = 8): OpenOptions => ({
  exampleSource: questions(count),
  seed: 5,
  probes: { examples: questions(2).map(probe => ({ ...probe, datasetName: 'probe' })), every: 3 },
  retrieveLoraFn: (example, { store }) => {
    work()
    return store.getLast(example.chatId) ?? (example.chatId === 'odd' ? theirs : null)
  },
  inferenceFn: (example, lora) => {
    work()
    return `${example.testIdx} by ${read(lora)}`
  },
  finetuneFn: (example, lora, _response, _metrics, { index, seed }) => {
    work()
    if (index % 4 === 3) return index % 8 === 3 ? null : skip('every eighth')
    const from = lora ? readPeft(lora.path!).adapter : undefined
    const state = lora && lora.identifier !== theirs.identifier ? readBeside(lora.path!, STATE) : new Uint8Array()
    if (!state) throw new Error('the optimizer state is gone')
    const made = writePeft(trained(from, seed), adapterFolder(), BASE)
    writeBeside(made.path, STATE, new TextEncoder().encode(sha256([state, String(seed)])))
    const training = { losses: [2, 1], items: [chatHash(example.messages, example.target!)] }
    return new LoRAHandle({ ...made, metadata: { training } })
  },
})

/**
 * Goes on with a run from wherever it is: five examples, back to the third and on to the end, then a fork from the
 * fifth that leaves out an update.
 *
 * @param tell is told of every stage as it begins (`stage retrieve`), and of every step once it is recorded
 *   (`recorded main 3`)
 */
export async function runProgram(folder: string, tell: (line: string) => void = () => {}): Promise<void> {
  const watch = (harness: LoRAHarness) => {
    harness.onEvent(({ type, stage, probe }) => type === 'stage' && tell(`stage ${probe ? 'probe' : stage}`))
    harness.onStep(({ branch, index }) => tell(`recorded ${branch} ${index}`))
  }
  tell('stage open')
  const run = await openRun(folder, program(outsider(join(folder, '..', 'theirs'))))
  watch(run)
  const has = (name: string) => run.recorder.branches.some(branch => branch.name === name)
  if (!has('again')) {
    while (run.results.length < 5) await run.step()
    tell('stage branch')
    run.rewind(2, 'again')
  }
  for await (const _ of run.run());
  if (!has('fork')) {
    tell('stage branch')
    const fork = run.fork({ at: 4, name: 'fork', skipUpdates: [5] })
    watch(fork)
    for await (const _ of fork.run());
  }
  tell('stage close')
  run.recorder.end('finished')
  run.recorder.close()
}
