/** How the learning rate goes on from where the warm-up has brought it. */
export const SCHEDULERS = ['constant', 'linear', 'cosine'] as const
export type Scheduler = (typeof SCHEDULERS)[number]

/**
 * The part of the full learning rate that step `t` of `steps` is taken with, in [0, 1]. With w steps of warm-up:
 *
 *     t ≤ w      (t − 1)/w        so the first of them has rate 0
 *     constant   1
 *     linear     (n − t + 1)/(n − w)
 *     cosine     (1 + cos(π (t − 1 − w)/(n − w)))/2
 *
 * The formulas, the 0 of the first warm-up step included, are those of transformers'
 * `get_{constant,linear,cosine}_schedule_with_warmup` (optimization.py).
 *
 * @param t number of the step, from 1
 */
export function rateAt(scheduler: Scheduler, t: number, steps: number, warmupSteps: number): number {
  const done = t - 1
  if (done < warmupSteps) return done / warmupSteps
  const progress = (done - warmupSteps) / Math.max(1, steps - warmupSteps)
  if (scheduler === 'linear') return 1 - progress
  return scheduler === 'cosine' ? (1 + Math.cos(Math.PI * progress)) / 2 : 1
}
