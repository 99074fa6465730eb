import { lcsLength } from './lcs.js'

/** JRE-L's exact scores as MemoryBench computes them (THUIR/MemoryBench, src/dataset/JRE-L.py). */

export { type Readability, readability } from './readability.js'

const tokens = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? []

/**
 * F of ROUGE-L over ASCII words in lower case, in [0, 1], as `rouge_score` 0.1.2 has it without stemming, which
 * Hugging Face's `evaluate` calls.
 *
 * @throws InputError above 2^31 pairs of words
 */
export function rougeL(prediction: string, reference: string): number {
  const [p, r] = [tokens(prediction), tokens(reference)]
  const common = lcsLength(r, p)
  if (common === 0) return 0
  const [precision, recall] = [common / p.length, common / r.length]
  return (2 * precision * recall) / (precision + recall)
}
