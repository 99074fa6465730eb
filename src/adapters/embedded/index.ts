export { EmbeddedExampleSource, type EmbeddedOptions } from './source.js'
