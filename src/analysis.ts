/** What adapters do, from their files' bytes, in a browser too: `lora-harness/analysis`. */
export { adapterPair, type BaseSizes, type Named } from './lora/analysis/pair.js'
export { adapterWay, branchCosines, type Moved, type WaySource, type WayStep } from './lora/analysis/way.js'
export { decodePeft, PEFT_FILES } from './lora/format.js'
