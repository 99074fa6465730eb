import { useMemo } from 'react'
import { usePanel, useRun } from '../../context.js'
import { replayCommand } from '../../model/reproduce.js'
import { Copy, Download } from '../copy.js'
import { Text } from '../text.js'
import type { Shown } from './shown.js'

/** The example as it is recorded, and how to compute it again. */
export function Raw({ shown: { branch, step, point } }: { shown: Shown }) {
  const { trans } = usePanel()
  const { state } = useRun()
  const json = useMemo(() => JSON.stringify(step, null, 2), [step])
  const folder = state?.folder ?? null
  const command = replayCommand(folder, branch, point.index)
  const name = `example-${point.index}.json`
  return (
    <>
      <section data-lh="reproduce">
        <h3>
          {trans.__('Reproduce')} {command !== null && <Copy text={() => command} label={trans.__('Copy command')} />}
        </h3>
        {command === null ? (
          <p className="lh-muted">
            {folder === null
              ? trans.__('This run is kept in memory only: give it a folder, and its examples can be computed again.')
              : trans.__('No command line can name this run: its folder or branch has @, # or a control character.')}
          </p>
        ) : (
          <>
            <pre className="lh-Command">
              <bdi>{command}</bdi>
            </pre>
            <p className="lh-muted">
              {trans.__(
                'In a terminal of the kernel’s machine, where the notebook is: computes the example again and says whether it comes out as recorded.',
              )}
            </p>
          </>
        )}
      </section>
      <section>
        <h3>
          {trans.__('As recorded')} <Copy text={() => json} label={trans.__('Copy as JSON')} />{' '}
          <Download text={json} name={name} />
        </h3>
        <div className="lh-Code">
          <Text text={json} name={name} />
        </div>
      </section>
    </>
  )
}
