import { createTwoFilesPatch } from 'diff'
import type { Sources } from '../harness/callables.js'
import { exampleKey, type FinishedExample } from '../harness/example.js'
import { sha256 } from '../lora/sha256.js'
import type { RunEvent, Step } from '../protocol/index.js'
import type { Session } from './run-info.js'

/** Names of the callables that steps have hashes of. */
export const CALLABLES = ['retrieveLoraFn', 'inferenceFn', 'finetuneFn'] as const

/** Hash of what a source gave for one example, as far as JSON sees it. */
export function exampleHash(example: FinishedExample): string {
  const { messages, lang, userPrompt, target, chatId, info, metadata } = example
  const parts = [exampleKey(example), messages, lang, userPrompt, target, chatId, info, metadata]
  return sha256([JSON.stringify(parts, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))])
}

/** Which callables differ between two steps. */
export const changedCallables = (before: Step['callables'], after: Step['callables']): string[] =>
  CALLABLES.filter(name => before[name] !== after[name])

/** Path and text of the files that callables came from: `code` as the command line writes it, else one text. */
function filesOf(code: string): Map<string, string> {
  try {
    return new Map(JSON.parse(code) as [string, string][])
  } catch {
    return new Map([['code', code]])
  }
}

/** Names of the files that differ. */
function changedFiles(before: string, after: string): string[] {
  const [old, now] = [filesOf(before), filesOf(after)]
  return [...new Set([...old.keys(), ...now.keys()])].filter(name => old.get(name) !== now.get(name))
}

/** What was edited, as a unified diff: the files where they are known, else the functions themselves. */
export function sourceDiff(before: Sources, after: Sources): string {
  const [old, now] = [filesOf(before.code), filesOf(after.code)]
  const files = changedFiles(before.code, after.code).map(
    name => [name, old.get(name) ?? '', now.get(name) ?? ''] as const,
  )
  const functions = CALLABLES.map(name => [name, before[name], after[name]] as const)
  const changed = files.length > 0 ? files : functions.filter(([, a, b]) => a !== b)
  return changed.map(([name, a, b]) => createTwoFilesPatch(name, name, a, b, 'before', 'after')).join('\n')
}

/**
 * The event of a step that was made by other callables than the step before it on its branch; undefined if it was not.
 *
 * @param sourcesOf texts of the callables that a step names
 */
export function swapBefore(
  step: Step,
  before: Step['callables'],
  sourcesOf: (hashes: Step['callables']) => Sources,
): RunEvent | undefined {
  const changed = changedCallables(before, step.callables)
  if (changed.length === 0) return undefined
  const diff = sourceDiff(sourcesOf(before), sourcesOf(step.callables))
  return { type: 'swap', branch: step.branch, index: step.index, time: step.startedAt, changed, diff }
}

/** How callables differ from those of a step, in words; empty if they do not. */
export function callableChanges(before: Step['callables'], now: Step['callables'], old: Sources, current: Sources) {
  return changedCallables(before, now).map(name => {
    const own = old[name as keyof Sources] !== current[name as keyof Sources]
    const files = changedFiles(old.code, current.code)
    return `${name}: ${own ? 'its text' : `a file it comes from (${files.slice(0, 5).join(', ')})`} was changed`
  })
}

/** How software, machine and models differ from those of an earlier session, in words. */
export function surroundingChanges(before: Session, now: Pick<Session, 'versions' | 'machine' | 'models'>): string[] {
  const differ = <T>(what: string, a: T | undefined, b: T | undefined) =>
    a === b ? [] : [`${what}: it was ${a ?? 'absent'}, now it is ${b ?? 'absent'}`]
  const names = [...new Set([...Object.keys(before.versions), ...Object.keys(now.versions)])]
  const { machine } = before
  return [
    ...names.flatMap(name => differ(`version of ${name}`, before.versions[name], now.versions[name])),
    ...differ('operating system', machine.platform, now.machine.platform),
    ...differ('processor', machine.arch, now.machine.arch),
    ...differ('number of cores', machine.cores, now.machine.cores),
    ...before.models.flatMap(old => {
      // A model that is not loaded yet is looked at when the first step has used it.
      const model = now.models.find(m => m.id === old.id)
      if (!model) return []
      const files = [...new Set([...Object.keys(old.files), ...Object.keys(model.files)])]
      return [
        ...differ(`weights of model ${old.id}`, old.dtype, model.dtype),
        ...differ(`device of model ${old.id}`, old.device, model.device),
        ...(old.dtype === model.dtype ? files : [])
          .filter(name => old.files[name] !== model.files[name])
          .map(name => `model ${old.id}: its file ${name.split(/[\\/]/).at(-1)} has other contents`),
      ]
    }),
  ]
}

/** How to go on with a run in spite of changes. */
const ALLOW = 'To go on all the same, and have the record say so, allow changes (resume --allow-changes).'

/** Why a run is not gone on with. @param instead what can be done */
export const refusal = (folder: string, changes: readonly string[], instead = ALLOW): string =>
  `going on with run ${folder}: it would not be the same run any more:\n` +
  `${changes.map(change => `  ${change}`).join('\n')}\n${instead}`
