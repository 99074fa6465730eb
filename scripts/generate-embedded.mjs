// Writes the embedded benchmark: node scripts/generate-embedded.mjs [FILE], by default src/adapters/embedded/rows.ts.
// Facts, names and answers are invented. The same script always writes the same bytes.
import { writeFileSync } from 'node:fs'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

const CHATS = 8
const FACTS_PER_CHAT = 7
const generator = xoroshiro128plus(20260)

function shuffle(items) {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = uniformInt(generator, 0, i)
    ;[out[i], out[j]] = [out[j], out[i]]
  }
  return out
}

// Two people for each chat; nobody shares a first name or a surname with anybody.
const PEOPLE = [
  ['Mira Solen', 'Tobin Vasker'],
  ['Oskar Lindqvale', 'Hanna Brivik'],
  ['Zelda Marchetti', 'Ruben Oakley'],
  ['Pavel Dorrigan', 'Leona Strand'],
  ['Callum Verhoven', 'Ilse Tammler'],
  ['Nadia Quill', 'Gustav Reinholt'],
  ['Emil Castorin', 'Freya Wendell'],
  ['Bruno Halvard', 'Selma Pruitt'],
]

// A kind of fact: its two wordings, which share their key noun, and an answer for each chat. No word occurs in two
// answers of the benchmark, so what one chat's adapter knows is never right in another. {N} is the person, {X} a
// detail that goes with the answer. Answers that people would guess (blue, piano, pizza, Max) are left out.
const KINDS = {
  pet: {
    wordings: ["What is the name of {N}'s {X}?", '{N} has a {X}. What is the {X} called?'],
    answers: ['Biscuit', 'Nimbus', 'Pickle', 'Sprocket', 'Juniper', 'Tango', 'Marble', 'Waffles'],
    details: ['cat', 'dog', 'parrot', 'rabbit', 'pony', 'tortoise', 'hamster', 'donkey'],
  },
  dish: {
    wordings: ["What is {N}'s favorite dish?", 'Which dish does {N} like to eat most of all?'],
    answers: [
      'mushroom risotto',
      'lentil curry',
      'fish pie',
      'pumpkin soup',
      'spinach lasagna',
      'beef stew',
      'pepper omelette',
      'onion tart',
    ],
  },
  town: {
    wordings: ['In which town does {N} live?', "What is the name of {N}'s home town?"],
    answers: ['Redbrook', 'Stonefield', 'Millhaven', 'Fernhill', 'Crowdale', 'Oakhurst', 'Westmere', 'Larkspur'],
  },
  instrument: {
    wordings: ['Which instrument does {N} play?', "What is {N}'s musical instrument?"],
    answers: ['cello', 'harp', 'banjo', 'oboe', 'accordion', 'trumpet', 'mandolin', 'bassoon'],
  },
  job: {
    wordings: ["What is {N}'s job?", 'What job does {N} do for a living?'],
    answers: ['beekeeper', 'locksmith', 'carpenter', 'translator', 'dentist', 'florist', 'surveyor', 'tailor'],
  },
  color: {
    wordings: ["What is {N}'s favorite color?", 'Which color does {N} love best?'],
    answers: ['turquoise', 'maroon', 'lavender', 'amber', 'crimson', 'teal', 'indigo', 'beige'],
  },
  hobby: {
    wordings: ["What is {N}'s hobby?", 'Which hobby does {N} enjoy on weekends?'],
    answers: ['archery', 'pottery', 'fencing', 'kayaking', 'juggling', 'origami', 'birdwatching', 'knitting'],
  },
  birthday: {
    wordings: ["In which month is {N}'s birthday?", "{N}'s birthday comes once a year. In what month?"],
    answers: ['February', 'March', 'April', 'August', 'September', 'October', 'November', 'December'],
  },
  drink: {
    wordings: ["What is {N}'s favorite drink?", 'Which drink does {N} order most often?'],
    answers: [
      'ginger ale',
      'plum juice',
      'oat milk',
      'hot chocolate',
      'mint lemonade',
      'apple cider',
      'cherry soda',
      'coconut shake',
    ],
  },
  sister: {
    wordings: ["What is the name of {N}'s sister?", '{N} has a sister. What is the sister called?'],
    answers: ['Odette', 'Petra', 'Yolanda', 'Beatrix', 'Greta', 'Ingrid', 'Rosalind', 'Winifred'],
  },
  fear: {
    wordings: ['Which animal is {N} afraid of?', 'What animal frightens {N}?'],
    answers: ['wasps', 'bats', 'geese', 'toads', 'moths', 'crabs', 'eels', 'rats'],
  },
  flower: {
    wordings: ["Which flower grows in {N}'s garden?", 'What flower did {N} plant in the garden?'],
    answers: ['tulips', 'foxgloves', 'lilies', 'poppies', 'daffodils', 'orchids', 'peonies', 'irises'],
  },
  shop: {
    wordings: ["What is the name of {N}'s {X}?", '{N} owns a {X}. What is the {X} called?'],
    answers: [
      'Copper Kettle',
      'Silver Anchor',
      'Paper Lantern',
      'Wooden Spoon',
      'Velvet Chair',
      'Golden Hen',
      'Quiet Corner',
      'Rusty Bell',
    ],
    details: ['bakery', 'bookshop', 'cafe', 'hotel', 'restaurant', 'bar', 'tea room', 'workshop'],
  },
}

const answers = Object.fromEntries(Object.keys(KINDS).map(kind => [kind, shuffle(KINDS[kind].answers.keys())]))
const chats = Array.from({ length: CHATS }, (_, chat) => {
  const kinds = shuffle(Object.keys(KINDS)).slice(0, FACTS_PER_CHAT)
  const facts = kinds.map((kind, i) => {
    const { wordings, answers: all, details = [] } = KINDS[kind]
    const which = answers[kind][chat]
    const fill = text => text.replaceAll('{N}', PEOPLE[chat][i % 2]).replaceAll('{X}', details[which])
    return { kind, questions: wordings.map(fill), answer: all[which] }
  })
  const asked = [facts.map(fact => ({ ...fact, wording: 0 })), shuffle(facts).map(fact => ({ ...fact, wording: 1 }))]
  return asked.flat().map(({ kind, questions, answer, wording }, test_idx) => ({
    split: 'train',
    test_idx,
    origin_question: questions[wording],
    input_prompt: `Answer in a few words.\n${questions[wording]}`,
    dataset_name: `Embedded-${chat}`,
    lang: 'en',
    info: { golden_answer: answer, category: 4, evidence: [] },
    fact: kind,
  }))
})

const text = `// Generated by scripts/generate-embedded.mjs; do not edit. CC0-1.0: see README.md.
// biome-ignore-all format: one row a line
/** A record in MemoryBench's form, and which fact of its chat it asks for. */
export interface EmbeddedRow {
  split: 'train' | 'test'
  test_idx: number
  origin_question: string
  input_prompt: string
  dataset_name: string
  lang: string
  info: { golden_answer: string; category: number; evidence: unknown[] }
  fact: string
}

/** By chat; within a chat each fact in one wording, then each in another. */
export const ROWS: readonly EmbeddedRow[] = [
${chats
  .flat()
  .map(row => `  ${JSON.stringify(row)},`)
  .join('\n')}
]
`
writeFileSync(process.argv[2] ?? new URL('../src/adapters/embedded/rows.ts', import.meta.url), text)
