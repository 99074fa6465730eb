import type { Branch } from '../protocol/index.js'
import type { RunRecord } from './record.js'

/** A branch and those that left it. */
export interface BranchNode extends Branch {
  /** Steps of its own. */
  own: number
  /** Steps with those of its parents. */
  length: number
  /** Is it the branch last worked on? */
  current: boolean
  children: BranchNode[]
}

/** The branches of a run as a tree. */
export function branchTree(record: Pick<RunRecord, 'branches' | 'current' | 'timeline'>): BranchNode {
  const { branches, current } = record
  const nodes = new Map<string, BranchNode>()
  for (const branch of branches) {
    const { length } = record.timeline(branch.name)
    const node = { ...branch, own: length - branch.at, length, current: branch.name === current, children: [] }
    nodes.set(branch.name, node)
    if (branch.parent !== null) nodes.get(branch.parent)!.children.push(node)
  }
  return nodes.get(branches[0]!.name)!
}

/** The branches of a tree, each under the one it left, with what to draw before its name. */
export function treeLines(root: BranchNode): { rail: string; node: BranchNode }[] {
  const below = root.children.flatMap((child, i) => {
    const last = i === root.children.length - 1
    const [first, ...rest] = treeLines(child)
    return [
      { rail: last ? '└─ ' : '├─ ', node: first!.node },
      ...rest.map(({ rail, node }) => ({ rail: (last ? '   ' : '│  ') + rail, node })),
    ]
  })
  return [{ rail: '', node: root }, ...below]
}

/** Where a branch left and what it leaves out, in words; empty for the first one. */
export function branchNote({ parent, at, skipUpdates }: Branch): string {
  if (parent === null) return ''
  const left = `leaves ${parent} before example ${at}`
  return skipUpdates.length === 0 ? left : `${left}, without the update of ${skipUpdates.join(', ')}`
}
