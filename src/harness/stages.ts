import { HarnessError, messageOf } from '../errors.js'
import { STAGES, type Stage } from '../protocol/index.js'

/** Runs one stage of an example. */
export type RunStage = <T>(stage: Stage | `baseline ${string}`, work: () => T | Promise<T>) => Promise<T>

/**
 * Runs the stages of one example: each is timed, a failure says which stage of which example, and a stopped run goes no
 * further. Only recording is never cut short: what is being written is written.
 *
 * @param what names the example, for errors
 * @param onStage told of each stage as it begins
 * @returns `ms`, wall time of each stage so far [ms]; `stage`, which throws `signal.reason` once the signal is aborted,
 *   and HarnessError if the work throws
 */
export function stagesOf(
  what: string,
  signal: AbortSignal,
  onStage: (name: string) => void,
): { ms: Record<Stage, number>; stage: RunStage } {
  const ms = Object.fromEntries(STAGES.map(stage => [stage, 0])) as Record<Stage, number>
  const stage: RunStage = async (name, work) => {
    const start = performance.now()
    const stopHere = () => name !== 'record' && signal.throwIfAborted()
    try {
      onStage(name)
      const done = await work()
      if (name in ms) ms[name as Stage] = performance.now() - start
      stopHere()
      return done
    } catch (cause) {
      stopHere()
      throw new HarnessError(`${name} failed on ${what}: ${messageOf(cause)}`, { cause })
    }
  }
  return { ms, stage }
}
