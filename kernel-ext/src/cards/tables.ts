/** Cards that are tables: adapters, branches, comparisons, callables. */
import type { AdapterRecord, Comparison } from 'lora-harness'
import type { Branch, Card, CardDifference, CardModule, RunEvent } from 'lora-harness/protocol'
import { type Markup, markup, score, short, signed } from 'lora-harness/report'
import { BARE, type CardView, fitted, LEFT, view } from './card.js'
import { cut, line, table } from './text.js'

const named = (identifier: string | null): string => (identifier === null ? 'none' : line(short(identifier), 40))

/** Rows of words as HTML; the first is the head. */
const htmlTable = ([head = [], ...rows]: readonly (readonly string[])[]): Markup =>
  markup`<table><thead><tr>${head.map(cell => markup`<th ${LEFT}><bdi>${cell}</bdi></th>`)}</tr></thead><tbody>${rows.map(
    row => markup`<tr>${row.map(cell => markup`<td ${LEFT}><bdi>${cell}</bdi></td>`)}</tr>`,
  )}</tbody></table>`

/** The same words as text and as HTML. */
const both = (title: string, rows: readonly (readonly string[])[], after: readonly string[] = []) => ({
  text: [title, table(rows), ...after].join('\n'),
  html: markup`<p><b><bdi>${title}</bdi></b></p>${htmlTable(rows)}${after.map(text => markup`<p class="quiet"><bdi>${text}</bdi></p>`)}`,
})

/** The first of many rows. */
function some<T>(all: readonly T[], most: number, rowOf: (item: T) => string[]): string[][] {
  const rows = all.slice(0, most).map(rowOf)
  return all.length > most ? [...rows, [`… ${all.length - most} more`]] : rows
}

/** What lies between two adapters. */
export interface AdapterDiff {
  a: string | null
  b: string | null
  norms: { a: number; b: number; change: number } | null
  cosine: number | null
  modules: CardModule[]
}

const number = (value: number | null): string => (value === null ? '–' : value.toPrecision(3))

/** Two adapters: what moved, module by module, those that moved most first. */
export function diffCard(id: string, diff: AdapterDiff): CardView {
  const { a, b, norms, cosine } = diff
  const modules = [...diff.modules].sort((x, y) => y.change - x.change)
  const title = `Adapter ${named(a)} → ${named(b)}`
  function* forms(): Iterable<Card> {
    for (const most of [modules.length, 1000, 100]) {
      const left = most < modules.length ? `the ${most} of ${modules.length} modules that moved most` : null
      yield { v: 1, left, kind: 'diff', id, a, b, norms, cosine, modules: modules.slice(0, most) }
    }
  }
  if (a === b) return view(fitted(forms()), both(`${title}: the same adapter`, []))
  if (!norms) return view(fitted(forms()), both(`${title}: they have no files here, so only their names differ`, []))
  const rows = [
    ['module', '‖ΔW‖ before', 'after', 'change', 'cosine'],
    ['all', number(norms.a), number(norms.b), number(norms.change), number(cosine)],
    ...some(modules, 20, m => [line(m.module, 80), number(m.a), number(m.b), number(m.change), number(m.cosine)]),
  ]
  const aid = 'A larger change means that training wrote more there, not that it helped more.'
  return view(fitted(forms()), both(title, rows, [aid]))
}

/** Branches of a run and the adapters that its examples left behind. */
export function lineageCard(
  id: string,
  current: string,
  branches: readonly (Branch & { length: number })[],
  all: readonly AdapterRecord[],
): CardView {
  const adapters = all.map(({ identifier, parent, branch, index, bytes }) => ({
    identifier,
    parent,
    branch,
    index,
    bytes,
  }))
  function* forms(): Iterable<Card> {
    for (const most of [adapters.length, 500, 50]) {
      const left = most < adapters.length ? `the last ${most} of ${adapters.length} adapters` : null
      yield { v: 1, left, kind: 'lineage', id, current, branches: [...branches], adapters: adapters.slice(-most) }
    }
  }
  const rows = [
    ['branch', 'leaves', 'examples', 'adapters', 'last adapter'],
    ...branches.map(({ name, parent, at, length, skipUpdates }) => {
      const own = adapters.filter(({ branch }) => branch === name)
      const without = skipUpdates.length > 0 ? `, without the updates of ${line(skipUpdates.join(', '), 40)}` : ''
      const leaves = parent === null ? '' : `${line(parent, 30)} before example ${at}${without}`
      const last = own.at(-1)?.identifier ?? null
      return [
        `${line(name, 30)}${name === current ? ' *' : ''}`,
        leaves,
        String(length),
        String(own.length),
        named(last),
      ]
    }),
  ]
  return view(fitted(forms()), both(`Branches of run ${id}`, rows, ['* the one that the next example belongs to']))
}

const differenceText = ({ mean, low, high, n, verdict }: CardDifference): string => {
  const words = { few: `, n = ${n}: too few to say`, none: ': no clear difference', better: '', worse: '' }[verdict]
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]${words}`
}

/** Two runs or branches, paired by example: `b` against `a`. */
export function comparisonCard(a: string, b: string, comparison: Comparison): CardView {
  const { pairs, unmatched, changes } = comparison
  const metrics = comparison.metrics.map(({ metric, n, means, difference: { mean, low, high, n: m, verdict } }) => ({
    ...{ metric, n, means },
    difference: { mean, low, high, n: m, verdict },
  }))
  const examples = changes.examples.map(({ key, score, response }) => ({
    ...{ key, score },
    response: { a: cut(response.a, 2000), b: cut(response.b, 2000) },
  }))
  function* forms(): Iterable<Card> {
    for (const most of [examples.length, 3, 0])
      yield {
        ...{ v: 1, kind: 'comparison', a, b, pairs, unmatched, metrics, examples: examples.slice(0, most) },
        left: most < examples.length ? `${most} of ${examples.length} changed examples` : null,
      }
  }
  const rows = [
    ['', line(a, 30), line(b, 30), 'difference'],
    ...metrics.map(({ metric, means, difference }) => [
      line(metric, 30),
      score(means.a),
      score(means.b),
      differenceText(difference),
    ]),
    ...some(examples, 10, ({ key, score: scores, response }) => [
      line(key, 40),
      `${score(scores.a)} ${line(response.a)}`,
      `${score(scores.b)} ${line(response.b)}`,
    ]),
  ]
  const alone =
    unmatched.a + unmatched.b > 0 ? [`${unmatched.a} and ${unmatched.b} examples are in one of them only.`] : []
  const title = `${pairs} examples of ${line(a, 40)} and ${line(b, 40)}`
  const answers = `${changes.responses} of ${pairs} answers differ.`
  return view(fitted(forms()), both(title, rows, [answers, ...alone]))
}

/** The callables as they are now, and every edit with its diff. */
export function callablesCard(
  id: string,
  callables: readonly { name: string; hash: string; source: string }[],
  swaps: readonly RunEvent[],
): CardView {
  const edits = swaps.map(({ index, branch, changed, diff }) => ({
    ...{ index, branch },
    changed: Array.isArray(changed) ? changed.map(String) : [],
    diff: typeof diff === 'string' ? diff : '',
  }))
  function* forms(): Iterable<Card> {
    const of = (most: number, texts: number, left: string | null): Card => ({
      ...{ v: 1, left, kind: 'callables', id },
      callables: callables.map(({ source, ...rest }) => ({ ...rest, source: cut(source, texts) })),
      edits: edits.slice(edits.length - most).map(({ diff, ...rest }) => ({ ...rest, diff: cut(diff, texts) })),
    })
    yield of(edits.length, 20_000, null)
    yield of(
      Math.min(edits.length, 20),
      4_000,
      `texts are cut to 4000 characters; the last ${Math.min(edits.length, 20)} of ${edits.length} edits`,
    )
    yield of(0, 1_000, `texts are cut to 1000 characters; none of ${edits.length} edits`)
  }
  const blocks = [
    ...callables.map(({ name, hash, source }) => [`${name} (${hash.slice(0, 8)})`, cut(source, 4000)] as const),
    ...edits
      .slice(-5)
      .map(
        ({ index, changed, diff }) =>
          [`✎ before example ${index}: ${line(changed.join(', '))}`, cut(diff, 4000)] as const,
      ),
  ]
  return view(fitted(forms()), {
    text: [`Callables of run ${id}`, ...blocks.flat()].join('\n'),
    html: markup`<p><b>Callables of run <bdi>${id}</bdi></b></p>${blocks.map(
      ([head, body]) => markup`<p><bdi>${head}</bdi></p><pre dir="ltr" ${BARE}>${body}</pre>`,
    )}`,
  })
}
