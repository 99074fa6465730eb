import type { CardDifference } from 'lora-harness/protocol'
import { score, short, signed } from 'lora-harness/report'
import type { CardProps } from './card.js'
import { Table } from './table.js'

const number = (value: number | null): string => (value === null ? '–' : value.toPrecision(3))
const kB = (bytes: number): string => `${Math.round(bytes / 1000)} kB`

/** Two adapters: what lies between them, module by module. */
export function Diff({ card, trans }: CardProps<'diff'>) {
  const { a, b, norms, cosine, modules } = card
  const named = (identifier: string | null) => (identifier === null ? trans.__('none') : short(identifier))
  const head = ['module', '‖ΔW‖ before', 'after', 'change', 'cosine'].map(word => trans.__(word))
  const rows = modules.map(m => [m.module, number(m.a), number(m.b), number(m.change), number(m.cosine)])
  const all = norms && [trans.__('all'), number(norms.a), number(norms.b), number(norms.change), number(cosine)]
  return (
    <>
      <p className="lh-Card-title">{trans.__('Adapter %1 → %2', named(a), named(b))}</p>
      {all ? (
        <Table head={head} rows={[all, ...rows]} numbers={[1, 2, 3, 4]} />
      ) : (
        <p>{trans.__('They have no files here, so only their names differ.')}</p>
      )}
      {all && (
        <p className="lh-Card-left">
          {trans.__('A larger change means that training wrote more there, not that it helped more.')}
        </p>
      )}
    </>
  )
}

/** Branches and the adapters that their examples left behind. */
export function Lineage({ card, trans }: CardProps<'lineage'>) {
  const { branches, adapters, current, id } = card
  const rows = branches.map(({ name, parent, at, length, skipUpdates }) => {
    const own = adapters.filter(({ branch }) => branch === name)
    const last = own.at(-1)
    return [
      name === current ? `${name} *` : name,
      parent === null ? '' : trans.__('%1 before example %2', parent, at),
      skipUpdates.length === 0 ? '' : skipUpdates.slice(0, 20).join(', '),
      length,
      own.length,
      last ? `${short(last.identifier)}, ${kB(last.bytes)}` : trans.__('none'),
    ]
  })
  const head = ['branch', 'leaves', 'without updates of', 'examples', 'adapters', 'last adapter']
  return (
    <>
      <p className="lh-Card-title">{trans.__('Branches of run %1', id)}</p>
      <Table head={head.map(word => trans.__(word))} rows={rows} numbers={[3, 4]} />
      <p className="lh-Card-left">{trans.__('* the one that the next example belongs to')}</p>
    </>
  )
}

/** Two runs or branches, paired by example. */
export function Comparison({ card, trans }: CardProps<'comparison'>) {
  const { a, b, pairs, unmatched, metrics, examples } = card
  const few = { few: trans.__('too few to say'), none: trans.__('no clear difference'), better: '', worse: '' }
  const words = ({ mean, low, high, n, verdict }: CardDifference) =>
    `${signed(mean)} [${signed(low)}, ${signed(high)}] n = ${n} ${few[verdict]}`
  return (
    <>
      <p className="lh-Card-title">{trans.__('%1 examples of %2 and %3', pairs, a, b)}</p>
      <Table
        head={['', a, b, trans.__('difference')]}
        rows={metrics.map(({ metric, means, difference }) => [
          ...[metric, score(means.a), score(means.b), words(difference)],
        ])}
        numbers={[1, 2]}
      />
      {examples.length > 0 && (
        <Table
          head={[trans.__('changed most'), a, b]}
          rows={examples.map(({ key, score: of, response }) => [
            ...[key, `${score(of.a)} ${response.a.slice(0, 500)}`, `${score(of.b)} ${response.b.slice(0, 500)}`],
          ])}
        />
      )}
      {unmatched.a + unmatched.b > 0 && (
        <p className="lh-Card-left">
          {trans.__('%1 and %2 examples are in one of them only.', unmatched.a, unmatched.b)}
        </p>
      )}
    </>
  )
}

/** How far something has come. */
export function Progress({ card: { label, done, total }, trans }: CardProps<'progress'>) {
  return (
    <p className="lh-Progress">
      {label}
      {total !== null && total > 0 && <progress value={done} max={total} aria-label={label} />}
      <span>{total === null ? done : trans.__('%1 of %2', done, total)}</span>
    </p>
  )
}
