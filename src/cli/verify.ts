import type { Verification } from '../record/verify/report.js'
import { verifyRun } from '../record/verify/verify.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { plain, size } from './text.js'

/** Lines of one kind that are shown of a run. */
const SHOWN = 50

/** `lora-harness verify`: checks runs against their hashes. @returns 1 if one is damaged */
export function verify(folders: readonly string[]): ExitCode {
  const found = folders.map(folder => {
    const verification = verifyRun(folder)
    console.log(verificationText(folder, verification))
    return verification
  })
  return found.every(({ damage }) => damage.length === 0) ? EXIT.finished : EXIT.failed
}

function verificationText(folder: string, { damage, notes, branches, adapters }: Verification): string {
  const steps = branches.reduce((sum, branch) => sum + branch.sound, 0)
  const had = branches.reduce((sum, branch) => sum + branch.steps, 0)
  const what = `${plural(steps, 'step')} on ${branches.length} ${branches.length === 1 ? 'branch' : 'branches'}, ${plural(adapters.sound, 'adapter')} (${size(adapters.bytes)})`
  const note = shown(notes.map(line => `  note: ${plain(line, 200)}`))
  if (damage.length === 0) return [`${plain(folder)}: as it was recorded: ${what}`, ...note].join('\n')
  const lines = damage.map(d => `  ${plain(d.what, 200)}: ${plain(d.found, 200)}\n    ${plain(d.means, 200)}`)
  return [
    `${plain(folder)}: damaged`,
    ...shown(lines),
    ...note,
    `  ${steps} of ${had} steps and ${adapters.sound} of ${adapters.all} adapters are as they were recorded.`,
    '  A copy of the run, if there is one, is the cure. Without one:',
    `  lora-harness export ${plain(folder)} --readable --format jsonl   writes the steps that can be trusted`,
  ].join('\n')
}

const shown = (lines: readonly string[]): string[] =>
  lines.length > SHOWN ? [...lines.slice(0, SHOWN), `  and ${lines.length - SHOWN} more`] : [...lines]
