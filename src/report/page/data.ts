import type { Message, Metrics, Step } from '../../protocol/index.js'

/** One example as the page's script has it. */
export interface PageExample {
  index: number
  key: string
  chat: string | null
  outcome: Step['outcome']
  /** In the headline metric. */
  score: number | null
  metrics: Metrics
  messages: Message[]
  response: string
  baselines: Step['baselines']
  reference: string | null
  details: [name: string, value: string][]
  losses: number[]
  targetLoss: Step['targetLoss']
  tokens: Step['tokens']
  ms: Step['ms']
  /** Adapters that it was answered with and left behind. */
  before: string | null
  after: string | null
}

/** One weight matrix as the page's script has it. */
export interface PageModule {
  name: string
  /** Its numbers in words. */
  about: string
  /** `d` of the lines of its singular values. */
  lines: { after: string; before: string; other: string }
}

/** What the report's page holds for its script. */
export interface PageData {
  runId: string
  branch: string
  metric: string | null
  baselines: string[]
  /** ‖ΔW‖_F by adapter. */
  norms: Record<string, number>
  /** Examples that are not in the page. */
  left: number
  examples: PageExample[]
  /** Weight matrices of the last adapter. */
  modules: PageModule[]
}
