import { cut } from './jieba.js'
import { rougeOf } from './rouge.js'
import { splitWords } from './text.js'

/** LexEval's score as MemoryBench computes it (THUIR/MemoryBench, src/dataset/LexEval.py). */

/** ASCII's and the Chinese ones that the original lists (not …: both its halves are in the list as "…"). */
const PUNCTUATION =
  /[!-/:-@[-`{-~！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏]/g

/**
 * The original walks back through the table by recursion, which Python ends at 1,000 calls: when MemoryBench evaluates a
 * set, longer walks fail, and it takes the score for 0. Nearly all pairs of more than about 900 words together meet this.
 */
const STEPS = 985

/** Lower case, without punctuation and white space. */
export const normalize = (text: string): string => splitWords(text.toLowerCase().replace(PUNCTUATION, '')).join('')

/**
 * F of ROUGE-L over jieba's words, in [0, 1]. 0 if a text is empty but for punctuation, or both are so long that the
 * original fails (see STEPS).
 */
export function rougeL(response: string, golden: string): number {
  const [hyp, ref] = [response, golden].map(text => cut(normalize(text))) as [string[], string[]]
  // The walk takes at least as many steps as the shorter one has words.
  if (hyp.length === 0 || ref.length === 0 || Math.min(hyp.length, ref.length) > STEPS) return 0
  const { scores, steps } = rougeOf(hyp.join(' '), ref.join(' '))
  return steps > STEPS ? 0 : scores.f
}
