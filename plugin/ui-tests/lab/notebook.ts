import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Cell {
  code: string
  /** MIME bundles that it shows. */
  outputs?: Record<string, unknown>[]
}

/** Writes a notebook. @param kernel ours, or one that is not there */
export function writeNotebook(
  folder: string,
  name: string,
  cells: readonly Cell[],
  kernel: 'lora-harness' | 'gone' = 'lora-harness',
): void {
  const language = kernel === 'gone' ? 'gone' : 'typescript'
  const notebook = {
    cells: cells.map(({ code, outputs = [] }, i) => ({
      ...{ cell_type: 'code', execution_count: null, id: `cell-${i}`, metadata: {}, source: code },
      outputs: outputs.map(data => ({ data, metadata: {}, output_type: 'display_data' })),
    })),
    metadata: {
      kernelspec: { display_name: kernel, language, name: kernel },
      language_info: { name: language },
    },
    ...{ nbformat: 4, nbformat_minor: 5 },
  }
  writeFileSync(join(folder, name), JSON.stringify(notebook))
}

/** A run of `examples` toys, each of which takes a while; no model. */
export const toy = (id: string, { examples = 30, ms = 60 } = {}): string => `
import { type ExampleContext, LoRAHandle } from 'lora-harness'
import { harness } from 'lora-harness-kernel'
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const examples = Array.from({ length: ${examples} }, (_, i): ExampleContext => ({
  datasetName: 'toy', testIdx: i, chatId: i % 2 ? 'ann' : 'bob', lang: 'en',
  messages: [{ role: 'user', content: \`What is \${i}?\` }],
  target: String(i), info: {}, metadata: {}, evaluate: response => ({ exact: response === String(i) }),
}))
const h = await harness({
  id: '${id}', folder: 'runs/${id}', exampleSource: examples,
  retrieveLoraFn: (example, run) => run.store.getLast(example.chatId),
  inferenceFn: async ({ testIdx }) => { await wait(${ms}); return Number(testIdx) % 3 ? String(testIdx) : 'no idea' },
  finetuneFn: ({ testIdx }, lora) => new LoRAHandle({ identifier: \`\${lora?.identifier ?? ''}\${testIdx},\` }),
  baselines: { base: () => 'no idea' },
})
h`
