import type { CardProps } from './card.js'
import { Text } from './text.js'

/** The callables as they are, and every edit. */
export function Callables({ card: { id, callables, edits }, trans }: CardProps<'callables'>) {
  return (
    <>
      <p className="lh-Card-title">{trans.__('Callables of run %1', id)}</p>
      {callables.map(({ name, hash, source }) => (
        <details key={name} open>
          <summary>
            <bdi>{name}</bdi> <code>{hash.slice(0, 8)}</code>
          </summary>
          <Text of={source} trans={trans} />
        </details>
      ))}
      {edits.map(({ index, branch, changed, diff }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two edits may come before the same example.
        <details key={i}>
          <summary>
            <bdi>{trans.__('✎ before example %1 of %2: %3', index, branch, changed.slice(0, 20).join(', '))}</bdi>
          </summary>
          <Text of={diff} trans={trans} />
        </details>
      ))}
    </>
  )
}
