import type { AdapterComparison, ModuleComparison } from '../lora/analysis/compare.js'
import type { AdapterPath } from '../lora/analysis/path.js'
import { short } from '../report/words.js'
import { aligned, plain, wrapped } from './text.js'

/** One of the two, as it was asked for. */
export interface Side {
  /** What was typed. */
  text: string
  identifier: string
  /** Rank that most modules have. */
  r: number
  base: string
}

/** All that `diff` says; printed as it is by `--json`. */
export interface Diff {
  a: Side
  b: Side
  /** As far as their files say. */
  sameBase: boolean
  comparison: AdapterComparison
  /** Of the base model's matrices, ‖W₀‖_F by module; or why they are not known. */
  base: { norms: Record<string, number> } | { why: string }
  /** From A to B, if B came of A in a run. */
  path: AdapterPath | null
}

/** What a diff says of the weights, for a terminal: on one screen unless all modules are asked for. */
export function diffText({ a, b, sameBase, comparison, base, path }: Diff, most: number | 'all'): string {
  const known = 'norms' in base ? new Map(Object.entries(base.norms)) : undefined
  const parts = [
    `A: ${name(a)}\nB: ${name(b)}`,
    summary(comparison, known),
    ...heatMap(comparison.modules, known),
    modulesTable(comparison.modules, known, most),
    [
      ...sentences(comparison, path),
      ...(sameBase ? [] : ['A and B were trained on different base models: their comparison may mean nothing.']),
      ...('why' in base ? [`No sizes relative to the base model: ${base.why}.`] : []),
      legend(known),
    ]
      .map(text => wrapped(plain(text)))
      .join('\n'),
  ]
  return parts.join('\n\n')
}

const name = ({ text, identifier, r, base }: Side): string =>
  `${plain(text, 60)} (${short(identifier)}, rank ${r}${base ? `, of ${plain(base, 40)}` : ''})`

type Norms = ReadonlyMap<string, number>

const number = (x: number | null): string => (x === null ? '–' : x === 0 ? '0' : x.toPrecision(3))
const percent = (x: number | null): string => (x === null ? '–' : x === 0 ? '0 %' : `${(100 * x).toPrecision(3)} %`)
const cosine = (x: number | null): string => (x === null ? '–' : x.toFixed(3).replace('-', '−'))

function summary({ modules, onlyA, onlyB, norms, ...whole }: AdapterComparison, base: Norms | undefined): string {
  const names = [...modules.map(m => m.module), ...onlyA, ...onlyB]
  const all = base && Math.hypot(...names.map(module => base.get(module)!))
  const row = (head: string, of: (x: number) => string) => [head, of(norms.a), of(norms.b), of(norms.change)]
  return aligned([
    ['all modules as one', 'A', 'B', 'change B − A'],
    row('norm', number),
    ...(all ? [row('of base weights', x => percent(x / all))] : []),
    ["of A's norm", '', percent(norms.a > 0 ? norms.b / norms.a : null), percent(whole.relativeChange)],
    ['cosine with A', '', cosine(whole.cosine), ''],
  ])
}

/** Size of a module's change: relative to the base weights where they are known. */
const sizeOf = ({ module, change }: ModuleComparison, base: Norms | undefined): number =>
  base ? change.norm / base.get(module)! : change.norm

const BARS = [...'▁▂▃▄▅▆▇█']

/** A row for each kind of module, a bar for each layer, the whole row at its end: where the change is. */
function heatMap(modules: readonly ModuleComparison[], base: Norms | undefined): string[] {
  const cells = modules.flatMap(m => {
    const [, before, layer, kind] = /^(.*?)(?:^|\.)(\d+)\.(.+)$/.exec(m.module) ?? []
    return layer === undefined ? [] : [{ ...m, layer: Number(layer), kind: `${before}.${kind}`, size: sizeOf(m, base) }]
  })
  const layers = cells.reduce((most, c) => Math.max(most, c.layer + 1), 0)
  const kinds = [...new Set(cells.map(c => c.kind))]
  const largest = cells.reduce((most, c) => Math.max(most, c.size), 0)
  if (layers > 80 || kinds.length > 16 || largest === 0) return []
  const rows = kinds.map(kind => {
    const own = new Map(cells.flatMap(c => (c.kind === kind ? [[c.layer, c] as const] : [])))
    const bar = (_: unknown, layer: number) => {
      const size = own.get(layer)?.size
      if (!size) return size === undefined ? '·' : ' '
      return BARS[Math.ceil(Math.sqrt(size / largest) * BARS.length) - 1]!
    }
    const total = Math.hypot(...[...own.values()].map(c => c.change.norm))
    const weights = base && Math.hypot(...[...own.values()].map(c => base.get(c.module)!))
    const bars = Array.from({ length: layers }, bar).join('')
    return [
      plain(kind.slice(kind.lastIndexOf('.') + 1), 24),
      `[${bars}]`,
      weights ? percent(total / weights) : number(total),
    ]
  })
  const unit = base ? percent(largest) : number(largest)
  const what = `change${base ? ' of base weights' : ''}, layers 0 to ${layers - 1}, and of all layers`
  return [`${what}; █ is ${unit}, square-root scale; · has no adapter\n${aligned(rows, ['left', 'left'])}`]
}

function modulesTable(modules: readonly ModuleComparison[], base: Norms | undefined, most: number | 'all'): string {
  const sorted = modules.toSorted((x, y) => sizeOf(y, base) - sizeOf(x, base))
  const shown = most === 'all' ? sorted : sorted.slice(0, most)
  const head = ['changed most', ...(base ? ['of base'] : []), 'change', 'A', 'B', 'cosine', 'stable', 'effective rank']
  const rows = shown.map(m => [
    plain(m.module, 44),
    ...(base ? [percent(sizeOf(m, base))] : []),
    ...[m.change.norm, m.a.norm, m.b.norm].map(number),
    cosine(m.cosine),
    m.change.stableRank?.toFixed(1) ?? '–',
    `${m.change.effectiveRank?.toFixed(1) ?? '–'} of ${m.change.values.length}`,
  ])
  const rest = sorted.length > shown.length ? `\n(${sorted.length - shown.length} more with --modules all)` : ''
  return aligned([head, ...rows]) + rest
}

function sentences({ modules, onlyA, onlyB }: AdapterComparison, path: AdapterPath | null): string[] {
  const still = modules.filter(m => m.change.norm === 0).length
  const only = (side: string, other: string, names: readonly string[]) =>
    names.length === 0
      ? []
      : [
          `${names.length} only in ${side}, zero in ${other}: ${names
            .slice(0, 4)
            .map(n => plain(n, 60))
            .join(', ')}${names.length > 4 ? ', …' : ''}.`,
        ]
  return [
    `${modules.length} modules in both${still > 0 ? `, ${still} of them unchanged` : ''}.`,
    ...only('A', 'B', onlyA),
    ...only('B', 'A', onlyB),
    ...(path ? [way(path)] : []),
  ]
}

const way = ({ steps, length, net, directness }: AdapterPath): string => {
  const back = steps.filter(s => s.onward !== null && s.onward < 0).length
  return `From A to B in ${steps.length} updates: ${number(length)} of way for ${number(net)} of distance, directness ${number(directness)} (1 is straight); ${back} of them undid what came before.`
}

const legend = (base: Norms | undefined): string =>
  'Norm: ‖ΔW‖, the root of the sum of squares of all numbers that the adapter adds to the weights. ' +
  `${base ? 'Of base: that of the change in parts of ‖W₀‖, the weights it is added to. ' : ''}` +
  'Cosine of A and B: 1 the same direction, 0 unrelated, −1 opposite. ' +
  'Stable and effective rank of the change: in how many directions it is, from 1 to the number that it could have. ' +
  'A large change is where training wrote, not whether that helped.'
