// Runs a harness that records into the file given, saying each step once it is recorded, until it is killed.
import { register } from 'node:module'

register('ts-node/esm/transpile-only', import.meta.url)
const { LoRAHarness } = await import('../../src/harness/index.ts')
const { jsonlRecorder } = await import('../../src/record/jsonl.ts')

function* endless() {
  for (let testIdx = 0; ; testIdx++)
    yield {
      datasetName: 'endless',
      testIdx,
      messages: [{ role: 'user', content: 'x'.repeat(5000) }],
      lang: 'en',
      info: {},
      metadata: {},
      evaluate: () => ({ f1: 1 }),
    }
}

const harness = new LoRAHarness({
  exampleSource: endless(),
  retrieveLoraFn: () => null,
  inferenceFn: () => 'y'.repeat(5000),
  finetuneFn: () => null,
  recorder: jsonlRecorder(process.argv[2]),
})
for await (const { index } of harness.run()) process.stdout.write(`${index}\n`)
