// Sets where LoRAHandle.fromPeft looks.
import './models/adapters.js'

export { EmbeddedExampleSource, type EmbeddedOptions } from './adapters/embedded/index.js'
export { type ExampleRow, type JsonlOptions, jsonlExamples } from './adapters/jsonl.js'
export type { Experiment, ExperimentArgs, ExperimentContext } from './cli/experiment.js'
export { type BaseNorms, findBaseNorms, findBaseWeights } from './engine/base-norms.js'
export {
  type FinetuneOptions,
  type GenerateOptions,
  type ItemOptions,
  type LoadOptions,
  LoRAModel,
  type StepProgress,
  type TemplateOptions,
  type TrainingItem,
} from './engine/model.js'
export { HarnessError, InputError } from './errors.js'
export * from './harness/index.js'
export type { Adapter, AdapterConfig } from './lora/adapter.js'
export { amplification, directionMatches } from './lora/analysis/base.js'
export { type AdapterComparison, compareAdapters, type ModuleComparison } from './lora/analysis/compare.js'
export { adapterDistance, adapterInnerProduct } from './lora/analysis/distance.js'
export { mergeAdapters, type Weighted } from './lora/analysis/merge.js'
export { type AdapterPath, adapterPath, type PathStep } from './lora/analysis/path.js'
export { type Spectrum, spectrum } from './lora/analysis/spectrum.js'
export { type SubspaceSimilarity, subspaces } from './lora/analysis/subspace.js'
export { exportAdapter, importAdapter } from './lora/exchange.js'
export { setAdapterFolder } from './lora/folder.js'
export type { BaseModel } from './lora/format.js'
export { type Update, updateOf } from './lora/gram.js'
export { LoRAHandle, type LoRAHandleInit, Skip, skip, type TrainingSummary, type Truncated } from './lora/handle.js'
export { moduleNorms, totalNorm } from './lora/norms.js'
export { readPeft, writePeft } from './lora/peft.js'
export { withoutModules } from './lora/without.js'
export { listModelFiles, type ModelListing } from './models/files.js'
export type * from './protocol/index.js'
export {
  type Comparable,
  type CompareOptions,
  type Comparison,
  compare,
} from './record/compare.js'
export { type CurveOptions, curvesOf } from './record/curve.js'
export { firstDifference, firstDifferentStep, type StepDifference, sameStep } from './record/difference.js'
export { collectGarbage, type Garbage, type Keep, type Removable } from './record/gc.js'
export { type ListedRun, listRuns } from './record/list.js'
export { MemoryRecord } from './record/memory.js'
export { createRun, type OpenOptions, openRun, type RecordedHarness, readRun } from './record/open.js'
export { type AdapterRecord, type CallableRecord, pointOf, type RunRecord, type RunWriter } from './record/record.js'
export type { RunInfo, RunStart, Session } from './record/run-info.js'
export { type Transfer, transfer } from './record/transfer.js'
export type { Damage, Verification } from './record/verify/report.js'
export { verifyRun } from './record/verify/verify.js'
export { readPair, readPath } from './report/adapters.js'
export { type ReportData, type ReportOptions, reportData } from './report/data.js'
export { renderReport, type WriteOptions, writeReport } from './report/html.js'
export { readDirections } from './report/new-directions.js'
export { renderNotebook } from './report/notebook.js'
export { png, shown } from './report/png.js'
