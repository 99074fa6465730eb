import { useEffect, useState } from 'react'
import { usePanel, useView } from '../../context.js'
import { askedOf } from '../../model/adapters.js'
import { precise } from './names.js'
import { type Looked, useLatest } from './pair.js'

/**
 * Looks, on request, for directions of the module that the base model does not have ("intruder dimensions", Shuttleworth
 * et al. 2024, arXiv 2410.21228): its weights are decomposed without and with the adapter.
 */
export function NewDirections({ looked, title }: { looked: Looked; title: string }) {
  const { source, trans } = usePanel()
  const { module } = useView()
  const { directions } = askedOf(source)
  useLatest(directions)
  const { b: adapter } = looked.pair
  const key = `${adapter} ${module}`
  const [wanted, setWanted] = useState<string | null>(null)
  const isWanted = wanted === key
  const answer = directions.get(key)
  useEffect(() => {
    if (isWanted && !answer && adapter !== null && module !== null)
      directions.want(key, () => source.ask({ type: 'directions', adapter, module }))
  })

  if (answer && 'value' in answer) {
    const { cosines, newBelow } = answer.value
    const count = cosines.filter(cosine => cosine < newBelow).length
    return (
      <div className="lh-NewDirections" data-lh="new-directions">
        <p>
          {count === 0
            ? trans.__('None of the %1 strongest directions of W₀ + ΔW is new to the base model.', cosines.length)
            : trans.__('◇ New to the base model: %1 of the %2 strongest directions of W₀ + ΔW.', count, cosines.length)}
        </p>
        <ol>
          {cosines.map((cosine, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a direction is its place.
            <li key={i} data-new={cosine < newBelow || undefined}>
              {cosine < newBelow ? '◇' : '●'} {cosine.toFixed(2)}
            </li>
          ))}
        </ol>
        <p className="lh-Aid">
          {trans.__(
            'Strongest first: the best |cosine| with any direction of W₀. ◇ is below %1; such directions were found to go along with forgetting.',
            precise(newBelow),
          )}
        </p>
      </div>
    )
  }
  const why = adapter === null ? trans.__('There is no adapter here.') : source.cannot('directions')
  const isUnder = isWanted && !answer
  return (
    <div className="lh-NewDirections" data-lh="new-directions">
      {answer && <p className="lh-Adapter-why">{answer.error.slice(0, 500)}</p>}
      <button
        type="button"
        className="lh-Button"
        data-lh="find-new-directions"
        disabled={why !== null || isUnder}
        title={why ?? trans.__('Decomposes the weights without and with the adapter: up to half a minute.')}
        onClick={() => {
          directions.forget(key)
          setWanted(key)
        }}
      >
        {isUnder
          ? trans.__('Decomposing %1: up to half a minute…', title)
          : answer
            ? trans.__('Try again')
            : trans.__('Find new directions in %1', title)}
      </button>
    </div>
  )
}
