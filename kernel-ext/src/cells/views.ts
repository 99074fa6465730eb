/** What a run shows of itself. */
import { randomUUID } from 'node:crypto'
import {
  type Adapter,
  compare,
  compareAdapters,
  InputError,
  LoRAHandle,
  moduleNorms,
  readPeft,
  toStep,
  totalNorm,
} from 'lora-harness'
import type { Step } from 'lora-harness/protocol'
import { type CardSource, card, cardOf, type Markup, svg, timeline, timelineOf } from 'lora-harness/report'
import type { CardView } from '../cards/card.js'
import { exampleCard } from '../cards/example.js'
import { exampleTexts, type RunAtOnce, runCard } from '../cards/run.js'
import { type AdapterDiff, callablesCard, comparisonCard, diffCard, lineageCard } from '../cards/tables.js'
import { transport } from '../place.js'
import { DISPLAY } from '../transport.js'
import { CALLABLES } from './callables.js'
import type { NotebookHarness } from './notebook.js'

/** Names an adapter: see `NotebookHarness.diff`. */
export type AdapterName = number | string | LoRAHandle | NotebookHarness | null

const atOnce = (h: NotebookHarness): RunAtOnce => ({
  ...{ state: h.state, seed: h.seed, points: h.points, events: h.events, branches: h.record.branches },
  example: index => {
    const { example, response } = h.result(index)
    return exampleTexts(index, example.messages.findLast(({ role }) => role === 'user')?.content ?? '', response)
  },
})

/** A run's card. @param live while it goes on: without what takes long */
export const run = (h: NotebookHarness, kind: 'run' | 'timeline', live = false): CardView =>
  runCard(kind, atOnce(h), h.points.length > 0 ? () => pictureOf(h, kind) : undefined, live)

/** What is drawn of a run: the record, with the points that are at hand. */
function pictureOf(h: NotebookHarness, kind: 'run' | 'timeline'): Markup {
  const { record } = h
  const { info, sessions, branches } = record
  const branch = h.branch.name
  const source: CardSource = {
    ...{ info, sessions, branches, current: branch },
    timeline: name => (name === undefined || name === branch ? [...h.points] : record.timeline(name)),
    events: () => [...h.events],
    probings: name => record.probings(name ?? branch),
    adapter: identifier => record.adapter(identifier),
  }
  const picture =
    kind === 'run'
      ? card({ ...cardOf(source, { branch, status: h.state.status }), runId: h.id })
      : timeline(timelineOf(source, { branch }), { width: 1000, height: 320 })
  return svg(picture, { ground: true })
}

export const exampleOf = (h: NotebookHarness, step: Step): CardView =>
  exampleCard(h.id, step, step.outcome.kind === 'failed' ? h.live.failures.get(step.index) : undefined)

/** The time between two updates of a display is at least this [ms], and so many times what an update takes. */
const PACE = { least: 1000, times: 20 }

/**
 * Shows a run until it has ended, in one display. Where there is no page, prints the end.
 *
 * @param end of the run; its failure is shown, not thrown
 */
export async function follow(h: NotebookHarness, end: Promise<unknown>): Promise<void> {
  const page = transport()
  const ended = end.then(
    () => {},
    () => {},
  )
  if (page.kernel === 'none') {
    await ended
    return await page.display({ 'text/plain': String(run(h, 'run')) })
  }
  const displayId = randomUUID()
  let [changed, due, update] = [false, 0, Promise.resolve()]
  const show = async (live: boolean, again = true) => {
    const from = performance.now()
    await page.display(await run(h, 'run', live)[DISPLAY](), { displayId, update: again })
    due = performance.now() + Math.max(PACE.least, PACE.times * (performance.now() - from))
  }
  await show(true, false)
  const off = h.watch(({ type }) => {
    changed ||= type !== 'token'
  })
  const timer = setInterval(() => {
    if (!changed || performance.now() < due) return
    changed = false
    due = Number.POSITIVE_INFINITY // Until this one is shown.
    update = show(true)
  }, 100)
  await ended
  clearInterval(timer)
  off()
  await update
  await show(false)
}

/** The adapter that is meant; null for none. */
function adapterOf(h: NotebookHarness, name: AdapterName): LoRAHandle | null {
  if (name === null || name instanceof LoRAHandle) return name
  if (typeof name === 'string') return h.record.lora(name)
  const result = typeof name === 'number' ? h.result(name) : name.results.at(-1)
  return result ? (result.updatedLora ?? result.retrievedLora) : null
}

/** @throws InputError if there was no update that could be meant */
export function diff(h: NotebookHarness, a?: AdapterName, b?: AdapterName): CardView {
  if (a !== undefined) return diffCard(h.id, diffOf(adapterOf(h, a), adapterOf(h, b === undefined ? h : b)))
  const last = h.results.findLast(({ updatedLora }) => updatedLora)
  if (!last) throw new InputError(`diff() of run ${h.id}: no example has made an adapter yet`)
  return diffCard(h.id, diffOf(last.retrievedLora, last.updatedLora))
}

export function diffOf(a: LoRAHandle | null, b: LoRAHandle | null): AdapterDiff {
  const names = { a: a?.identifier ?? null, b: b?.identifier ?? null }
  const known = (lora: LoRAHandle | null) => (lora?.path === undefined ? undefined : readPeft(lora.path).adapter)
  const [from, to] = [known(a), known(b)]
  if ((a && !from) || (b && !to) || (!from && !to)) return { ...names, norms: null, cosine: null, modules: [] }
  if (from && to) {
    const { modules, norms, cosine } = compareAdapters(from, to)
    const rows = modules.map(({ module, a, b, change, cosine }) => ({
      ...{ module, a: a.norm, b: b.norm, change: change.norm, cosine },
    }))
    return { ...names, norms, cosine, modules: rows }
  }
  // Against none, all of an adapter is change.
  const { rows, norm } = alone((from ?? to)!)
  const side = (n: number) => (from ? { a: n, b: 0, change: n } : { a: 0, b: n, change: n })
  const modules = rows.map(([module, n]) => ({ module, ...side(n), cosine: null }))
  return { ...names, norms: side(norm), cosine: null, modules }
}

function alone(adapter: Adapter): { rows: [string, number][]; norm: number } {
  const norms = moduleNorms(adapter)
  return { rows: [...norms], norm: totalNorm(norms) }
}

export function lineage(h: NotebookHarness): CardView {
  const { record } = h
  const branches = record.branches.map(branch => ({
    ...branch,
    length: branch.name === h.branch.name ? h.points.length : record.timeline(branch.name).length,
  }))
  return lineageCard(h.id, h.branch.name, branches, record.adapters())
}

export function comparison(h: NotebookHarness, other: NotebookHarness | string): CardView {
  const own = h.results.map(toStep)
  const theirs = typeof other === 'string' ? other : other.results.map(toStep)
  const name = typeof other === 'string' ? other : other.id
  return comparisonCard(name, h.id, compare(theirs, own, { seed: h.seed }))
}

export function callables(h: NotebookHarness): CardView {
  const hashes = h.state.callables
  const now = CALLABLES.map(name => ({ name, hash: hashes[name], source: h.live.shown(name) }))
  return callablesCard(
    h.id,
    now,
    h.events.filter(({ type }) => type === 'swap'),
  )
}
