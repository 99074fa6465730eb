import type { Branch, RunEvent } from './run.js'
import type { Outcome, Step } from './step.js'

/** A mean difference with its 95 % interval: see `Difference` of a comparison. */
export interface CardDifference {
  mean: number
  low: number
  high: number
  /** Number of pairs. */
  n: number
  verdict: 'few' | 'none' | 'better' | 'worse'
}

/** A run in numbers. */
export interface CardSummary {
  examples: number
  /** null if nothing was scored. */
  metric: string | null
  /** Mean score. */
  score: number | null
  /** `difference`: adapter minus baseline on the examples that both have; null while a run goes on. */
  baselines: { name: string; score: number | null; difference: CardDifference | null }[]
  outcomes: Record<Outcome['kind'], number>
}

/** A branch's examples as columns, rounded: entry i is example `from + i`. */
export interface CardColumns {
  /** Not 0 if the card would have been too large: the last examples are kept. */
  from: number
  scores: (number | null)[]
  baselines: { name: string; scores: (number | null)[] }[]
  /** One letter each: `u`pdated, unc`h`anged, `s`kipped, `f`ailed. */
  outcomes: string
  /** Index into `chats`, −1 for none. */
  chat: number[]
  chats: string[]
}

/** The texts of an example, cut. */
export interface CardExample {
  index: number
  question: string
  response: string
}

/** A run at one moment. */
export interface RunCard {
  id: string
  runId: string
  folder: string | null
  branch: string
  status: string
  error: string | null
  seed: number
  total: number | null
  summary: CardSummary
  columns: CardColumns
  branches: Branch[]
  /** Where something happened beside the steps; diffs are left out. */
  events: Pick<RunEvent, 'type' | 'branch' | 'index'>[]
  /** Of at most 200 examples. */
  examples: CardExample[]
}

/** One module of two adapters: norms of its ΔW, and of what lies between them. */
export interface CardModule {
  module: string
  a: number
  b: number
  change: number
  cosine: number | null
}

/** What a card in a notebook holds, under `MIME`. */
export type Card = {
  v: 1
  /** What was left out to keep the notebook small; null if nothing was. */
  left: string | null
} & (
  | ({ kind: 'run' | 'timeline' } & RunCard)
  | { kind: 'example'; id: string; step: Step }
  | {
      kind: 'diff'
      id: string
      a: string | null
      b: string | null
      /** null if there is nothing to compare but names: the adapters have no files. */
      norms: { a: number; b: number; change: number } | null
      cosine: number | null
      modules: CardModule[]
    }
  | {
      kind: 'lineage'
      id: string
      current: string
      branches: (Branch & { length: number })[]
      adapters: { identifier: string; parent: string | null; branch: string; index: number; bytes: number }[]
    }
  | {
      kind: 'comparison'
      a: string
      b: string
      pairs: number
      unmatched: { a: number; b: number }
      metrics: { metric: string; n: number; means: { a: number; b: number }; difference: CardDifference }[]
      examples: { key: string; score: { a: number | null; b: number | null }; response: { a: string; b: string } }[]
    }
  | {
      kind: 'callables'
      id: string
      callables: { name: string; hash: string; source: string }[]
      edits: { index: number; branch: string; changed: string[]; diff: string }[]
    }
  | { kind: 'progress'; label: string; done: number; total: number | null }
)
export type CardKind = Card['kind']
