import { existsSync, statSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { dirname, extname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { InputError, messageOf } from '../errors.js'
import { LoRAHarness } from '../harness/index.js'
import type { RunInfo } from '../record/run-info.js'
import { type Read, TYPE_ERROR } from './ts-loader.js'

/** What the command line gives an experiment: its own flags, and every `--set key=value` as text. */
export type ExperimentArgs = Readonly<Partial<Record<string, string>>> & {
  /** Examples to run at most; undefined: all. */
  readonly limit: number | undefined
  readonly seed: number
  /** The run's folder, absolute. */
  readonly out: string
}

/** What an experiment is given: `set`, then the flags. */
export const argsOf = (
  { set, limit, seed }: { set: Record<string, string>; limit?: number | undefined; seed?: number | undefined },
  out: string,
): ExperimentArgs => ({ ...set, limit, seed: seed ?? 0, out }) as ExperimentArgs

/** What the experiment of a run was given, but for its folder. */
export const argsOfRun = ({ limit, seed, seedGiven, set }: RunInfo['args'], out: string): ExperimentArgs =>
  argsOf({ set, limit: limit ?? undefined, seed: seedGiven ? seed : undefined }, out)

export interface ExperimentContext {
  args: ExperimentArgs
  /** Aborted on Ctrl-C. */
  signal: AbortSignal
}

/** The default export of an experiment file. */
export type Experiment = LoRAHarness | ((context: ExperimentContext) => LoRAHarness | Promise<LoRAHarness>)

export interface LoadedExperiment {
  experiment: Experiment
  /**
   * Text of the file and of everything it imports by path: the part of its callables' hashes that tells one version of
   * an experiment from another. Packages, and what is imported or read later, are not in it.
   */
  code: string
}

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs']

let versions = 0
let reads: MessagePort | undefined
/** Texts of the versions that are being loaded. */
const loading = new Map<number, Map<string, string>>()

/**
 * Loads an experiment file and everything it imports by path, each time from the files as they are then; TypeScript is
 * type-checked first. Packages are loaded once.
 *
 * @param path of a .ts, .mts, .js or .mjs file
 * @param texts filled with the text of every local file that was read, by absolute path; also where loading fails
 * @throws InputError naming the file: it is missing, of another kind, has type errors (with their places), throws while
 *   loading, or has no fitting default export
 */
export async function loadExperiment(path: string, texts = new Map<string, string>()): Promise<LoadedExperiment> {
  const file = resolve(path)
  const problem = !existsSync(file)
    ? 'there is no such file'
    : !statSync(file).isFile()
      ? 'it is not a file'
      : !EXTENSIONS.includes(extname(file))
        ? `it must be one of ${EXTENSIONS.join(', ')}`
        : undefined
  if (problem) throw new InputError(`loading experiment ${path}: ${problem}`)

  const version = versions++
  loading.set(version, texts)
  reads ??= registerHooks()
  forgetRequired()
  let module: { default?: unknown }
  try {
    module = await import(`${pathToFileURL(file).href}${version === 0 ? '' : `?v=${version}`}`)
  } catch (cause) {
    throw new InputError(`loading experiment ${path}: ${loadProblem(cause)}`, { cause })
  } finally {
    for (let next = receiveMessageOnPort(reads); next; next = receiveMessageOnPort(reads)) {
      const { version, file, text } = next.message as Read
      loading.get(Number(version))?.set(file, text)
    }
    loading.delete(version)
  }
  const experiment = module.default
  if (experiment instanceof LoRAHarness || typeof experiment === 'function')
    return { experiment: experiment as Experiment, code: codeOf(file, texts) }
  const found =
    experiment === undefined ? 'is missing' : `is ${Array.isArray(experiment) ? 'an array' : typeof experiment}`
  throw new InputError(
    `loading experiment ${path}: its default export ${found}; it must be a LoRAHarness or a function ` +
      '({ args, signal }) => LoRAHarness',
  )
}

/** @returns where the hooks say which files they read */
function registerHooks(): MessagePort {
  process.setSourceMapsEnabled(true) // Stacks then name lines of the TypeScript file.
  const { port1, port2: port } = new MessageChannel()
  register('./ts-loader.js', import.meta.url, { data: { port }, transferList: [port] })
  return port1
}

/** CommonJS files are kept by path, whatever version is asked for: local ones are dropped. */
function forgetRequired(): void {
  const { cache } = createRequire(import.meta.url)
  for (const file of Object.keys(cache)) if (!/[\\/]node_modules[\\/]/.test(file)) delete cache[file]
}

/** The texts by path from the experiment, in order of the paths. */
function codeOf(experiment: string, texts: ReadonlyMap<string, string>): string {
  const named = [...texts].map(([file, text]) => [relative(dirname(experiment), file), text] as const)
  return JSON.stringify(named.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Compiler messages keep their lines and, on a terminal, their colours. */
function loadProblem(cause: unknown): string {
  if ((cause as { code?: string } | undefined)?.code !== TYPE_ERROR) return messageOf(cause)
  const text = process.stderr.isTTY ? messageOf(cause) : stripVTControlCharacters(messageOf(cause))
  return `type errors\n\n${text.trim()}`
}

/**
 * Makes the harness of an experiment.
 *
 * @throws InputError if the function gives something else; whatever it throws itself
 */
export async function harnessOf(
  experiment: Experiment,
  path: string,
  context: ExperimentContext,
): Promise<LoRAHarness> {
  const harness = experiment instanceof LoRAHarness ? experiment : await experiment(context)
  if (harness instanceof LoRAHarness) return harness
  throw new InputError(
    `starting experiment ${path}: its function returned ${typeof harness}; it must return a LoRAHarness`,
  )
}
