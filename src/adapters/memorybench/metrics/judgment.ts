import { plainText } from './markup.js'

/**
 * The parts of a Chinese criminal judgment between fixed phrases: heading, facts, the court's reasons ("本院认为 … 判决如下"),
 * the judgment, and what follows it. As MemoryBench cuts it (THUIR/MemoryBench, src/dataset/judge/xingshi.py).
 */
export interface Judgment {
  /** Where the judgment is not announced, all that follows the facts. */
  reason: string
  judgment: string
}

const HAN = String.raw`[\u4e00-\u9fa5]`

/** Up to the first phrase in the list that occurs; `through`: the phrase belongs to the part. */
interface End {
  phrases: readonly RegExp[]
  through: boolean
}

const end = (phrases: readonly string[], through = false): End => ({
  phrases: phrases.map(phrase => new RegExp(phrase, 'u')),
  through,
})
const SPACE = String.raw`\p{White_Space}`
/**
 * A phrase at the start of a line. The line's end before it, with white space between, is looked for from the phrase
 * backwards: many empty lines must not take quadratic time.
 */
const line = (phrase: string) => `${phrase}(?<=(?<start>\n${SPACE}*)${phrase})`
const HEARD = end([`审理终结${HAN}{0,10}。`, `公开开庭审理${HAN}{0,10}。`], true)
const CHARGED = end([`${HAN}{0,10}(?:公诉|抗诉)机关[\\u4e00-\\u9fa5，、]{0,30}(?:认为|指控)`])
const FACTS = end(['本院认为'])
const REASON = end(['判决如下[:：,，\n]', '判决如下', '裁定(?:如下)?[:：\n]'], true)
const JUDGMENT = end([
  `如${HAN}{0,3}不服本判决`,
  line('本判决为终审判决'),
  `如${HAN}{0,5}未按本判决指定的期间${HAN}{0,5}给付金钱义务`,
  line(`(?:代理)?审${SPACE}{0,3}判${SPACE}{0,3}长`),
  line(`(?:代理)?审${SPACE}{0,3}判${SPACE}{0,3}员`),
  '附录',
  '附：',
  `附${HAN}{0,10}法律${HAN}{0,10}`,
  `附${HAN}{0,10}：`,
  line('本案[^\n]{0,10}法律'),
  '\n《',
  '\n?$',
])

/** The parts of a judgment's text, its HTML removed. */
export function parseJudgment(document: string): Judgment {
  let rest = plainText(document)
  /** Wherever the part occurs again, it goes, too. */
  const take = (part: string): string => {
    if (part.trim() !== '') rest = rest.replaceAll(part, '')
    return part
  }
  const heading = before(rest, HEARD)
  take(heading.trim() === '' ? before(rest, CHARGED) : heading)
  take(before(rest, FACTS))
  const reason = take(before(rest, REASON) || rest)
  return { reason, judgment: take(before(rest, JUDGMENT) || rest) }
}

function before(text: string, { phrases, through }: End): string {
  for (const phrase of phrases) {
    const match = phrase.exec(text)
    const start = match?.groups?.start?.length ?? 0
    if (match) return text.slice(0, match.index + (through ? match[0].length : -start))
  }
  return ''
}
