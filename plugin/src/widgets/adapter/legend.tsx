import { usePanel } from '../../context.js'
import { sizeText } from './names.js'

/** The colours of the heat maps: the square root of the size. */
export function HeatLegend({ most, relative }: { most: number; relative: boolean }) {
  const { trans } = usePanel()
  return (
    <div className="lh-HeatLegend" data-lh="heat-legend">
      <div>
        <div className="lh-HeatLegend-colours" />
        {/* A quarter of the largest size is half way. */}
        <div className="lh-HeatLegend-ticks">
          {[0, 0.25, 1].map(part => (
            <span key={part}>{sizeText(part * most, relative)}</span>
          ))}
        </div>
      </div>
      <span>{relative ? '‖ΔW‖/‖W₀‖' : '‖ΔW‖'}</span>
      <span className="lh-HeatLegend-none">{trans.__('no adapter')}</span>
    </div>
  )
}
