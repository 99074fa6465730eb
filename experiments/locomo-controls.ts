/**
 * More controls of form for a finished run of experiments/locomo.ts: its test rows of categories 1 to 4, answered with
 * the last adapters of other neighbours than the next one. Neighbour 0 is the own adapter: it must score as in the run.
 *
 *     npm run build
 *     node --import ./scripts/typescript.mjs experiments/locomo-controls.ts runs/CLOSED
 */
import { join } from 'node:path'
import { LoRAHandle, LoRAModel, readRun } from 'lora-harness'
import { locomo } from 'lora-harness/adapters/memorybench'
import { mean, pairedDifference, signed } from 'lora-harness/report'

const NEIGHBOURS = [0, 1, 3, 5, 7, 9]

const folder = process.argv[2]!
const run = readRun(folder)
const steps = run.steps()
run.close()
const chats = [...new Set(steps.map(({ chatId }) => chatId))]
const last = new Map(
  steps.flatMap(({ chatId, updatedLora }) => (updatedLora ? [[chatId, updatedLora.identifier]] : [])),
)
const test = steps.filter(({ split, details }) => split === 'test' && details.category !== '5')
const model = await LoRAModel.load('smollm2-135m-instruct')

const others: number[][] = []
for (const k of NEIGHBOURS) {
  const scores: number[] = []
  for (const { chatId, messages, details } of test) {
    const chat = chats[(chats.indexOf(chatId) + k) % chats.length]!
    const lora = await LoRAHandle.fromPeft(join(folder, 'adapters', last.get(chat)!))
    const { text } = await model.generate(messages, { lora, maxNewTokens: 32 })
    const info = { ...details, category: Number(details.category) } as unknown as locomo.LocomoInfo
    scores.push(locomo.evaluateSingle(info, text).f1)
  }
  console.log(`neighbour ${k}: ${mean(scores)!.toFixed(3)}; ${ownMinus(scores)}`)
  if (k !== 0) others.push(scores)
}
console.log(`all of them but 0: ${ownMinus(test.map((_, i) => mean(others.map(scores => scores[i]!))!))}`)

/** The run's own adapter minus these scores, with its 95 % interval. */
function ownMinus(scores: readonly number[]): string {
  const pairs = test.map(({ chatId, metrics }, i) => ({ chat: chatId, difference: metrics.f1! - scores[i]! }))
  const { mean, low, high } = pairedDifference(pairs)!
  return `own minus these ${signed(mean)} (95 % ${signed(low)} to ${signed(high)})`
}
