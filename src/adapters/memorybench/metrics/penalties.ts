import { parseJudgment } from './judgment.js'
import { numbers } from './numerals.js'
import { SPACE } from './text.js'

/**
 * Terms, fines and articles of law that a judgment names, as MemoryBench finds them (THUIR/MemoryBench,
 * src/dataset/judge/judge_extraction.py, law_extraction.py). A phrase that is repeated counts once. Where the original
 * stops with an error, at terms and fines that are no whole number or in digits of other scripts, here the part before the
 * point counts, or nothing.
 */

const TERMS = ['管制', '拘役', '有期徒刑'].map(kind => new RegExp(`${kind}[^\\n]{1,7}[年月]`, 'gu'))
const OTHERS = ['无期徒刑', '死刑', '无罪', '免予刑事处罚', '免于刑事处罚', '免予刑事处分']
const LIFE = 240
const DEATH = 10001

/** Imprisonment in months, all terms added; life 240, death 10001, acquitted 0; −1 if nothing of the kind is said. */
export function months(document: string): number {
  const phrases = found(document, text => [
    ...TERMS.flatMap(term => matches(text, term).map(phrase => phrase.split(/[,;，。！？、；：（以缓至]/u)[0]!)),
    ...OTHERS.flatMap(other => matches(text, new RegExp(other, 'gu'))),
  ])
  return phrases.length === 0 ? -1 : sum(phrases.map(monthsOf))
}

function monthsOf(phrase: string): number {
  const values = numbers(phrase).map(toInteger)
  const [years, rest] = [phrase.includes('年'), phrase.includes('月')]
  if (values.length === 0) return phrase.includes('无期徒刑') ? LIFE : phrase.includes('死刑') ? DEATH : 0
  if (values.length === 1) return years ? values[0]! * 12 : rest ? values[0]! : 0
  if (values.length > 2) return 0
  return years && rest ? values[0]! * 12 + values[1]! : values[0]!
}

/** Fines in yuan, all added; −1 if there is none. */
export function fine(document: string): number {
  const phrases = found(document, text => {
    const amounts = matches(text, /罚金[^\n]{1,15}元/gu).map(phrase => phrase.split(/[，。！？、；：以已至（]/u)[0]!)
    // The original deletes from the list that it walks along, so that it passes over what follows each deletion.
    for (let i = 0; i < amounts.length; i++)
      if (!amounts[i]!.includes('元')) amounts.splice(amounts.indexOf(amounts[i]!), 1)
    return amounts.map(amount => amount.replaceAll(',', ''))
  })
  const amounts = phrases.map(numbers).map(values => (values.length === 1 ? toInteger(values[0]) : 0))
  return phrases.length === 0 ? -1 : sum(amounts)
}

const LAWS = [
  /《中华人民共和国刑法》第[^\n]*?[。《判附规]/gu,
  /《刑法》第[^\n]*?[。《判附规]/gu,
  new RegExp(`《中华人民共和国刑法》${SPACE}?[零一二三四五六七八九十第]+[^\\n]*?[。《判附规]`, 'gu'),
]

/** Numbers of the criminal code's articles, as decimals, in the order of the text. */
export function articles(document: string): string[] {
  const cited = (text: string) => LAWS.flatMap(law => matches(text, law))
  const inReason = cited(parseJudgment(document).reason)
  const phrases = inReason.length > 0 ? inReason : cited(document)
  const each = phrases.flatMap(phrase => matches(phrase, /第[一二三四五六七八九零十百]+条/gu).map(numbers))
  return [...new Set(each.flatMap(values => (values.length === 1 && values[0] !== undefined ? [values[0]] : [])))]
}

/** In the judgment, or if it has nothing, in the whole document. */
function found(document: string, find: (text: string) => string[]): string[] {
  const phrases = find(parseJudgment(document).judgment)
  return [...new Set(phrases.length > 0 ? phrases : find(document))]
}

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([match]) => match)
const toInteger = (decimal: string | undefined): number => Math.trunc(Number(decimal ?? 0))
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
