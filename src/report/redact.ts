import { homedir } from 'node:os'
import type { Json, Step } from '../protocol/index.js'

/** What a report says that it leaves out, and what stays, if texts are to stay private. */
export const LEFT_OUT =
  'Left out on request: messages, responses, references and other texts of the examples, names of examples and chats, categories, ' +
  'reasons and error messages, the source of the callables and its changes, values of arguments. Numbers, outcomes, names of metrics, ' +
  'baselines and branches, hashes and software are all here.'

/** Stands where a text was. */
export const HIDDEN = '(left out)'

/** Steps without anything that somebody wrote or said; chats are numbered. */
export function redactSteps(steps: readonly Step[]): Step[] {
  const chats = new Map<string, string>()
  const chatOf = (chatId: string): string => {
    if (!chats.has(chatId)) chats.set(chatId, `chat ${chats.size + 1}`)
    return chats.get(chatId)!
  }
  return steps.map(step => ({
    ...step,
    key: `example ${step.index}`,
    datasetName: '',
    split: null,
    testIdx: step.index,
    chatId: step.chatId === null ? null : chatOf(step.chatId),
    messages: [],
    response: '',
    details: {},
    baselines: Object.fromEntries(
      Object.entries(step.baselines).map(([name, { metrics }]) => [name, { response: '', metrics }]),
    ),
    outcome: { kind: step.outcome.kind, ...(step.outcome.reason === undefined ? {} : { reason: HIDDEN }) },
  }))
}

/** Names of environment variables whose values must not be told. */
const SECRET = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH/i

/**
 * Makes a function that takes the home folder (`~`) and secrets of the environment (`$NAME`) out of texts that this
 * machine had a part in: paths, error messages, sources.
 */
export function scrubber(env: NodeJS.ProcessEnv = process.env, home = homedir()): (text: string) => string {
  const secrets = Object.entries(env)
    .flatMap(([name, value]) =>
      SECRET.test(name) && value && value.length >= 8 ? [{ from: value, to: `$${name}` }] : [],
    )
    .sort((a, b) => b.from.length - a.from.length)
  const known = [...secrets, ...(home.length > 1 ? [{ from: home, to: '~' }] : [])]
  return text => known.reduce((found, { from, to }) => found.replaceAll(from, to), text)
}

/** A JSON value with each of its texts (not the names of its fields) mapped. */
export function mapTexts<T>(value: T, map: (text: string) => string): T {
  if (typeof value === 'string') return map(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => mapTexts(item, map)) as T
  return Object.fromEntries(
    Object.entries(value as { [key: string]: Json }).map(([k, v]) => [k, mapTexts(v, map)]),
  ) as T
}
