import { useEffect, useRef, useState } from 'react'
import { usePanel } from '../context.js'
import { type Drawing, drawing, type Wanted } from '../plotly/draw.js'

export interface ChartProps extends Wanted {
  /** Says which chart it is: for tests. */
  name: string
  /** What it shows, in words: read out instead of it. */
  label: string
}

/**
 * A chart by plotly, as wide as its place. Plotly is loaded when the first chart is seen.
 *
 * @param figure what is drawn: the chart is drawn again when it is another function
 */
export function Chart({ name, label, figure, height, onPick }: ChartProps) {
  const { trans } = usePanel()
  const at = useRef<HTMLDivElement>(null)
  const drawn = useRef<Drawing | null>(null)
  const wanted = useRef<Wanted>({ figure, height, onPick })
  const [trouble, setTrouble] = useState<string | null>(null)
  wanted.current = { figure, height, onPick }
  useEffect(() => {
    drawn.current = drawing(at.current!, () => wanted.current, setTrouble)
    return () => drawn.current!.dispose()
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are what the chart is drawn from.
  useEffect(() => drawn.current!.change(), [figure, height])
  return (
    <>
      <div ref={at} className="lh-Chart" data-lh={`chart-${name}`} role="img" aria-label={label} style={{ height }} />
      {trouble !== null && <p className="lh-Adapter-why">{trans.__('The chart could not be drawn: %1', trouble)}</p>}
    </>
  )
}
