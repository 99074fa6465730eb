import { useId, useRef } from 'react'
import { usePanel } from '../../context.js'
import { Changed } from '../compare/changed.js'
import { Directions } from './directions.js'
import { usePair } from './pair.js'
import { useSeen } from './seen.js'
import { Sums } from './sums.js'
import { Way } from './way.js'
import { What } from './what.js'
import { Where } from './where.js'
import { Why } from './why.js'

/** What updates did to the weights: where they wrote, in how many directions, and which way. */
export function Adapter() {
  const { trans } = usePanel()
  const at = useRef<HTMLElement>(null)
  const isSeen = useSeen(at)
  const pair = usePair(isSeen)
  const { looked } = pair
  const id = useId()
  return (
    <section ref={at} className="lh-Adapter" data-lh="adapter" aria-labelledby={id} aria-busy={pair.isUnder}>
      <header>
        <h2 id={id}>{trans.__('Adapter')}</h2>
        <What />
      </header>
      <Why {...pair} />
      {looked && <Sums looked={looked} />}
      <div className="lh-Adapter-parts">
        {looked && <Where looked={looked} />}
        <Changed />
        {looked && <Directions looked={looked} />}
        <Way />
      </div>
    </section>
  )
}
