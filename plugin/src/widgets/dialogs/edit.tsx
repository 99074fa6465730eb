import { signed } from 'lora-harness/report'
import { usePanel, useRun, useView } from '../../context.js'
import { ENOUGH, sinceEditOf } from '../../model/numbers.js'
import { Popover } from './popover.js'

/** Lines of a diff that are shown. */
const MOST = 400

/** What was edited while the run went on, and what came of it. */
export function Edit() {
  const { trans: t } = usePanel()
  const run = useRun()
  const view = useView()
  const swap = run.events.filter(({ type }) => type === 'swap')[(view.edit ?? 0) - 1]
  if (!swap) return null
  const changed = Array.isArray(swap.changed) ? swap.changed.map(String).join(', ') : ''
  const lines = typeof swap.diff === 'string' ? swap.diff.split('\n') : []
  const since = sinceEditOf(run, view, view.edit)
  return (
    <Popover title={t.__('✎%1 before #%2: %3', view.edit, swap.index, changed)}>
      <p data-lh="edit-change">
        {since === null
          ? t.__('No example has been scored since.')
          : since.n < ENOUGH
            ? t.__('n = %1, too few to say what it changed.', since.n)
            : t.__(
                'Mean score of %1 examples before it %2, of as many after it %3: %4 ± %5.',
                ...[since.n, since.before.toFixed(2), since.after.toFixed(2)],
                ...[signed(since.after - since.before), since.half.toFixed(2)],
              )}
      </p>
      {lines.length > 0 ? (
        <pre className="lh-Diff" data-lh="edit-diff">
          {lines.slice(0, MOST).map((line, i) => {
            const Line = line.startsWith('+') ? 'ins' : line.startsWith('-') ? 'del' : 'span'
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line has no name but its place.
              <Line key={i}>{`${line}\n`}</Line>
            )
          })}
        </pre>
      ) : (
        <p className="lh-muted">{t.__('Its text is not in what is shown.')}</p>
      )}
      {lines.length > MOST && <p className="lh-muted">{t.__('The first %1 of %2 lines.', MOST, lines.length)}</p>}
    </Popover>
  )
}
