import { LabIcon } from '@jupyterlab/ui-components'

/** A line of marks, in JupyterLab's colour for icons. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3" fill="#616161"><circle cx="5" cy="16" r="2.6"/><circle cx="12" cy="11" r="2.6"/><circle cx="19" cy="6" r="2.6"/><path d="M2.500 20.500h19v1.500h-19z"/></g></svg>`

export const icon = new LabIcon({ name: 'lora-harness:run', svgstr: SVG })
