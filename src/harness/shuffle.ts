import { random, shuffle } from '../tensor.js'
import type { ExampleContext } from './example.js'
import type { ExampleSource, Examples } from './feed.js'

/** What a source gives, whether it is the examples or a callable. */
export const examplesOf = (source: ExampleSource): Examples | Promise<Examples> =>
  typeof source === 'function' ? source() : source

/** All examples of a source, read to its end, in an order drawn from a seed: the same for the same seed. */
export async function shuffled(source: ExampleSource, seed: number): Promise<ExampleContext[]> {
  const examples: ExampleContext[] = []
  for await (const example of await examplesOf(source)) examples.push(example)
  return shuffle(examples, random(seed))
}
