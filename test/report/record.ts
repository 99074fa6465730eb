import type { FinishedExample } from '../../src/harness/example.js'
import { MAIN } from '../../src/harness/history.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import type { Branch, Step } from '../../src/protocol/index.js'
import { MemoryRecord } from '../../src/record/memory.js'
import { sampleRun } from './sample.js'

/** Puts steps into a record; the source of a callable is its hash in a sentence. */
export function recordSteps(record: MemoryRecord, steps: readonly Step[], branch: Branch = MAIN): void {
  for (const step of steps) {
    const lora = (of: { identifier: string } | null) => of && new LoRAHandle(of)
    const { retrieveLoraFn, inferenceFn, finetuneFn } = step.callables
    const example = { ...step, info: {}, metadata: {} } as unknown as FinishedExample
    const source = (hash: string) => `() => {\n  // ${hash}\n}`
    record.record(
      { ...step, branch: branch.name },
      {
        branch,
        example,
        retrievedLora: lora(step.retrievedLora),
        updatedLora: lora(step.updatedLora),
        sources: {
          retrieveLoraFn: source(retrieveLoraFn),
          inferenceFn: source(inferenceFn),
          finetuneFn: source(finetuneFn),
          code: '',
        },
      },
    )
  }
}

/** A finished run in memory. */
export function recordOf(steps: readonly Step[], info: Partial<typeof sampleRun> = {}): MemoryRecord {
  const record = new MemoryRecord()
  Object.assign(record.info, sampleRun, info)
  recordSteps(record, steps)
  return record
}
