import { type ReactNode, useId } from 'react'

/** One picture with its title and how to read it. */
export function Part({
  name,
  title,
  aid,
  side,
  children,
}: {
  name: string
  title: string
  aid: string
  side?: ReactNode
  children: ReactNode
}) {
  const id = useId()
  return (
    <section className="lh-Part" data-lh={`part-${name}`} aria-labelledby={id}>
      <header>
        <h3 id={id}>{title}</h3>
        {side}
      </header>
      {children}
      <p className="lh-Aid">{aid}</p>
    </section>
  )
}
