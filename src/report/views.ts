import { HarnessError } from '../errors.js'
import { adapterPair, type BaseSizes, type Named } from '../lora/analysis/pair.js'
import type { AdapterModule, Step } from '../protocol/index.js'
import type { RunRecord } from '../record/record.js'

/** Modules of an adapter that the last one is held against, and of what lies between the two. */
export interface AdapterView {
  from: readonly AdapterModule[]
  change: readonly AdapterModule[]
}

/** The last adapter of a branch: as a whole, by its last update, and against another branch. */
export interface AdapterViews {
  modules: readonly AdapterModule[]
  /** The update that made it; null if it was begun from none, or came from elsewhere. */
  update: (AdapterView & { index: number }) | null
  /** What another branch ended with in the same chat; null if there is no other. */
  other: (AdapterView & { branch: string }) | null
}

/**
 * Looks at the last adapter of a branch from these sides. About a second for each pair of 210 modules of rank 8.
 *
 * @param last the step after which it is looked at
 * @param named reads an adapter
 * @throws HarnessError if the adapter itself cannot be read
 */
export async function viewsOf(
  record: Pick<RunRecord, 'branches' | 'timeline'>,
  branch: string,
  steps: readonly Step[],
  last: Pick<Step, 'chatId'> & { identifier: string },
  named: (identifier: string) => Named,
  base: BaseSizes,
): Promise<AdapterViews> {
  const after = named(last.identifier)
  const made = steps.findLast(({ updatedLora }) => updatedLora?.identifier === last.identifier)
  const otherEnd = endElsewhere(record, branch, last)
  const against = async (identifier: string | undefined) => {
    try {
      return identifier === undefined ? null : await adapterPair(named(identifier), after, base)
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error
      return null // Its files were given up, or it is of another model: there is nothing to hold the last one against.
    }
  }
  const update = await against(made?.retrievedLora?.identifier)
  const other = await against(otherEnd?.lora)
  const { modules } = update ?? other ?? (await adapterPair(null, after, base))
  return {
    modules: modules.b,
    update: update && { index: made!.index, from: update.modules.a, change: update.modules.change },
    other: other && { branch: otherEnd!.name, from: other.modules.a, change: other.modules.change },
  }
}

/** The branch that this one left, else the first one, that ended the same chat with another adapter. */
function endElsewhere(
  record: Pick<RunRecord, 'branches' | 'timeline'>,
  branch: string,
  { chatId, identifier }: Pick<Step, 'chatId'> & { identifier: string },
): { name: string; lora: string } | undefined {
  const { branches } = record
  const parent = branches.find(({ name }) => name === branch)?.parent
  const names = branches.map(({ name }) => name).filter(name => name !== branch)
  return [...names.filter(name => name === parent), ...names.filter(name => name !== parent)]
    .flatMap(name => {
      const lora = record.timeline(name).findLast(point => point.lora !== null && point.chatId === chatId)?.lora
      return lora == null ? [] : [{ name, lora }]
    })
    .find(({ lora }) => lora !== identifier)
}
