import bar from 'plotly.js/lib/bar'
import plotly from 'plotly.js/lib/core'
import heatmap from 'plotly.js/lib/heatmap'

/** The parts of plotly.js that the charts use: scatter is in its core; nothing of it needs WebGL. Loaded by `draw.ts`. */
plotly.register([bar, heatmap])
export default plotly
