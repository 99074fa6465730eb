import { signed } from 'lora-harness/report'
import { useEffect, useSyncExternalStore } from 'react'
import { usePanel } from '../../context.js'
import { detailsOf } from '../../model/details.js'
import { differenceOf, scoreOf } from '../../model/shown.js'
import { OutcomeIcon, outcomeWord } from '../outcome.js'
import { placeOf, type Scene, xOf } from './scene.js'

/** Time that the mouse rests before the text of an example is asked for [ms]. */
const REST = 150
const CHARACTERS = 60

/** One line on the example under the mouse. */
export function Tip({ scene, index }: { scene: Scene; index: number }) {
  const { source, trans: t } = usePanel()
  const details = detailsOf(source)
  useSyncExternalStore(details.subscribe, () => details.version)
  const { branch, metric, baseline, plot } = scene
  const point = source.store.line(branch)[index]
  const texts = point && details.texts(point)
  useEffect(() => {
    if (!point || texts || source.cannot('example') !== null) return
    const timer = setTimeout(() => void details.load(branch, point), REST)
    return () => clearTimeout(timer)
  }, [details, source, branch, point, texts])
  if (!point) return null
  const [score, difference] = [scoreOf(point, metric), differenceOf(point, baseline, metric)]
  const question = texts ? [...texts.question.slice(0, 4 * CHARACTERS).replace(/\s+/g, ' ')] : []
  const parts = [
    outcomeWord(point.outcome, t),
    score === null ? t.__('no score') : `${metric} ${score.toFixed(2)}`,
    ...(difference === null ? [] : [t.__('%1 against %2', signed(difference), baseline)]),
    ...(question.length === 0
      ? []
      : [`“${question.slice(0, CHARACTERS).join('')}${question.length > CHARACTERS ? '…' : ''}”`]),
  ]
  const x = xOf(scene, index)
  const y = placeOf(scene, index)
  const place = x < (plot.left + plot.right) / 2 ? { left: x + 12 } : { right: scene.size.width - x + 12 }
  return (
    <div className="lh-Timeline-tip" data-lh="timeline-tip" style={{ ...place, top: Math.max(0, y - 34) }}>
      <b>#{point.index}</b> <OutcomeIcon kind={point.outcome} /> <span>{parts.join(' · ')}</span>
    </div>
  )
}
