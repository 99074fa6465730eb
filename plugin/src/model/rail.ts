import type { Branch, TimelinePoint } from 'lora-harness/protocol'

/** Something on the rail: where a branch stands, an adapter that was saved, or the base model. */
export type RailNode =
  | { kind: 'tip'; branch: Branch; length: number }
  | { kind: 'adapter'; branch: Branch; index: number; identifier: string; finetuneFn: string }
  /** Adapters that are left out. */
  | { kind: 'more'; branch: Branch; count: number }
  | { kind: 'base' }

/** A row of the rail: a node, and the lines beside it. */
export interface RailRow {
  node: RailNode
  /** Column of the node. */
  lane: number
  /** Columns whose line comes from above, and goes on below. */
  above: number[]
  below: number[]
  /** Columns whose line ends here, in the node's. */
  joins: number[]
}

/** A branch with its examples, its parents' too. */
export interface RailBranch {
  branch: Branch
  line: readonly TimelinePoint[]
}

type Adapter = RailNode & { kind: 'adapter' }

/** Adapters that updates on a branch left behind, the newest first. */
function adaptersOf({ branch, line }: RailBranch): Adapter[] {
  const found: Adapter[] = []
  for (let i = line.length - 1; i >= branch.at; i--) {
    const { lora, outcome, index, finetuneFn } = line[i]!
    if (outcome === 'updated' && lora !== null)
      found.push({ kind: 'adapter', branch, index, identifier: lora, finetuneFn })
  }
  return found
}

/** The adapter of its parents that a branch left with; undefined for the base model. */
const leftWith = (branch: Branch, adapters: ReadonlyMap<string, Adapter[]>, branches: readonly Branch[]) => {
  for (let [at, name] = [branch.at, branch.parent]; name !== null; ) {
    const found = adapters.get(name)?.find(({ index }) => index < at)
    if (found) return found
    const parent = branches.find(b => b.name === name)
    ;[at, name] = [Math.min(at, parent?.at ?? 0), parent?.parent ?? null]
  }
  return undefined
}

/**
 * Branches and their adapters as a rail, the newest above, the base model below.
 *
 * @param most rows; of each branch the newest adapters are kept, and those that others left with
 * @returns rows, and how many adapters there are
 */
export function railOf(of: readonly RailBranch[], most: number): { rows: RailRow[]; adapters: number } {
  const branches = of.map(({ branch }) => branch)
  const adapters = new Map(of.map(one => [one.branch.name, adaptersOf(one)]))
  const all = [...adapters.values()].reduce((sum, { length }) => sum + length, 0)
  const from = new Map(branches.map(branch => [branch.name, leftWith(branch, adapters, branches)]))
  // Rows that are there in any case: tips, what others left with, what stands for those left out, the base model.
  const left = new Set([...from.values()].filter(node => node !== undefined))
  const each = Math.max(1, Math.floor((most - 2 * of.length - 2 * left.size - 1) / Math.max(1, of.length)))

  const nodes: { node: RailNode; lane: number; at: number }[] = [{ node: { kind: 'base' }, lane: 0, at: -1 }]
  for (const [lane, { branch, line }] of of.entries()) {
    nodes.push({ node: { kind: 'tip', branch, length: line.length }, lane, at: line.length })
    let skipped: { count: number; at: number } | null = null
    const close = () => {
      if (skipped) nodes.push({ node: { kind: 'more', branch, count: skipped.count }, lane, at: skipped.at })
      skipped = null
    }
    for (const [i, node] of adapters.get(branch.name)!.entries()) {
      if (all + of.length + 1 <= most || i < each || left.has(node)) {
        close()
        nodes.push({ node, lane, at: node.index })
      } else skipped = { count: (skipped as { count: number } | null)?.count ?? 0, at: node.index }
      if (skipped) skipped.count++
    }
    close()
  }
  // Of what stands at one example, a branch's tip is above, and later branches are.
  const rank = { tip: 0, adapter: 1, more: 1, base: 2 }
  nodes.sort((a, b) => b.at - a.at || rank[a.node.kind] - rank[b.node.kind] || b.lane - a.lane)

  /** Lanes that have begun above and not ended. */
  const open = new Set<number>()
  const rows = nodes.map(({ node, lane }): RailRow => {
    const joins = of.flatMap(({ branch }, other) => {
      if (!open.has(other) || other === lane) return []
      const parent = from.get(branch.name)
      const isHere = node === parent || (parent === undefined && node.kind === 'base')
      return isHere ? [other] : []
    })
    const above = [...open]
    for (const other of joins) open.delete(other)
    if (node.kind === 'base') open.clear()
    else open.add(lane)
    return { node, lane, above, below: [...open], joins }
  })
  return { rows, adapters: all }
}

/** A size for reading: `4.9 MB`. */
export function sizeOf(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${+(bytes / 1000 ** power).toPrecision(2)} ${units[power]}`
}
