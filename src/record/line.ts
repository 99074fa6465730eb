import { InputError } from '../errors.js'
import type { Branch } from '../protocol/index.js'

/** A run as far as its branches go; every record is one. */
interface Branches {
  readonly branches: readonly Branch[]
}

/** @throws InputError naming the branches there are */
export function branchOf({ branches }: Branches, name: string): Branch {
  const branch = branches.find(b => b.name === name)
  if (branch) return branch
  const names = branches.map(b => b.name)
  throw new InputError(`reading branch ${name}: the run has ${names.slice(0, 20).join(', ') || 'none'}`)
}

/**
 * The branches that a branch's steps come from: its oldest parent first, itself last.
 *
 * @returns with the index before which each one's own steps count
 */
export function lineOf(record: Branches, name: string): { name: string; end: number }[] {
  const line: { name: string; end: number }[] = []
  let end = Number.POSITIVE_INFINITY
  for (let branch: Branch | null = branchOf(record, name); branch; ) {
    line.unshift({ name: branch.name, end })
    end = Math.min(end, branch.at)
    branch = branch.parent === null ? null : branchOf(record, branch.parent)
  }
  return line
}

/**
 * What a branch has of its own, after what it shares with its parents.
 *
 * @param own what a branch has of its own, in the order of its index
 * @param indexOf the index of one of them; those of a parent count as long as it is under the index the branch left at
 */
export const withParents = <T>(
  record: Branches,
  name: string,
  own: (branch: string) => readonly T[],
  indexOf: (item: T) => number,
): T[] => lineOf(record, name).flatMap(({ name, end }) => own(name).filter(item => indexOf(item) < end))
