/** Cells and the page: works in our kernel, in an unmodified tslab, and, printing text, in plain Node. */
export type { CardView } from './cards/card.js'
export type { FileView } from './cards/file.js'
export * from './cells/index.js'
export { type BrowserModel, browserModel } from './compute/browser-model.js'
export { PLACE, transport } from './place.js'
export {
  type Cell,
  type Comm,
  DISPLAY,
  type Displayable,
  type DisplayOptions,
  InputUnavailable,
  type MimeBundle,
  type Transport,
} from './transport.js'
