import { HarnessError } from '../errors.js'
import { MAIN } from '../harness/history.js'
import type { StepContext } from '../harness/recorder.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Branch, Probing, RunEvent, Step } from '../protocol/index.js'
import { CALLABLES, exampleHash, swapBefore } from './changes.js'
import { branchOf, withParents } from './line.js'
import { type AdapterRecord, type CallableRecord, callableSources, pointOf, type RunWriter } from './record.js'
import { infoOf, type RunInfo, type RunStart, type Session } from './run-info.js'

/** A run in memory: for notebooks and tests, and wherever there is no disk. Adapters' files stay where they are. */
export class MemoryRecord implements RunWriter {
  readonly info: RunInfo
  readonly sessions: readonly Session[] = []
  readonly #branches: Branch[] = [MAIN]
  #current = MAIN.name
  readonly #steps = new Map<string, { step: Step; example: string }[]>()
  readonly #adapters = new Map<string, { record: AdapterRecord; lora: LoRAHandle }>()
  readonly #callables = new Map<string, CallableRecord>()
  readonly #probings: Probing[] = []
  readonly #events: RunEvent[] = []

  constructor(start: RunStart = {}) {
    this.info = infoOf(start)
  }

  get branches(): readonly Branch[] {
    return [...this.#branches]
  }

  get current(): string {
    return this.#current
  }

  ownSteps(branch: string): Step[] {
    return this.#own(branch).map(({ step }) => structuredClone(step))
  }

  steps(branch = this.#current): Step[] {
    return withParents(
      this,
      branch,
      name => this.ownSteps(name),
      step => step.index,
    )
  }

  timeline(branch = this.#current) {
    return this.steps(branch).map(pointOf)
  }

  examples(branch: string): string[] {
    return this.#own(branch).map(({ example }) => example)
  }

  adapters(): AdapterRecord[] {
    return [...this.#adapters.values()].map(({ record }) => structuredClone(record))
  }

  adapter(identifier: string): AdapterRecord | undefined {
    return structuredClone(this.#adapters.get(identifier)?.record)
  }

  lora(identifier: string): LoRAHandle {
    const found = this.#adapters.get(identifier)
    if (!found) throw new HarnessError(`reading a run: it has no adapter ${identifier.slice(0, 12)}`)
    return found.lora
  }

  callable(hash: string): CallableRecord | undefined {
    return this.#callables.get(hash)
  }

  probings(branch = this.#current): Probing[] {
    const own = (name: string) => this.#probings.filter(probing => probing.branch === name)
    return withParents(this, branch, own, probing => probing.at - 1)
  }

  events(): RunEvent[] {
    return structuredClone(this.#events)
  }

  keep(): void {}

  record(step: Step, { branch, example, retrievedLora, updatedLora, sources }: StepContext): void {
    const own = this.#own(branch.name)
    const before = own.at(-1)?.step ?? (branch.parent === null ? undefined : this.steps(branch.parent)[branch.at - 1])
    own.push({ step: structuredClone(step), example: exampleHash(example) })
    this.#steps.set(branch.name, own)
    for (const lora of [retrievedLora, updatedLora])
      if (lora) this.#adapter(lora, lora === updatedLora ? (retrievedLora?.identifier ?? null) : null, step)
    for (const name of CALLABLES)
      this.#callables.set(step.callables[name], {
        hash: step.callables[name],
        source: sources[name],
        code: sources.code,
      })
    const swap = before && swapBefore(step, before.callables, hashes => callableSources(this, hashes))
    if (swap) this.note(swap)
    this.#current = branch.name
  }

  probe(probing: Probing): void {
    this.#probings.push(structuredClone(probing))
  }

  begin(branch: Branch): void {
    this.#branches.push(branch)
    this.#current = branch.name
  }

  note(event: RunEvent): void {
    const same = ({ time: _, ...rest }: RunEvent) => JSON.stringify(rest)
    if (!this.#events.some(known => same(known) === same(event))) this.#events.push(structuredClone(event))
  }

  end(): void {}
  close(): void {}

  #own(branch: string): { step: Step; example: string }[] {
    return this.#steps.get(branchOf(this, branch).name) ?? []
  }

  #adapter(lora: LoRAHandle, parent: string | null, { branch, index }: Step): void {
    const { identifier, embedding, metadata } = lora
    if (this.#adapters.has(identifier)) return
    const record: AdapterRecord = {
      identifier,
      parent,
      branch,
      index,
      folder: null,
      files: {},
      bytes: 0,
      norms: null,
      embedding: embedding ?? null,
      metadata: JSON.parse(JSON.stringify(metadata)),
      removed: null,
    }
    this.#adapters.set(identifier, { record, lora })
  }
}
