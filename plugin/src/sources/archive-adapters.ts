import type { Adapter } from 'lora-harness'
import { ARCHIVED, type ArchivedRun, type Step } from 'lora-harness/protocol'
import type { Answers } from './saved.js'
import type { Zip } from './zip.js'

/** Largest adapter that is read [bytes]: two of them are in memory at once. */
const MOST = 500_000_000
/** Adapters kept: an update is looked at beside the one before it. */
const KEPT = 4

/**
 * What can be said of the adapters in an exported run, computed in this page.
 *
 * @param lineOf all steps of a branch
 */
export function adapterAnswers(
  zip: Zip,
  top: string,
  { adapters, branches }: ArchivedRun,
  lineOf: (branch: string) => Step[],
): Pick<Answers, 'adapters' | 'path'> {
  const known = new Map(adapters.map(adapter => [adapter.identifier, adapter]))
  const kept = new Map<string, Adapter>()
  // What it takes is loaded when it is asked for.
  const analysis = () => import('lora-harness/analysis')

  async function reader(): Promise<(identifier: string) => Adapter> {
    const { decodePeft, PEFT_FILES } = await analysis()
    return identifier => {
      const found = kept.get(identifier)
      if (found) return found
      const folder = known.get(identifier)?.folder
      if (!folder) throw new Error(`The files of adapter ${identifier.slice(0, 12)} are not in this file`)
      const where = `${top}${ARCHIVED.adapters}/${folder}`
      const files = Object.entries(PEFT_FILES).map(
        ([name, most]) => [name, zip.read(`${where}/${name}`, Math.min(most, MOST))] as const,
      )
      const { adapter } = decodePeft(new Map(files), where)
      kept.set(identifier, adapter)
      if (kept.size > KEPT) kept.delete(kept.keys().next().value!)
      return adapter
    }
  }

  return {
    async adapters({ a, b }) {
      const { adapterPair } = await analysis()
      const read = await reader()
      const named = (identifier: string | null) =>
        identifier === null ? null : { identifier, adapter: read(identifier) }
      return await adapterPair(named(a), named(b), { why: 'The base model is not in the file of a run.' })
    },
    async path({ branch }) {
      const { adapterWay, branchCosines } = await analysis()
      const source = { known: (identifier: string) => known.get(identifier), read: await reader() }
      const lora = (step: Step | undefined) => (step?.updatedLora ?? step?.retrievedLora)?.identifier ?? null
      const names = [branch, ...branches.map(({ name }) => name).filter(name => name !== branch)]
      const ends = names.map(name => ({ name, lora: lora(lineOf(name).findLast(step => lora(step) !== null)) }))
      const steps = lineOf(branch).map(({ chatId, retrievedLora, updatedLora }) => ({
        ...{ chatId, retrieved: retrievedLora?.identifier ?? null, updated: updatedLora?.identifier ?? null },
      }))
      return { ...(await adapterWay(steps, source)), branches: await branchCosines(ends, source) }
    },
  }
}
