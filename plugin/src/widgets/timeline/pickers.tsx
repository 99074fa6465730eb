import { usePanel, useView } from '../../context.js'
import { OUTCOMES } from '../../model/view.js'
import { OutcomeIcon, outcomeMeaning, outcomeWord } from '../outcome.js'
import type { Scene } from './scene.js'

const WINDOWS = [5, 10, 20, 50, 100, 200, 500]
/** Examples at either end whose metrics are offered. */
const LOOKED_AT = 50

/** What is drawn, and what the marks are. */
export function Pickers({ scene }: { scene: Scene }) {
  const { source, view, trans: t } = usePanel()
  const state = useView()
  const line = source.store.line(scene.branch)
  const some = [...line.slice(0, LOOKED_AT), ...line.slice(-LOOKED_AT)]
  const metrics = [
    ...new Set([
      ...(scene.metric === null ? [] : [scene.metric]),
      ...some.flatMap(point => Object.keys(point.metrics)),
    ]),
  ]
  return (
    <div className="lh-Timeline-pickers">
      <ul className="lh-Timeline-legend" aria-label={t.__('Marks')}>
        {OUTCOMES.map(kind => (
          <li key={kind} title={outcomeMeaning(kind, t)} data-off={!state.outcomes.includes(kind)}>
            <OutcomeIcon kind={kind} /> {outcomeWord(kind, t)}
          </li>
        ))}
      </ul>
      <label className="lh-Pick">
        <span>{t.__('metric')}</span>
        <select
          {...{ 'data-lh': 'timeline-metric', value: scene.metric ?? '', disabled: metrics.length === 0 }}
          onChange={event => view.set({ metric: event.target.value })}
        >
          {metrics.length === 0 && <option value="">{t.__('none')}</option>}
          {metrics.map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="lh-Pick" title={t.__('Examples that the lines are the mean of')}>
        <span>{t.__('mean')}</span>
        <select
          {...{ 'data-lh': 'timeline-mean', value: state.window }}
          onChange={event => view.set({ window: Number(event.target.value) })}
        >
          {[...new Set([...WINDOWS, state.window])]
            .sort((a, b) => a - b)
            .map(n => (
              <option key={n}>{n}</option>
            ))}
        </select>
      </label>
      <label className="lh-Pick" title={t.__('A line for each chat')}>
        <input
          {...{ type: 'checkbox', 'data-lh': 'timeline-lanes', checked: state.lanes }}
          onChange={event => view.set({ lanes: event.target.checked })}
        />
        <span>{t.__('lanes')}</span>
      </label>
    </div>
  )
}
