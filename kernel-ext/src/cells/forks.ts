import { type ForkOptions, InputError, type RunRecord } from 'lora-harness'
import type { Baselines } from './callables.js'
import type { NotebookHarness, Parts } from './notebook.js'
import { remember } from './runs.js'

export type NotebookFork = ForkOptions & { baselines?: Baselines }

/**
 * The branch that a harness was last on: rewinding begins another branch of the same harness, forking one of another
 * harness, which the record notes.
 *
 * @param root the branch that the harness began on
 */
export function lastOf(record: Pick<RunRecord, 'branches' | 'events'>, root: string): string {
  const forked = new Set(record.events().flatMap(({ type, branch }) => (type === 'fork' ? [branch] : [])))
  const line = [root]
  for (const { name, parent } of record.branches)
    if (parent !== null && line.includes(parent) && !forked.has(name)) line.push(name)
  return line.at(-1)!
}

/** See `NotebookHarness.fork`. @param make a harness of these parts */
export async function forkOf(
  parent: NotebookHarness,
  { at, name, skipUpdates = [], ...callables }: NotebookFork,
  make: (parts: Parts) => NotebookHarness,
): Promise<NotebookHarness> {
  const { record, folder, restored } = parent
  const branch = name === undefined ? undefined : record.branches.find(branch => branch.name === name)
  if (branch && (branch.at !== at || String(branch.skipUpdates) !== String(skipUpdates)))
    throw new InputError(
      `fork ${name} of run ${parent.id}: there is one, from before example ${branch.at}${branch.skipUpdates.length > 0 ? ` without the updates of ${branch.skipUpdates.join(', ')}` : ''}; give this one another name`,
    )
  const known = branch && parent.forks.get(branch.name)
  if (known) {
    known.live.change(callables)
    return known
  }
  const live = parent.live.copy(callables)
  if (branch && !record.events().some(event => event.type === 'fork' && event.branch === branch.name))
    throw new InputError(`fork ${name} of run ${parent.id}: its branch ${name} is no fork; give this one another name`)
  const harness = branch
    ? await restored(lastOf(record, branch.name), live)
    : parent.harness.fork({ at, skipUpdates, ...(name === undefined ? {} : { name }) })
  const root = branch?.name ?? harness.branch.name
  if (!branch)
    record.note({ type: 'fork', branch: root, index: at, time: new Date().toISOString(), from: parent.branch.name })
  const fork = make({ id: `${parent.id}@${root}`, harness, record, folder, live, restored })
  parent.forks.set(root, fork)
  remember(fork)
  return fork
}
