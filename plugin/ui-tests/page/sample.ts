import type { Branch, ControlAnswers, RunState, Step, TimelinePoint } from 'lora-harness/protocol'
import { sampleSteps } from '../../../test/report/sample.js'
import type { Ask, AskOf, AskType, RunSource } from '../../src/model/source.js'
import { RunStore } from '../../src/model/store.js'
import { chained, weights } from './weights.js'

/** What a timeline draws of a step. */
export const pointOf = (step: Step): TimelinePoint => ({
  ...{ index: step.index, key: step.key, chatId: step.chatId, metrics: step.metrics },
  ...{ losses: step.losses, targetLoss: step.targetLoss, outcome: step.outcome.kind },
  baselines: Object.fromEntries(Object.entries(step.baselines).map(([name, { metrics }]) => [name, metrics])),
  finetuneFn: step.callables.finetuneFn,
  lora: (step.updatedLora ?? step.retrievedLora)?.identifier ?? null,
})

/** A run for the tests of views: `steps` of the branch main, and of one that left it at `fork`. */
export interface Sample {
  steps: Step[]
  branches: Branch[]
}

/** @param examples rounded up to a multiple of 4 */
export function sample(examples: number, fork?: number): Sample {
  const steps = sampleSteps(4, Math.ceil(examples / 4))
  const branches: Branch[] = [{ name: 'main', parent: null, at: 0, skipUpdates: [] }]
  if (fork !== undefined) branches.push({ name: 'main-2', parent: 'main', at: fork, skipUpdates: [] })
  return { steps, branches }
}

export const stateOf = (about: Partial<RunState> = {}): RunState => ({
  ...{ id: 'people', runId: 'r7', folder: 'runs/r7', branch: 'main', status: 'idle', index: 0, total: 2000 },
  ...{ stage: null, error: null },
  callables: { retrieveLoraFn: 'a'.repeat(64), inferenceFn: 'b'.repeat(64), finetuneFn: 'c'.repeat(64) },
  ...about,
})

/** A source without a kernel: answers from `answers`, and keeps what it was asked. */
export class FakeSource implements RunSource {
  readonly store: RunStore
  readonly asked: Ask[] = []
  answers: { [T in AskType]?: (ask: AskOf<T>) => ControlAnswers[T] | Promise<ControlAnswers[T]> } = {}
  reasons: Partial<Record<AskType, string>> = {}
  reconnects = 0

  constructor({ steps, branches }: Sample, schedule: (tell: () => void) => void) {
    this.store = new RunStore('people', schedule)
    this.store.apply({ type: 'branches', branches, current: branches.at(-1)!.name })
    const lines = new Map(branches.map(({ name, at }) => [name, chained(steps, name, at)]))
    for (const { name, at } of branches)
      this.store.apply({ type: 'points', branch: name, from: at, points: lines.get(name)!.slice(at).map(pointOf) })
    const { name: branch } = branches.at(-1)!
    this.store.apply({ type: 'state', state: stateOf({ branch, index: steps.length, status: 'paused' }) })
    this.store.apply({ type: 'ready' })
    this.answers.example = ({ index, branch }) => {
      const step = lines.get(branch)?.[index]
      if (!step) throw new Error(`branch ${branch} has no example ${index}`)
      return { ...step, branch }
    }
    Object.assign(this.answers, weights(this.store))
  }

  cannot(type: AskType): string | null {
    return this.reasons[type] ?? null
  }

  async ask<T extends AskType>(request: AskOf<T>): Promise<ControlAnswers[T]> {
    this.asked.push(request)
    const answer = this.answers[request.type] as
      | ((ask: AskOf<T>) => ControlAnswers[T] | Promise<ControlAnswers[T]>)
      | undefined
    if (!answer) throw new Error(`the test did not expect ${request.type}`)
    return answer(request)
  }

  reconnect(): void {
    this.reconnects++
  }

  dispose(): void {}
}
