/** Parts of plotly.js that have no types of their own. */
declare module 'plotly.js/lib/core' {
  const plotly: Pick<typeof import('plotly.js'), 'react' | 'purge' | 'register'>
  export default plotly
}
declare module 'plotly.js/lib/bar' {
  const trace: import('plotly.js').PlotlyModule
  export default trace
}
declare module 'plotly.js/lib/heatmap' {
  const trace: import('plotly.js').PlotlyModule
  export default trace
}
