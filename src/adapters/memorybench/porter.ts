/**
 * Porter's stemmer with the changes NLTK makes by default, which is what LoCoMo's F1 counts words by.
 *
 * M. Porter, "An algorithm for suffix stripping", Program 14.3 (1980), and the documentation of NLTK's PorterStemmer
 * (mode NLTK_EXTENSIONS). The libraries on npm implement other variants: they differ from NLTK on 2 % of words.
 */

/** Irregular forms that NLTK looks up instead of stripping. */
const IRREGULAR = new Map([
  ['sky', 'sky'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
])

/** `suffix → replacement`, if the stem before it passes. The first suffix that fits decides, whether it passes or not. */
type Rule = [suffix: string, replacement: string, passes?: (stem: string) => boolean]

const m0 = (stem: string) => measure(stem) > 0
const m1 = (stem: string) => measure(stem) > 1
const rules = (passes: (stem: string) => boolean, table: string): Rule[] =>
  table.split(' ').map(entry => [...(entry.split('>') as [string, string]), passes])

const STEP_1A: Rule[] = [
  ['sses', 'ss'],
  ['ies', 'i'],
  ['ss', 'ss'],
  ['s', ''],
]
const STEP_2: Rule[] = [
  ...rules(
    m0,
    'ational>ate tional>tion enci>ence anci>ance izer>ize bli>ble alli>al entli>ent eli>e ousli>ous ization>ize ' +
      'ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble fulli>ful',
  ),
  ['logi', 'log', stem => m0(`${stem}l`)], // NLTK: the l belongs to the stem, so that geologi → geolog.
]
const STEP_3 = rules(m0, 'icate>ic ative> alize>al iciti>ic ical>ic ful> ness>')
const STEP_4: Rule[] = [
  ...rules(m1, 'al> ance> ence> er> ic> able> ible> ant> ement> ment> ent>'),
  ['ion', '', stem => m1(stem) && /[st]$/.test(stem)],
  ...rules(m1, 'ou> ism> ate> iti> ous> ive> ize>'),
]
const STEP_5B: Rule[] = [['ll', 'l', stem => m1(`${stem}l`)]]

/** The stem of a word, in lower case. */
export function porterStem(word: string): string {
  const lower = word.toLowerCase()
  const irregular = IRREGULAR.get(lower)
  if (irregular !== undefined) return irregular
  if ([...word].length <= 2) return lower
  return apply(STEP_5B, step5a(apply(STEP_4, apply(STEP_3, step2(step1c(step1b(step1a(lower))))))))
}

function apply(table: readonly Rule[], word: string): string {
  const rule = table.find(([suffix]) => word.endsWith(suffix))
  if (!rule) return word
  const [suffix, replacement, passes] = rule
  const stem = word.slice(0, word.length - suffix.length)
  return !passes || passes(stem) ? stem + replacement : word
}

/** Plurals. NLTK: dies → die, though flies → fli. */
function step1a(word: string): string {
  return /^.ies$/su.test(word) ? word.slice(0, -1) : apply(STEP_1A, word)
}

/** Past tense and -ing. NLTK: died → die, though denied → deni. */
function step1b(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, /^.ied$/su.test(word) ? -1 : -2)
  if (word.endsWith('eed')) return m0(word.slice(0, -3)) ? word.slice(0, -1) : word
  const stem = word.replace(/(ed|ing)$/, '')
  if (stem === word || consonants(stem).every(Boolean)) return word
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`
  if (endsDouble(stem)) return /[lsz]$/.test(stem) ? stem : stem.replace(/.$/su, '')
  return measure(stem) === 1 && endsCvc(stem) ? `${stem}e` : stem
}

/** NLTK: happy → happi and spy → spi, but enjoy → enjoy. */
function step1c(word: string): string {
  const flags = consonants(word)
  return word.endsWith('y') && flags.length > 2 && flags.at(-2) ? `${word.slice(0, -1)}i` : word
}

/** NLTK: -alli is stripped first, and what it leaves goes through the step again. */
function step2(word: string): string {
  return word.endsWith('alli') && m0(word.slice(0, -4)) ? step2(word.slice(0, -2)) : apply(STEP_2, word)
}

function step5a(word: string): string {
  const stem = word.slice(0, -1)
  return word.endsWith('e') && (m1(stem) || (m0(stem) && !endsCvc(stem))) ? stem : word
}

/** For each letter, whether it is a consonant: not a, e, i, o, u, and not a y that follows a consonant. */
function consonants(word: string): boolean[] {
  const flags: boolean[] = []
  for (const letter of word) flags.push(letter === 'y' ? !flags.at(-1) : !'aeiou'.includes(letter))
  return flags
}

/** m in [C](VC)^m[V]: how often a consonant follows a vowel. */
function measure(stem: string): number {
  return consonants(stem).filter((consonant, i, flags) => consonant && flags[i - 1] === false).length
}

function endsDouble(word: string): boolean {
  const letters = [...word]
  return letters.length > 1 && letters.at(-1) === letters.at(-2) && consonants(word).at(-1)!
}

/** Consonant, vowel, consonant other than w, x, y; NLTK: or the whole word is a vowel and a consonant. */
function endsCvc(word: string): boolean {
  const [a, b, c] = consonants(word).slice(-3)
  return c === undefined ? a === false && b === true : a! && !b && c && !/[wxy]$/.test(word)
}
