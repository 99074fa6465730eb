/** Something that is not as it was recorded. */
export interface Damage {
  /** Which thing: `step 3 of branch main`, `adapter 3fa91c…: file README.md`, `run.db`. */
  what: string
  found: string
  /** What follows from it. */
  means: string
}

/** What `verifyRun` found. */
export interface Verification {
  /** Absolute path. */
  folder: string
  /** Empty: everything is as it was recorded. */
  damage: Damage[]
  /** What is no damage, but worth knowing, such as files that no step names. */
  notes: string[]
  /** For each branch the steps of its own that there must have been, and those that are as they were recorded. */
  branches: { name: string; steps: number; sound: number }[]
  /** Adapters that the record names and has not given up, those whose files are as they were recorded, and bytes. */
  adapters: { all: number; sound: number; bytes: number }
}

/** Lists by key. */
export class Groups<K, V> extends Map<K, V[]> {
  add(key: K, value: V): void {
    const list = this.get(key)
    if (list) list.push(value)
    else this.set(key, [value])
  }
}

/** `3, 7–9 and 40 more`, of numbers in order. */
export function ranges(numbers: readonly number[], most = 6): string {
  const groups: [number, number][] = []
  for (const n of numbers) {
    const last = groups.at(-1)
    if (last && last[1] === n - 1) last[1] = n
    else groups.push([n, n])
  }
  const shown = groups.slice(0, most).map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`))
  const left = groups.slice(most).reduce((sum, [a, b]) => sum + b - a + 1, 0)
  return left > 0 ? `${shown.join(', ')} and ${left} more` : shown.join(', ')
}

/** The start of a hash or of another name, for people. */
export const short = (name: string): string => (name.length > 12 ? `${name.slice(0, 12)}…` : name)
