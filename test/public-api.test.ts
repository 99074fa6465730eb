import { readFileSync } from 'node:fs'
import * as harness from 'lora-harness'
import * as arc from 'lora-harness/adapters/arc'
import * as baselines from 'lora-harness/adapters/baselines'
import * as choice from 'lora-harness/adapters/choice'
import * as locomo from 'lora-harness/adapters/locomo'
import * as longmemeval from 'lora-harness/adapters/longmemeval'
import * as memorybench from 'lora-harness/adapters/memorybench'
import * as analysis from 'lora-harness/analysis'
import * as compiler from 'lora-harness/compiler'
import * as protocol from 'lora-harness/protocol'
import * as report from 'lora-harness/report'
import { expect, expectTypeOf, test } from 'vitest'

// Names that experiments are written with: one that goes, or that comes unnoticed, is a change of the public interface.
test('lora-harness', () => {
  expect(Object.keys(harness).sort()).toMatchInlineSnapshot(`
    [
      "EmbeddedExampleSource",
      "HarnessError",
      "InputError",
      "LoRAHandle",
      "LoRAHarness",
      "LoRAModel",
      "LoRAStore",
      "MemoryRecord",
      "Skip",
      "adapterDistance",
      "adapterInnerProduct",
      "adapterPath",
      "amplification",
      "collectGarbage",
      "compare",
      "compareAdapters",
      "createRun",
      "curvesOf",
      "directionMatches",
      "exampleKey",
      "exportAdapter",
      "findBaseNorms",
      "findBaseWeights",
      "firstDifference",
      "firstDifferentStep",
      "importAdapter",
      "jsonlExamples",
      "listModelFiles",
      "listRuns",
      "mergeAdapters",
      "moduleNorms",
      "openRun",
      "png",
      "pointOf",
      "readDirections",
      "readPair",
      "readPath",
      "readPeft",
      "readRun",
      "rehearse",
      "renderNotebook",
      "renderReport",
      "reportData",
      "sameStep",
      "setAdapterFolder",
      "shown",
      "skip",
      "spectrum",
      "subspaces",
      "toStep",
      "totalNorm",
      "transfer",
      "updateOf",
      "verifyRun",
      "withoutModules",
      "writePeft",
      "writeReport",
    ]
  `)
})

test('the types that experiments are written with', () => {
  expectTypeOf<harness.Step['v']>().toEqualTypeOf<1>()
  expectTypeOf<harness.Generation>().toExtend<{ text: string; promptTokens: number; newTokens: number }>()
  expectTypeOf<harness.ExampleContext>().toHaveProperty('evaluate')
  expectTypeOf<harness.ExampleView>().not.toHaveProperty('target')
  expectTypeOf<harness.TrainingItem>().not.toBeAny()
  expectTypeOf<harness.ItemOptions>().toHaveProperty('truncation')
  expectTypeOf<harness.StepProgress>().toHaveProperty('gradientNorm')
  expectTypeOf<harness.TemplateOptions>().toHaveProperty('system')
  expectTypeOf<harness.Truncated>().toHaveProperty('supervised')
})

test('what a harness and a model can do', () => {
  expect(Object.getOwnPropertyNames(harness.LoRAHarness.prototype)).toEqual(
    expect.arrayContaining(['run', 'step', 'pause', 'resume', 'stop', 'rewind', 'fork']),
  )
  expect(Object.getOwnPropertyNames(harness.LoRAModel.prototype)).toEqual(
    expect.arrayContaining(['generate', 'score', 'finetune', 'logits', 'gradients', 'dispose']),
  )
  expect(harness.LoRAModel.load).toBeTypeOf('function')
})

test('lora-harness/adapters/memorybench and lora-harness/protocol', () => {
  expect(memorybench.MemoryBenchExampleSource).toBeTypeOf('function')
  expect(Object.keys(protocol).sort()).toMatchInlineSnapshot(`
    [
      "ARCHIVED",
      "ArchivedRun",
      "ArchivedStep",
      "COMPUTE_COMM",
      "COMPUTE_METHODS",
      "CONTROL_COMM",
      "ComputeOffer",
      "ComputeOrder",
      "ComputeWord",
      "ControlRequest",
      "EVENTS_COMM",
      "MIME",
      "PART_BYTES",
      "ReceivedAnswers",
      "ReceivedBranches",
      "ReceivedEvent",
      "ReceivedReply",
      "ReceivedRunEvent",
      "ReceivedStep",
      "STAGES",
      "Wanted",
      "pull",
    ]
  `)
})

test('lora-harness/adapters: other benchmarks and baselines', () => {
  const names = Object.entries({ arc, baselines, choice, locomo, longmemeval }).map(([entry, of]) => [
    entry,
    Object.keys(of).sort().join(' '),
  ])
  expect(Object.fromEntries(names)).toMatchInlineSnapshot(`
    {
      "arc": "arcExamples arcPrompt gridText leaveOneOut parseGrids readArc scoreArc symmetries",
      "baselines": "base bm25 bm25Search constant earlierExamples empty",
      "choice": "accuracies choiceExamples choiceResponse readChoices",
      "locomo": "locomoExamples locomoPassage locomoQuestion readLocomo",
      "longmemeval": "judgePrompt longMemEvalExamples longMemEvalPassage scoreLongMemEval",
    }
  `)
})

test('lora-harness/report', () => {
  expect(Object.keys(report).sort()).toMatchInlineSnapshot(`
    [
      "COSINES_AID",
      "DIRECTIONS_AID",
      "FONT",
      "Markup",
      "SPECTRA_AID",
      "WAY_AID",
      "WHERE_AID",
      "WHERE_AID_ABSOLUTE",
      "card",
      "cardOf",
      "cardText",
      "constant",
      "cosines",
      "darkTheme",
      "directions",
      "gridOf",
      "headline",
      "inOrder",
      "isRelative",
      "kindNames",
      "lightTheme",
      "lineChart",
      "markup",
      "mean",
      "outcomeIcon",
      "ownValue",
      "pairedDifference",
      "percent",
      "pictureStyle",
      "placeOf",
      "plural",
      "runningMean",
      "score",
      "short",
      "signed",
      "spectraAxes",
      "svg",
      "timeline",
      "timelineOf",
      "way",
      "where",
      "windowOf",
    ]
  `)
})

test('lora-harness/analysis', () => {
  expect(Object.keys(analysis).sort()).toMatchInlineSnapshot(`
    [
      "PEFT_FILES",
      "adapterPair",
      "adapterWay",
      "branchCosines",
      "decodePeft",
    ]
  `)
})

test('lora-harness/compiler', () => {
  expect(Object.keys(compiler).sort()).toMatchInlineSnapshot(`
    [
      "Emit",
      "TRAINING_OUTPUTS",
      "backward",
      "embeddedModelFolder",
      "emptyGraph",
      "findSites",
      "inferenceGraph",
      "layoutOf",
      "modulesIn",
      "print",
      "readOnnx",
      "trainingGraph",
    ]
  `)
})

test('every entry of package.json has a source', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  for (const { default: file } of Object.values(exports))
    expect(() => readFileSync(file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))).not.toThrow()
})
