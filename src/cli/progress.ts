import { createLogUpdate } from 'log-update'
import type { HarnessEvent } from '../harness/index.js'
import type { Step } from '../protocol/index.js'
import { armsOf, headline, mean } from '../record/curve.js'
import { score } from '../report/words.js'
import { duration, plain } from './text.js'

/** How many of the last examples the speeds are taken from. */
const RECENT = 20

/** What is known of a run while it goes. Times are of one clock [ms]. */
export interface Tally {
  name: string
  /** Number of examples to run; undefined where the source does not tell. */
  total: number | undefined
  startedAt: number
  steps: Step[]
  /** When each of the last steps was done: those of before this run was resumed have no time. */
  doneAt: number[]
  /** Stage and response, as far as it is known, of the example being worked on. */
  stage: string
  response: string
  /** What the keys do now; empty where none are read. */
  keys: string
}

/** Means so far: `f1 0.31, base 0.02`. */
export function scores({ steps }: Tally): string {
  const metric = headline(steps)
  if (metric === null) return ''
  const [adapter, ...baselines] = armsOf(steps, metric).map(arm => `${plain(arm.name, 20)} ${score(mean(arm.scores))}`)
  return `${plain(metric, 20)}: ${[adapter, ...baselines].join(', ')}`
}

/** Time left at the pace of the last examples [ms]; undefined before the first and where the total is unknown. */
export function timeLeft({ total, startedAt, steps, doneAt }: Tally): number | undefined {
  const last = doneAt.at(-1)
  if (last === undefined || total === undefined) return undefined
  const n = Math.min(RECENT, doneAt.length)
  const since = doneAt.at(-n - 1) ?? startedAt
  return ((last - since) / n) * Math.max(0, total - steps.length)
}

/** Speed of generation over the last examples [tokens/s]; undefined if nothing was counted. */
export function tokensPerSecond({ steps }: Tally): number | undefined {
  const recent = steps.slice(-RECENT)
  const tokens = recent.reduce((n, step) => n + step.tokens.new, 0)
  const ms = recent.reduce((n, step) => n + step.ms.infer, 0)
  return tokens > 0 && ms > 0 ? (1000 * tokens) / ms : undefined
}

const counted = ({ steps, total }: Tally): string =>
  total === undefined ? `${steps.length}` : `${steps.length} of ${total}`

/** One line for the example just finished, for output that is not a terminal. */
export function stepLine(tally: Tally): string {
  const step = tally.steps.at(-1)!
  const metric = headline(tally.steps)
  const own = metric === null ? '' : ` ${plain(metric, 20)} ${score(step.metrics[metric] ?? null)}`
  const reason = step.outcome.kind === 'failed' ? ` (${plain(step.outcome.reason ?? '', 100)})` : ''
  const left = timeLeft(tally)
  return [
    `${counted(tally)} ${plain(step.key, 40)}${own} ${step.outcome.kind}${reason}`,
    ...(metric === null ? [] : [`so far ${scores(tally)}`]),
    ...(left === undefined ? [] : [`${duration(left)} left`]),
  ].join(' | ')
}

/** The few lines that a terminal shows while the run goes. @param width of the terminal, in characters */
export function frame(tally: Tally, now: number, width: number): string {
  const left = timeLeft(tally)
  const speed = tokensPerSecond(tally)
  const share = tally.total === undefined ? undefined : tally.steps.length / tally.total
  const bar =
    share === undefined ? '' : `${'━'.repeat(Math.round(share * 24))}${'─'.repeat(24 - Math.round(share * 24))} `
  const lines = [
    `${tally.name}  ${bar}${counted(tally)} examples, ${duration(now - tally.startedAt)}${left === undefined ? '' : `, about ${duration(left)} left`}`,
    [scores(tally), ...(speed === undefined ? [] : [`${speed.toFixed(0)} tokens/s`])].filter(Boolean).join('   '),
    tally.stage && `#${tally.steps.length} ${tally.stage}${tally.response ? `: ${tally.response}` : ''}`,
    tally.keys,
  ]
  return lines
    .filter(Boolean)
    .map(line => plain(line, Math.max(10, width - 1)))
    .join('\n')
}

export interface Progress {
  step(step: Step): void
  event(event: HarnessEvent): void
  /** What the keys do now. */
  keys(text: string): void
  /** A line that stays. */
  note(text: string): void
  end(): void
}

/**
 * Shows a run as it goes: on a terminal a few lines that are redrawn, elsewhere one plain line an example.
 *
 * @param total number of examples to run, if known
 * @param earlier steps that were finished before
 */
export function showProgress(
  name: string,
  total: number | undefined,
  earlier: readonly Step[] = [],
  out: NodeJS.WriteStream = process.stdout,
): Progress {
  const startedAt = performance.now()
  const tally: Tally = {
    name,
    total,
    startedAt,
    steps: [...earlier],
    doneAt: [],
    stage: 'working',
    response: '',
    keys: '',
  }
  const live = out.isTTY ? createLogUpdate(out) : undefined
  const draw = () => live?.(frame(tally, performance.now(), out.columns ?? 80))
  // Drawing on a timer, not on every token, bounds what the display costs.
  const timer = live && setInterval(draw, 200)
  return {
    step(step) {
      tally.steps.push(step)
      tally.doneAt.push(performance.now())
      tally.stage = 'working'
      tally.response = ''
      if (!live) out.write(`${stepLine(tally)}\n`)
    },
    event({ type, stage, text, probe }) {
      if (type === 'stage') {
        tally.stage = probe === undefined ? String(stage) : `probe ${probe}: ${stage}`
        if (stage === 'infer') tally.response = ''
      }
      if (type === 'token') tally.response += String(text)
    },
    keys(text) {
      tally.keys = text
      draw()
      if (!live) out.write(`${text}\n`)
    },
    note(text) {
      if (live) live.persist(text)
      else out.write(`${text}\n`)
    },
    end() {
      clearInterval(timer)
      tally.stage = tally.keys = ''
      draw()
      live?.done()
    },
  }
}
