import type { Step } from '../protocol/index.js'

/** Steps as JSON Lines: the text of `steps.jsonl`. */
export const stepsJsonl = (steps: readonly Step[]): string => steps.map(step => `${JSON.stringify(step)}\n`).join('')
