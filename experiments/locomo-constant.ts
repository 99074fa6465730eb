import type { ExampleContext } from 'lora-harness'

/** Of the examples' own answers the one that, given to every question, scores best over them: a mean of `f1`. */
export async function bestConstant(examples: readonly ExampleContext[]): Promise<string> {
  const scored = examples.filter(({ info }) => info.category !== 5)
  let best = { text: '', total: 0 }
  for (const text of new Set(scored.map(({ target }) => target!))) {
    let total = 0
    for (const example of scored) total += Number((await example.evaluate(text)).f1)
    if (total > best.total) best = { text, total }
  }
  return best.text
}
