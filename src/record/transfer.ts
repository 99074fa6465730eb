import type { Probe, Probing, Step } from '../protocol/index.js'
import { headline, mean, ownValue } from './curve.js'
import { groupBy } from './stats.js'

/** What the probes of one chat say. A probing is a stage; R[i] is the mean score of the chat's probes at stage i. */
export interface TaskTransfer {
  /** null stands for the probes that belong to no chat. */
  chat: string | null
  probes: number
  /** R[i] for each stage; null where nothing was scored. */
  scores: (number | null)[]
  /** Indices of the first and last step of the chat that updated an adapter; null if there is none. */
  learned: { first: number; last: number } | null
  forgetting: number | null
  backward: number | null
  forward: number | null
}

/** What learning one thing did to others. A mean is over the tasks for which it is defined; null if there is none. */
export interface Transfer {
  /** null if no probe was scored. */
  metric: string | null
  /** Steps finished before each stage. */
  stages: number[]
  tasks: TaskTransfer[]
  forgetting: number | null
  backward: number | null
  forward: number | null
}

/**
 * Forgetting, backward and forward transfer from probings. A task is a chat; it is learned in the steps of that chat
 * whose outcome is `updated`. With T the last stage and R[i] the task's score at stage i:
 *
 * - **forgetting** (Chaudhry et al. 2018, section 3): max R[i] over the stages i before T, minus R[T]. Negative if the
 *   task was never done better than at the end. For a chat it is defined once it was learned from before the stage
 *   before T; for probes without a chat (abilities that the run does not teach) from the second stage on.
 * - **backward transfer** (Lopez-Paz & Ranzato 2017, equation 3): R[T] − R[i], i the first stage after the last step
 *   that learned the task. Undefined if that is T itself: nothing was learned since.
 * - **forward transfer** (equation 4): R[i] − R[0], i the last stage before the first step that learned the task.
 *   Undefined if that is stage 0, or stage 0 does not lie before all training.
 *
 * What is undefined is null, never 0.
 *
 * @param steps of one branch, and `probings` of the same
 * @param metric the headline metric of the probes by default
 */
export function transfer(
  steps: readonly Pick<Step, 'index' | 'chatId' | 'outcome'>[],
  probings: readonly Probing[],
  metric: string | null = headline(probings.flatMap(({ probes }) => probes)),
): Transfer {
  const stages = probings.map(({ at }) => at)
  const learned = new Map<string | null, { first: number; last: number }>()
  for (const { chatId, index, outcome } of steps)
    if (outcome.kind === 'updated' && chatId !== null)
      learned.set(chatId, { first: learned.get(chatId)?.first ?? index, last: index })

  const byChat = probings.map(({ probes }) => groupBy(probes, probe => probe.chatId))
  const chats = [...new Set(byChat.flatMap(groups => [...groups.keys()]))]
  const score = (probes: readonly Probe[] = []) =>
    metric === null ? null : mean(probes.map(({ metrics }) => ownValue(metrics, metric) ?? null))
  const tasks = chats.map((chat): TaskTransfer => {
    const scores = byChat.map(groups => score(groups.get(chat)))
    const own = learned.get(chat) ?? null
    const probes = Math.max(...byChat.map(groups => groups.get(chat)?.length ?? 0))
    return { chat, probes, scores, learned: own, ...transferOf(scores, stages, chat, own) }
  })
  const over = (what: 'forgetting' | 'backward' | 'forward') => mean(tasks.map(task => task[what]))
  return {
    metric,
    stages,
    tasks,
    forgetting: over('forgetting'),
    backward: over('backward'),
    forward: over('forward'),
  }
}

function transferOf(
  R: readonly (number | null)[],
  stages: readonly number[],
  chat: string | null,
  learned: TaskTransfer['learned'],
): Pick<TaskTransfer, 'forgetting' | 'backward' | 'forward'> {
  const T = R.length - 1
  const earlier = R.slice(0, T).filter(score => score !== null)
  const best = earlier.length > 0 ? Math.max(...earlier) : null
  // A stage at k has seen the steps before k.
  const after = learned ? stages.findIndex(at => at > learned.last) : -1
  const known = chat === null || (learned !== null && T > 0 && stages[T - 1]! > learned.first)
  const before = learned ? stages.findLastIndex(at => at <= learned.first) : -1
  return {
    forgetting: known ? minus(best, R[T]) : null,
    backward: after >= 0 && after < T ? minus(R[T], R[after]) : null,
    forward: before > 0 && stages[0] === 0 ? minus(R[before], R[0]) : null,
  }
}

const minus = (a: number | null | undefined, b: number | null | undefined): number | null =>
  a == null || b == null ? null : a - b
