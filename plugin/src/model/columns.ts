import type { TimelinePoint } from 'lora-harness/protocol'
import { baselineScoreOf, scoreOf } from './shown.js'
import { OUTCOMES } from './view.js'

/** Scores in the order of examples, and their running mean; NaN where there is none. */
export interface Series {
  score: Float32Array
  /** Mean of the last `window` scores up to here. */
  mean: Float32Array
}

/** What decides what columns hold. */
export interface Columned {
  metric: string | null
  baseline: string | null
  /** Scores that the running mean is over. */
  window: number
}

/** Different scores that are told apart at most: more are a scatter, these are strips. */
export const FEW = 5

/** Sum over the last scores of a series, kept up as they come. */
interface Recent {
  sum: number
  count: number
  /** The first score that is within it. */
  tail: number
}

/**
 * A line's examples as columns, for drawing: kept up as examples come, in time that depends on the new ones only. Another
 * line, metric, baseline or window begins anew.
 */
export class Columns {
  length = 0
  adapter: Series = { score: new Float32Array(0), mean: new Float32Array(0) }
  base: Series = { score: new Float32Array(0), mean: new Float32Array(0) }
  /** Place in `OUTCOMES`. */
  outcome = new Uint8Array(0)
  /** Place in `chats`; −1 for none. */
  chat = new Int32Array(0)
  readonly chats: string[] = []
  readonly counts = { updated: 0, unchanged: 0, skipped: 0, failed: 0 }
  /** Least and greatest score of both; low > high if there is none. */
  low = Number.POSITIVE_INFINITY
  high = Number.NEGATIVE_INFINITY
  /** Different scores, until they are more than `FEW`. */
  readonly values = new Set<number>()
  readonly #chats = new Map<string, number>()
  readonly #recent: { adapter: Recent; base: Recent }
  readonly #line: readonly TimelinePoint[]
  readonly #about: Columned

  /** @param line grows in place */
  constructor(line: readonly TimelinePoint[], about: Columned) {
    this.#line = line
    this.#about = about
    const none = () => ({ sum: 0, count: 0, tail: 0 })
    this.#recent = { adapter: none(), base: none() }
  }

  holds(line: readonly TimelinePoint[], { metric, baseline, window }: Columned): boolean {
    const own = this.#about
    return line === this.#line && metric === own.metric && baseline === own.baseline && window === own.window
  }

  /** Takes in what was added to the line. */
  catchUp(): void {
    const { metric, baseline } = this.#about
    this.#room(this.#line.length)
    for (; this.length < this.#line.length; this.length++) {
      const point = this.#line[this.length]!
      this.outcome[this.length] = OUTCOMES.indexOf(point.outcome)
      this.counts[point.outcome]++
      this.chat[this.length] = this.#chatOf(point)
      const score = scoreOf(point, metric)
      if (score !== null && this.values.size <= FEW) this.values.add(score)
      this.#add(this.adapter, this.#recent.adapter, score)
      this.#add(this.base, this.#recent.base, baselineScoreOf(point, baseline, metric))
    }
  }

  #chatOf({ chatId }: TimelinePoint): number {
    if (chatId === null) return -1
    const known = this.#chats.get(chatId)
    if (known !== undefined) return known
    this.#chats.set(chatId, this.chats.length)
    return this.chats.push(chatId) - 1
  }

  #add({ score, mean }: Series, recent: Recent, value: number | null): void {
    score[this.length] = value ?? Number.NaN
    if (value !== null) {
      this.low = Math.min(this.low, value)
      this.high = Math.max(this.high, value)
      recent.sum += score[this.length]!
      recent.count++
      while (recent.count > this.#about.window) {
        const oldest = score[recent.tail++]!
        if (Number.isNaN(oldest)) continue
        recent.sum -= oldest
        recent.count--
      }
    }
    mean[this.length] = recent.count === 0 ? Number.NaN : recent.sum / recent.count
  }

  /** Arrays double, so that adding is cheap. */
  #room(wanted: number): void {
    if (wanted <= this.outcome.length) return
    const room = Math.max(256, 2 ** Math.ceil(Math.log2(wanted)))
    const grown = <T extends Float32Array | Uint8Array | Int32Array>(old: T, now: T): T => {
      now.set(old)
      return now
    }
    for (const series of [this.adapter, this.base]) {
      series.score = grown(series.score, new Float32Array(room))
      series.mean = grown(series.mean, new Float32Array(room))
    }
    this.outcome = grown(this.outcome, new Uint8Array(room))
    this.chat = grown(this.chat, new Int32Array(room))
  }
}

/**
 * Range of the upright axis: 0 to 1 if all scores are within it, else theirs and a tenth more, but not below 0 for scores
 * that are not. What was shown stays, and grows where it must.
 *
 * @param before null for the first time
 * @param low > high if there are no scores
 */
export function rangeOfScores(before: Range | null, low: number, high: number): Range {
  const [least, most] =
    before ?? (low >= 0 && high <= 1 ? [0, 1] : [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  if (low > high) return before ?? [0, 1]
  const [from, to] = [Math.min(low, least), Math.max(high, most)]
  const more = (to - from) / 10 || Math.abs(to) / 10
  return [
    low < least ? Math.max(low >= 0 ? 0 : Number.NEGATIVE_INFINITY, from - more) : least,
    high > most ? to + more : most,
  ]
}

/** From the least to the greatest, inclusive. */
export type Range = readonly [number, number]
