import { InputError } from '../../../errors.js'
import { lcsWalk } from './lcs.js'
import { splitWords } from './text.js'

/** Recall, precision and their harmonic mean, each in [0, 1]. */
export interface Rouge {
  r: number
  p: number
  f: number
}

/**
 * ROUGE-L of whole texts as version 1.0.1 of the Python package `rouge` computes it ("rouge-l" of `get_scores`): sentences end
 * at each ".", words at white space, and words count once. Of the words of each reference sentence's longest common
 * subsequences with each sentence of the hypothesis the union is taken. f is 2rp/(r + p + 1e-8), so equal texts get
 * 0.999999995.
 *
 * @throws InputError if a text is empty but for ".", as the original does, or if there are more than 2^22 pairs of sentences, or in two sentences more than
 * 2^31 pairs of words
 */
export const rougeL = (hypothesis: string, reference: string): Rouge => rougeOf(hypothesis, reference).scores

/** Most pairs of sentences compared: some seconds. */
const SENTENCES = 2 ** 22

/** The same, and the most steps that it took to find a common subsequence. */
export function rougeOf(hypothesis: string, reference: string): { scores: Rouge; steps: number } {
  const [hyp, ref] = [sentences(hypothesis, 'hypothesis'), sentences(reference, 'reference')]
  if (hyp.length * ref.length > SENTENCES)
    throw new InputError(
      `computing ROUGE-L: ${hyp.length} sentences with ${ref.length} are more than 2^22 pairs; shorten one text`,
    )
  const common = new Set<string>()
  let most = 0
  for (const x of ref)
    for (const y of hyp) {
      const { words, steps } = lcsWalk(x, y)
      most = Math.max(most, steps)
      for (const word of words) common.add(word)
    }
  const [r, p] = [ref, hyp].map(text => common.size / new Set(text.flat()).size) as [number, number]
  return { scores: { r, p, f: 2 * ((p * r) / (p + r + 1e-8)) }, steps: most }
}

function sentences(text: string, role: string): string[][] {
  const found = text.split('.').filter(sentence => sentence !== '')
  if (found.length === 0) throw new InputError(`computing ROUGE-L: the ${role} is empty; right would be words`)
  // White space alone is a sentence of one empty word.
  return found.map(sentence => splitWords(sentence).join(' ').split(' '))
}
