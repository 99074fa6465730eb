import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type ListedRun, listRuns } from '../record/list.js'
import { RUN_DB } from '../record/sqlite.js'
import { score } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { showRun } from './run-detail.js'
import { aligned, plain, size } from './text.js'

/** Runs that the table shows; `--json` has all. */
const SHOWN = 200

/** `lora-harness runs`: the runs in a folder, newest first; the folder of one run: that run. */
export async function runs(folder: string, { json = false }: { json?: boolean }): Promise<ExitCode> {
  if (existsSync(join(folder, RUN_DB))) return showRun(folder, { json })
  const found = await listRuns(folder)
  if (json) {
    console.log(JSON.stringify(found, null, 2))
    return EXIT.finished
  }
  if (found.length === 0) console.log(`There is no run in ${plain(folder)}.`)
  else console.log(table(found.slice(0, SHOWN)))
  if (found.length > SHOWN) console.log(`(${found.length - SHOWN} more; --json shows them)`)
  return EXIT.finished
}

function table(found: readonly ListedRun[]): string {
  const head = ['run', 'experiment', 'status', 'begun (UTC)', 'branches', 'steps', 'score', 'size']
  const rows = found.map(run => [
    plain(basename(run.folder), 48),
    plain(run.experiment === null ? '' : basename(run.experiment), 24),
    run.problem === null ? statusOf(run) : plain(run.problem, 60),
    run.startedAt === null ? '' : plain(run.startedAt.slice(0, 16).replace('T', ' ')),
    String(run.branches ?? ''),
    String(run.steps ?? ''),
    scoreOf(run),
    size(run.bytes),
  ])
  return aligned([head, ...rows], ['left', 'left', 'left', 'left'])
}

const statusOf = ({ status, pid }: ListedRun): string =>
  status === 'running' ? `running${pid === null ? '' : ` (process ${pid})`}` : plain(status ?? 'begun', 20)

/** `f1 0.43 (base 0.12)`. */
function scoreOf({ score: of }: ListedRun): string {
  if (!of || of.adapter === null) return ''
  const { metric, adapter, baseline } = of
  const beside = baseline && baseline.mean !== null ? ` (${plain(baseline.name, 12)} ${score(baseline.mean)})` : ''
  return `${plain(metric, 12)} ${score(adapter)}${beside}`
}
