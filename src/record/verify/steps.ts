import { z } from 'zod'
import { hashesOf } from '../../harness/callables.js'
import type { Json, Step } from '../../protocol/index.js'
import { CALLABLES } from '../changes.js'
import type { Database } from '../database.js'
import { chained, query, type Row } from '../schema.js'
import { withTexts } from '../texts.js'
import { type Damage, Groups, ranges, short } from './report.js'
import { attempt, rowsOf, textOf } from './rows.js'

/** A branch as its row has it. */
export interface KnownBranch {
  id: number
  name: string
  parent: number | null
  at: number
}

/** What is known of a step that can be read. */
export interface KnownStep {
  id: number
  hash: string
  /** The hash that its row must have; undefined if the step before it is lost. */
  computed: string | undefined
  /** What is wrong with it; undefined: nothing, as far as can be told. */
  why?: string
}

/** What a step must have for anything that reads it. */
const StepBody = z.object({
  v: z.literal(1),
  index: z.int().min(0),
  key: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  response: z.string(),
  metrics: z.record(z.string(), z.number()),
  baselines: z.record(z.string(), z.object({ response: z.string(), metrics: z.record(z.string(), z.number()) })),
  retrievedLora: z.object({ identifier: z.string() }).nullable(),
  updatedLora: z.object({ identifier: z.string() }).nullable(),
  outcome: z.object({ kind: z.enum(['updated', 'unchanged', 'skipped', 'failed']) }),
  callables: z.object({ retrieveLoraFn: z.string(), inferenceFn: z.string(), finetuneFn: z.string() }),
})

/** Steps by branch and index. */
export type KnownSteps = Map<number, Map<number, KnownStep>>

/**
 * Checks every step that can be read: its hash, which covers it and the step before, its form, and the texts, callables
 * and adapters that it names.
 *
 * @param adapters identifiers that the record has
 */
export function examineSteps(
  db: Database,
  branches: ReadonlyMap<number, KnownBranch>,
  adapters: ReadonlySet<string>,
  careful: boolean,
): { steps: KnownSteps; damage: Damage[] } {
  const steps: KnownSteps = new Map()
  const unread: string[] = []
  const named = new Named(db)
  for (const { row, why } of rowsOf(db, 'steps', careful)) {
    if (!row) {
      unread.push(why)
      continue
    }
    const branch = branches.get(row.branch)
    const own = steps.get(row.branch) ?? new Map<number, KnownStep>()
    steps.set(row.branch, own)
    const stepAt = (index: number) => before(steps, branches, row.branch, index)
    const known = checked(row, row.idx, branch, stepAt)
    // A row whose number was altered is still the step that its hash says it is.
    const index = known.why === undefined ? row.idx : (indexIn(row.body) ?? row.idx)
    const moved = index === row.idx ? known : checked(row, index, branch, stepAt)
    if (index !== row.idx && moved.why === undefined)
      own.set(index, { ...moved, why: `its row says that it is step ${row.idx}` })
    else own.set(row.idx, known)
    if (branch && known.why === undefined) named.add(row, branch, adapters)
  }
  return { steps, damage: [...lostSteps(steps, branches, unread), ...named.damage()] }
}

/** A step with what is wrong with it by itself, in the place of step `index`. */
function checked(
  row: Row<'steps'>,
  index: number,
  branch: KnownBranch | undefined,
  stepAt: (index: number) => KnownStep | undefined,
): KnownStep {
  const { id, hash, body } = row
  if (!branch) return { id, hash, computed: undefined, why: 'its branch is lost' }
  const previous = index === 0 ? undefined : stepAt(index - 1)
  const hashOf = (hashBefore: string | undefined) => chained(hashBefore, branch.name, row)
  if (index > 0 && !previous) return { id, hash, computed: undefined, ...malformed(body, index) }
  const computed = hashOf(previous?.hash)
  if (hash === computed) return { id, hash, computed, ...malformed(body, index) }
  // Where it is the hash of the step before that was altered, this one still says what it was.
  if (previous?.computed === undefined || hash !== hashOf(previous.computed))
    return { id, hash, computed, why: 'it does not have the hash that it was recorded with' }
  previous.why = 'its hash was altered, not the step itself'
  return { id, hash, computed: hash, ...malformed(body, index) }
}

/** What is wrong with a step's form, if anything. */
function malformed(body: string, index: number): { why?: string } {
  const json = attempt(() => JSON.parse(body) as unknown)
  if (json.why !== undefined) return { why: `it is no JSON: ${json.why}` }
  const { success, data } = StepBody.safeParse(json.value)
  if (!success) return { why: 'it does not have the form of a step' }
  return data.index === index ? {} : { why: `it is step ${data.index}` }
}

/** The index that a step says it has. */
function indexIn(body: string): number | undefined {
  const { success, data } = StepBody.safeParse(attempt(() => JSON.parse(body) as unknown).value)
  return success ? data.index : undefined
}

/** The step of a branch, or of the one it left, that has an index. */
function before(
  steps: KnownSteps,
  branches: ReadonlyMap<number, KnownBranch>,
  of: number,
  index: number,
): KnownStep | undefined {
  const seen = new Set<number>()
  for (let branch = branches.get(of); branch && !seen.has(branch.id); ) {
    seen.add(branch.id)
    if (index >= branch.at) return steps.get(branch.id)?.get(index)
    branch = branch.parent === null ? undefined : branches.get(branch.parent)
  }
  return undefined
}

/** Damage of steps, those of a branch that have the same together. */
function lostSteps(steps: KnownSteps, branches: ReadonlyMap<number, KnownBranch>, unread: readonly string[]): Damage[] {
  const damage: Damage[] = []
  let missing = 0
  for (const [id, own] of steps) {
    const reasons = new Groups<string, number>()
    const { name, at } = branches.get(id) ?? { name: `number ${id}`, at: 0 }
    const sound = [...own].filter(([, { why }]) => why === undefined).map(([index]) => index)
    const end = sound.reduce((a, b) => Math.max(a, b), -1)
    for (let index = at; index < end; index++)
      if (!own.has(index)) {
        missing++
        reasons.add(`it is lost: ${unread[0] ?? 'there is no row'}`, index)
      }
    for (const [index, { why }] of own) if (why !== undefined) reasons.add(why, index)
    for (const [found, indices] of reasons)
      damage.push({
        what: `step ${ranges(indices.sort((a, b) => a - b))} of branch ${name}`,
        found,
        means: 'the other steps can be trusted, each by its own hash',
      })
  }
  if (unread.length > missing)
    damage.push({
      what: 'steps at the end of a branch',
      found: unread.at(-1)!,
      means: 'those that can be read can be trusted, each by its own hash',
    })
  return damage
}

/** What steps name, with the steps that named what is damaged. */
class Named {
  readonly #db: Database
  /** Why a callable cannot be trusted, if so: each is looked at once. */
  readonly #callables = new Map<string, string | undefined>()
  /** By kind, name and reason. */
  readonly #damaged = new Groups<string, { branch: string; index: number }>()

  constructor(db: Database) {
    this.#db = db
  }

  add({ body, idx }: Row<'steps'>, branch: KnownBranch, adapters: ReadonlySet<string>): void {
    const damaged = (kind: string, name: string, why: string) =>
      this.#damaged.add(JSON.stringify([kind, name, why]), { branch: branch.name, index: idx })
    const step = withTexts(JSON.parse(body) as Json, hash => {
      const { value, why } = textOf(this.#db, hash)
      if (why !== undefined) damaged('text', hash, why)
      return value ?? ''
    }) as unknown as Step
    for (const name of CALLABLES) {
      const hash = step.callables[name]
      if (!this.#callables.has(hash)) this.#callables.set(hash, callableProblem(this.#db, hash))
      const why = this.#callables.get(hash)
      if (why !== undefined) damaged(name, hash, why)
    }
    // One whose name is a lost text is named above.
    for (const { identifier } of [step.retrievedLora, step.updatedLora].filter(lora => lora !== null))
      if (identifier !== '' && !adapters.has(identifier)) damaged('adapter', identifier, 'the record does not have it')
  }

  damage(): Damage[] {
    return [...this.#damaged].map(([key, users]) => {
      const [kind, name, found] = JSON.parse(key) as [string, string, string]
      const byBranch = new Groups<string, number>()
      for (const { branch, index } of users) byBranch.add(branch, index)
      const where = [...byBranch].slice(0, 5).map(([branch, indices]) => `step ${ranges(indices)} of branch ${branch}`)
      return {
        what: `${kind} ${short(name)}`,
        found,
        means: `named by ${where.join(', ')}; the rest of that is as it was`,
      }
    })
  }
}

/** Why the text of a callable cannot be trusted; undefined if it can. */
function callableProblem(db: Database, hash: string): string | undefined {
  const row = attempt(() => db.first(query.selectFrom('callables').selectAll().where('hash', '=', hash)))
  if (!row.value) return row.why ?? 'its text is missing'
  const [text, code] = [textOf(db, row.value.source), textOf(db, row.value.code)]
  if (text.value === undefined || code.value === undefined) return `its text: ${text.why ?? code.why}`
  const own = text.value
  const { finetuneFn } = hashesOf({ retrieveLoraFn: own, inferenceFn: own, finetuneFn: own, code: code.value })
  return finetuneFn === hash ? undefined : 'its text has another hash'
}
