import { pointOf } from './drawn.js'

/** Where the plot lies on a page 1400 px wide, and its scores from 0 to 1 [CSS px]. */
export const PLOT = { left: 40, right: 1268, top: 28, bottom: 192 }
/** Room that a run of up to 40 examples has. */
const ROOM = 40
const STEP = (PLOT.right - PLOT.left) / ROOM
export const x = (index: number, step = STEP) => PLOT.left + (index + 0.5) * step
export const y = (score: number) => PLOT.bottom - score * (PLOT.bottom - PLOT.top)
/** As wide as a mark, and so much more. */
export const around = (px: number, py: number, by = 8) => ({
  ...{ left: Math.floor(px) - by, right: Math.floor(px) + by },
  ...{ top: Math.floor(py) - by, bottom: Math.floor(py) + by },
})

/** One mark of each outcome. */
export const FOUR = [
  { index: 2, outcome: 'updated', score: 0.9 },
  { index: 6, outcome: 'unchanged', score: 0.7 },
  { index: 10, outcome: 'skipped', score: 0.6 },
  { index: 14, outcome: 'failed', score: 0.4 },
] as const
/** 20 examples; those that are none of the four have no score to speak of, so that the mean keeps away from these. */
export const fourMarks = Array.from({ length: 20 }, (_, i) => {
  const mark = FOUR.find(({ index }) => index === i)
  return pointOf(i, mark ? { outcome: mark.outcome, metrics: { f1: mark.score } } : {})
})
