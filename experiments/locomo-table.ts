/**
 * The table of docs/locomo.md from runs of experiments/locomo.ts, as Markdown: for the frozen test rows, the train rows
 * (scored before they were learned) and those asked again, the mean of each arm by category, and paired differences.
 *
 *     npm run build
 *     node --import ./scripts/typescript.mjs experiments/locomo-table.ts runs/CLOSED runs/EVIDENCE runs/BM25
 */
import { readRun, type Step } from 'lora-harness'
import { mean, pairedDifference, signed } from 'lora-harness/report'

const PARTS = { test: 'test rows, adapters frozen', train: 'train rows, before each was learned', again: 'asked again' }
const AGAINST = ['base', 'another chat', 'best constant', 'nearest answer']

/** Whatever the category, a step has one score. */
const scoreOf = (metrics: Step['metrics'] | undefined): number | null => metrics?.f1 ?? metrics?.f1_category5 ?? null
const scoresOf = (arm: string) => (step: Step) =>
  scoreOf(arm === 'adapter' ? step.metrics : step.baselines[arm]?.metrics)
const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`
const figure = (value: number | null | undefined) => value?.toFixed(3) ?? '–'

/** A mean with its 95 % interval: whole conversations are drawn. */
function interval(
  steps: readonly Step[],
  score: (step: Step) => number | null,
  show: (value: number) => string,
): string {
  const pairs = steps.map(step => ({ chat: step.chatId, difference: score(step) ?? 0 }))
  const found = pairedDifference(pairs)
  return found ? `${show(found.mean)} (${show(found.low)} to ${show(found.high)})` : '–'
}

for (const folder of process.argv.slice(2)) {
  const run = readRun(folder)
  const steps = run.steps()
  const { info, sessions } = run
  run.close()
  const minutes = sessions.map(({ startedAt, endedAt }) => (Date.parse(endedAt ?? '') - Date.parse(startedAt)) / 60_000)
  console.log(
    `\n## ${info.args.set.variant ?? 'closed-book'}\n\n${steps.length} examples, ${minutes.map(m => m.toFixed(1)).join(' + ')} minutes`,
  )
  for (const [split, title] of Object.entries(PARTS)) {
    const part = steps.filter(step => step.split === split)
    if (part.length === 0) continue
    const arms = ['adapter', ...Object.keys(part[0]!.baselines)]
    const of = (...categories: number[]) => part.filter(({ details }) => categories.includes(Number(details.category)))
    const columns = [[1], [2], [3], [4], [5]].map(numbers => of(...numbers))
    const main = of(1, 2, 3, 4)
    console.log(`\n### ${title}\n`)
    console.log(
      row(
        'arm',
        ...columns.map((rows, i) => `${i + 1} (n = ${rows.length})`),
        `1–4 (n = ${main.length}), 95 %`,
        `all (n = ${part.length})`,
      ),
    )
    console.log(row(...Array.from({ length: 8 }, (_, i) => (i === 0 ? '---' : '---:'))))
    for (const arm of arms)
      console.log(
        row(
          arm,
          ...columns.map(rows => figure(mean(rows.map(scoresOf(arm))))),
          interval(main, scoresOf(arm), figure),
          figure(mean(part.map(scoresOf(arm)))),
        ),
      )
    console.log('')
    for (const other of AGAINST) {
      const difference = (step: Step) => scoresOf('adapter')(step)! - scoresOf(other)(step)!
      console.log(
        `- adapter minus ${other}: 1–4 ${interval(main, difference, signed)}; all ${interval(part, difference, signed)}`,
      )
    }
  }
}
