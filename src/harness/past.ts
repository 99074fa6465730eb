import { InputError } from '../errors.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Branch, Probing, RunEvent, Step } from '../protocol/index.js'
import { type ExampleContext, finished } from './example.js'
import type { Feed } from './feed.js'
import { type FinishedBranch, History } from './history.js'
import type { ExampleResult } from './step.js'

/** What a run has finished, as a record gives it. */
export interface Past {
  /** In the order in which they were begun: parents first. */
  readonly branches: readonly Branch[]
  /** The branch last worked on. */
  readonly current: string
  /** A branch's own steps, by index. */
  ownSteps(branch: string): readonly Step[]
  /** What the probes scored on a branch and, until it left (inclusive), its parents, by rising `at`. */
  probings(branch: string): readonly Probing[]
  /** What happened beside steps and probings. */
  events(): readonly RunEvent[]
  /** @throws HarnessError if the adapter is not there any more */
  lora(identifier: string): LoRAHandle
}

/** The history that a past stands for. @throws InputError if the feed has fewer examples, or there is no such branch */
export async function historyOf(past: Past, branchName: string, feed: Feed): Promise<History> {
  const handles = new Map<string, LoRAHandle>()
  const lora = (identifier: string) => {
    const handle = handles.get(identifier) ?? past.lora(identifier)
    handles.set(identifier, handle)
    return handle
  }
  const all = new Map<string, FinishedBranch>()
  for (const branch of past.branches) {
    const before = branch.parent === null ? [] : all.get(branch.parent)!.results.slice(0, branch.at)
    const own: ExampleResult[] = []
    for (const step of past.ownSteps(branch.name)) {
      const example = await feed.at(step.index)
      if (!example)
        throw new InputError(
          `going on with a run: step ${step.index} is example ${step.key}, but the source now ends before it`,
        )
      own.push(resultOf(step, example, lora))
    }
    const probings = Object.freeze([...past.probings(branch.name)])
    all.set(branch.name, Object.freeze({ ...branch, results: Object.freeze([...before, ...own]), probings }))
  }
  const found = all.get(branchName)
  if (!found)
    throw new InputError(
      `going on with branch ${branchName} of a run: it has ${[...all.keys()].slice(0, 20).join(', ')}`,
    )
  const { results, probings, ...current } = found
  all.delete(branchName)
  return new History(current, results, probings, [...all.values()])
}

/** The result that a step is the JSON form of. */
function resultOf(step: Step, example: ExampleContext, loraOf: Past['lora']): ExampleResult {
  const { runId, branch, index, response, metrics, details, baselines, outcome, callables, seed, tokens, ms } = step
  const lora = (named: Step['retrievedLora']) => named && loraOf(named.identifier)
  return Object.freeze({
    ...{ runId, branch, index, response, metrics, details, baselines, outcome, callables, seed, tokens, ms },
    example: finished(example),
    retrievedLora: lora(step.retrievedLora),
    updatedLora: lora(step.updatedLora),
    startedAt: step.startedAt,
  })
}
