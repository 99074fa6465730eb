import { usePanel } from '../../context.js'
import type { Pair } from './pair.js'

/** Why what is looked at is not shown, in words, and what can be done. */
export function Why({ choice, index, error, isUnder, looked, retry }: Pair) {
  const { trans, view } = usePanel()
  const total = (
    <button type="button" data-lh="show-total" onClick={() => view.set({ what: 'total' })}>
      {trans.__('Show the total')}
    </button>
  )
  const say = (words: string, action?: React.ReactNode) => (
    <p className="lh-Adapter-why" data-lh="adapter-why">
      {words} {looked && looked.index !== index && trans.__('Below is still #%1.', looked.index)} {action}
    </p>
  )
  if (choice === null)
    return say(
      view.state.index === null
        ? trans.__('No example yet. What an update did to the weights appears here with the first one.')
        : trans.__('This branch has no example #%1.', view.state.index),
    )
  if (error !== null)
    return say(
      trans.__('The adapters of #%1 are not shown: %2', index!, error.slice(0, 500)),
      <button type="button" data-lh="adapter-retry" onClick={retry}>
        {trans.__('Try again')}
      </button>,
    )
  if (isUnder) {
    const isNew = looked === null || looked.index !== index
    return isNew ? say(trans.__('Reading the adapters of #%1…', index!)) : null
  }
  if (!('why' in choice)) return null
  const { why } = choice
  if (typeof why === 'object') {
    if (why.kept === 'failed') return say(trans.__('#%1 failed: its adapter is as it was.', index!), total)
    if (why.kept === 'skipped') return say(trans.__('#%1 was not trained on: its adapter is as it was.', index!), total)
    return say(trans.__('#%1 left its adapter as it was.', index!), total)
  }
  if (why === 'none') return say(trans.__('No adapter yet: #%1 was answered by the base model alone.', index!))
  if (why === 'alone') return say(trans.__('There is no other branch to compare with. A fork begins one.'), total)
  return say(trans.__('Both branches have the same adapter after #%1: they part later.', index!), total)
}
