export * as locomo from './locomo.js'
export { porterStem } from './porter.js'
export type { LocomoRecord } from './record.js'
export { MemoryBenchExampleSource, type MemoryBenchOptions } from './source.js'
