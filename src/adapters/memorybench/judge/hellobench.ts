import { strip } from '../metrics/text.js'
import { wordTokenize } from '../metrics/tokenize.js'
import { framed, question } from './frame.js'
import type { Judging } from './model.js'
import { note, noteError } from './parse.js'

/** HelloBench: does a long text fulfil a checklist? */

const TRIES = 3
const MANNER = { temperature: 0.8, maxTokens: 4096 }
/** Longer texts are cut before they are judged. In word tokens. */
const LONGEST = 16_000

/** The judge on one item of the checklist. */
export interface ItemScore {
  checklist_id: number
  reason: string
  /** The judge is asked for 0, 0.25, 0.5, 0.75 or 1; what it gives is not checked, as in the original. */
  evaluation_score: number
}

/**
 * The list in a judge's reply, one entry an item: marks of code blocks, line breaks and backslashes are taken out, the
 * rest must be JSON. An entry without a whole number as id and a number as score counts 0.
 *
 * @returns undefined if the reply is no list
 */
export function parseChecklist(reply: string): ItemScore[] | undefined {
  let list: unknown
  try {
    const bare = ['```json', '```python', '```', '\n', '\\'].reduce((text, mark) => text.replaceAll(mark, ''), reply)
    list = JSON.parse(bare)
  } catch {
    return undefined
  }
  return Array.isArray(list) ? list.map(itemScore) : undefined
}

function itemScore(entry: unknown): ItemScore {
  const { checklist_id, evaluation_score, reason } = Object(entry) as Record<string, unknown>
  const [id, score] = [wholeNumber(checklist_id), number(evaluation_score)]
  if (id === undefined || score === undefined)
    return { checklist_id: -1, reason: 'no whole number as id or no number as score', evaluation_score: 0 }
  return { checklist_id: id, reason: typeof reason === 'string' ? reason : '', evaluation_score: score }
}

/** Python's `float(value)`, of finite numbers. */
function number(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  const text = typeof value === 'string' ? strip(value) : value
  if (
    typeof text === 'string' &&
    !/^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+)?$/i.test(text)
  )
    return undefined
  const found = typeof text === 'string' ? Number(text.replaceAll('_', '')) : text
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

/** Python's `int(value)`: a number loses its fraction, a text must be whole. */
function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'string' && !/^[-+]?\d+(?:_\d+)*$/.test(strip(value))) return undefined
  const found = number(value)
  return found === undefined ? undefined : Math.trunc(found)
}

const SYSTEM =
  'You are a helpful evaluator. You check answers of language models against checklists of yes-or-no questions.'
const SCALE = `Each item asks whether the response has one property. Give it one of five scores:
0: the response fails the item; much is to be improved.
0.25: it meets the item in part; significant elements are left out.
0.5: it meets much of the item, but on the whole it stays ambiguous or unclear.
0.75: it meets most of the item; small things could be refined.
1: it meets the item in full. It is perfect here, and you find nothing to improve.`

/** The judge's scores for the items, as of the last reply that was a list: none if no reply was. */
export async function judgeChecklist(
  judge: Judging,
  prompt: string,
  checklist: readonly unknown[],
  response: string,
): Promise<ItemScore[]> {
  const words = wordTokenize(response).slice(0, LONGEST).join(' ')
  const user = `Check a response against every item of a checklist.

${SCALE}

The instruction that was given:
${framed('instruction', prompt)}

The response of the language model:
${framed('response', words)}

Here the response has ended; it may have been long. The checklist of ${checklist.length} items:
${framed('checklists', JSON.stringify(checklist))}

Once more: judge each item by instruction and response.

${SCALE}

Always give your reason. Be strict but fair, for scores of different models will be compared; before you give a 1, make sure that the item is met perfectly.

Reply with a list of ${checklist.length} objects, one an item, and with nothing else, for your reply is read by a program:
[{"checklist_id": "the item's id", "reason": "your reason", "evaluation_score": "your score"}, …]`
  let scores: ItemScore[] = []
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      const reply = await judge.ask(question(SYSTEM, user), MANNER, attempt)
      const list = parseChecklist(reply)
      // The original keeps a list of the wrong length until a later try gives a better one.
      scores = list ?? scores
      if (list?.length === checklist.length) break
      note(judge, attempt, list ? `${list.length} scores for ${checklist.length} items` : 'no list', reply)
    } catch (error) {
      noteError(judge, attempt, error)
    }
  }
  return scores
}
