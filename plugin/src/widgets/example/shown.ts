import type { Step, TimelinePoint } from 'lora-harness/protocol'

/** The example that is looked at. */
export interface Shown {
  branch: string
  /** Examples of the branch. */
  line: readonly TimelinePoint[]
  point: TimelinePoint
  step: Step
}
