/**
 * Numbers in Chinese texts as the Python package `chinese2digits` 6.0.2 reads them (takeNumberFromString), which JuDGE's
 * scores take terms, fines and articles from. Its peculiarities count: 三百万 is 3000010, for it takes 百 for the last
 * unit and adds a 十; 百三 is 3/100; 两年 is no number, though 两百 is 200.
 */

const DIGITS = '零一二三四五六七八九'
const UNITS = '十百千万亿'
const NUMBERS = `幺两十${DIGITS}`
const VALUES: ReadonlyMap<string, bigint> = new Map([
  ...[...DIGITS].map((digit, i) => [digit, BigInt(i)] as const),
  ...[...'幺两'].map((digit, i) => [digit, BigInt(i + 1)] as const),
  ...[...UNITS].map((unit, i) => [unit, [10n, 100n, 1000n, 10000n, 100000000n][i]!] as const),
])
const SIMPLE = new Map(
  Object.entries({
    壹: '一',
    贰: '二',
    叁: '三',
    肆: '四',
    伍: '五',
    陆: '六',
    柒: '七',
    捌: '八',
    玖: '九',
    〇: '零',
  }),
)
const SIMPLE_UNITS = new Map(Object.entries({ 拾: '十', 佰: '百', 仟: '千', 萬: '万', 億: '亿' }))
const SIGNS = new Map(Object.entries({ 负: '-', 正: '+', '-': '-', '+': '+' }))
const PER: readonly (readonly [sign: string, words: string])[] = [
  ['%', '百分之'],
  ['‰', '千分之'],
  ['‱', '万分之'],
]

const ARABIC = String.raw`(?:\p{Nd}+(?:\.\p{Nd}+)?[%‰‱]?|\.\p{Nd}+[%‰‱]?)`
const CHINESE =
  '(?:[一二三四五六七八九十千万亿幺零百]+(?:点[一二三四五六七八九万亿幺零]+)?|点[一二三四五六七八九万亿幺零]+)'
const NUMBER = new RegExp(`(?:分之)?[+-]?[正负]?(?:${ARABIC}?${CHINESE}|${ARABIC}${CHINESE}?)`, 'gu')

/** The numbers as decimals. undefined stands for one on which the original fails, such as ５, in digits of another script. */
export function numbers(text: string): (string | undefined)[] {
  const simple = simplify([...text])
  const parts = joinFractions(
    [...simple.matchAll(NUMBER)].map(([part]) => part),
    simple,
  )
  return parts
    .map(spell)
    .filter(part => [...NUMBERS].some(digit => part.includes(digit)))
    .map(part => convert(complete(part)))
}

/** Traditional and commercial characters to plain ones: units beside numbers only, 两 and 俩 beside units only. */
function simplify(text: string[]): string {
  const letters = text.map(letter => SIMPLE.get(letter) ?? letter)
  if (letters.length < 2) return letters.join('')
  const beside = (i: number, which: string) =>
    [letters[i - 1], letters[i + 1]].some(near => near && which.includes(near))
  for (let i = 0; i < letters.length; i++) {
    const unit = SIMPLE_UNITS.get(letters[i]!)
    if (unit && beside(i, NUMBERS)) letters[i] = unit
    if ('两俩'.includes(letters[i]!) && beside(i, UNITS)) letters[i] = '二'
  }
  return letters.join('')
}

/** 分之 and what stands before it are one number, where nothing lies between them. */
function joinFractions(parts: readonly string[], text: string): string[] {
  const joined: string[] = []
  let before = '' // The part before, if it began with 分之.
  for (const [i, part] of parts.entries()) {
    const fraction = part.startsWith('分之')
    if (!fraction) joined.push(part)
    else if (i === 0 || !text.includes(parts[i - 1]! + part)) joined.push(part.slice(2))
    else if (before === '') joined[joined.length - 1] = parts[i - 1]! + part
    else if (UNITS.includes(before.at(-1)!)) {
      joined[joined.length - 1] = joined.at(-1)!.slice(0, -1)
      joined.push(before.at(-1)! + part)
    } else joined.push(part.slice(2))
    before = fraction ? part : ''
  }
  return joined
}

/** Arabic digits to Chinese ones; a sign of percent goes to the front in words. */
function spell(part: string): string {
  let text = (part.startsWith('.') ? `0${part}` : part).replace(/[0-9]/g, digit => DIGITS[Number(digit)]!)
  for (const [sign, words] of PER)
    if (text.includes(sign)) text = words + text.replaceAll(sign, words).replaceAll(words, '')
  return text.replaceAll('.', '点')
}

/** 三千二 to 三千二百, 四万十五 to 四万一十五, 万三 to 万分之三. */
function complete(text: string): string {
  const letters = [...text]
  if (letters.length > 2) {
    const ten = letters.indexOf('十')
    if (ten === 0 || (ten > 0 && !NUMBERS.includes(letters[ten - 1]!))) letters.splice(ten, 0, '一')
    const unit = UNITS.indexOf(letters.at(-2)!)
    if (unit > 0) letters.push(unit === 4 ? '千万' : UNITS[unit - 1]!)
  }
  const [first, ...rest] = letters
  const fraction = '千万百'.includes(first!) && rest.length > 0 && rest.every(letter => NUMBERS.includes(letter))
  return fraction ? `${first}分之${rest.join('')}` : letters.join('')
}

function convert(text: string): string | undefined {
  const [below, above] = text.split('分之').map(signed)
  if (below === undefined) return undefined
  if (!text.includes('分之')) return tidy(below)
  return above === undefined ? undefined : quotient(above, below)
}

const tidy = (decimal: string) => (decimal.includes('.') ? decimal.replace(/0+$/, '').replace(/\.$/, '') : decimal)

function signed(text: string): string | undefined {
  let sign = ''
  for (const letter of text) sign = SIGNS.get(letter) ?? sign
  const number = decimal(text.replace(/[-+正负]/g, ''))
  return number === undefined ? undefined : sign + number
}

/** With a decimal point, units after it hold for the whole: 二点五万. */
function decimal(text: string): string | undefined {
  const point = ['·', '点', '.'].find(sign => text.includes(sign))
  if (!point) return whole(text)
  const parts = text.split(point)
  const last = parts.at(-1)!
  const digits = last.replace(/[十百千万亿]+$/, '')
  const unit = digits === last ? '1' : whole(last.slice(digits.length))
  if (digits !== '') parts[parts.length - 1] = digits
  const [before, after] = [parts[0] === '' ? '0' : whole(parts[0]!), whole(parts[1]!)]
  if (before === undefined || after === undefined || unit === undefined) return undefined
  return times(`${before}.${after}`, BigInt(unit))
}

/** Python refuses to read integers with more digits. */
const MOST_DIGITS = 4300

/** Without sign and point. Digits in a row are written one after the other: 三零万 is 300000, 零五 is "05". */
function whole(text: string): string | undefined {
  const values = [...text].map(letter => VALUES.get(letter))
  if (values.includes(undefined)) return undefined
  let [total, unit, largest, digits] = [0n, 1n, 1n, '']
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!
    if (value >= 10n) {
      const larger = value > unit
      if (value > largest) largest = value
      unit = larger ? value : largest * value
      if (larger && i === 0) total += value
    } else if (i > 0 ? values[i - 1]! < 10n : unit === 1n) digits = `${value}${digits}`
    else if (digits.length >= MOST_DIGITS) return undefined
    else {
      total += unit * BigInt(`${value}${digits}`)
      if (i > 0) digits = ''
    }
  }
  if (total !== 0n) return String(total)
  return unit > 10n ? String(unit) : digits || '0'
}

/** As Python's Decimal multiplies: the digits after the point stay. */
function times(decimal: string, factor: bigint): string {
  const [before, after] = decimal.split('.') as [string, string]
  const product = String(BigInt(before + after) * factor).padStart(after.length + 1, '0')
  return `${product.slice(0, -after.length)}.${product.slice(-after.length)}`
}

/** With up to 28 digits, as Python's Decimal divides; it writes some very large and small numbers with an E, though. */
function quotient(above: string, below: string): string | undefined {
  const [n, d] = [magnitude(above, below), magnitude(below, above)]
  if (d === 0n) return undefined
  const before = String(n / d)
  const leading = before === '0' ? String((n * 10n ** 40n) / d).length - 40 : before.length
  const places = Math.max(0, 28 - leading)
  const digits = String((2n * n * 10n ** BigInt(places) + d) / (2n * d)).padStart(places + 1, '0')
  const sign = above.startsWith('-') !== below.startsWith('-') ? '-' : ''
  return sign + (places === 0 ? digits : tidy(`${digits.slice(0, -places)}.${digits.slice(-places)}`))
}

/** Of the first, as a whole number: times ten for every digit that either has after the point. */
const magnitude = (decimal: string, other: string) =>
  BigInt(decimal.replace(/[-+.]/g, '')) * 10n ** BigInt(other.split('.')[1]?.length ?? 0)
