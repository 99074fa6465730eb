import { existsSync, readFileSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { dirname, extname, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { InputError, messageOf } from '../errors.js'
import { LoRAHarness } from '../harness/index.js'

/** What the command line gives an experiment: its own flags, and every `--set key=value` as text. */
export type ExperimentArgs = Readonly<Partial<Record<string, string>>> & {
  /** Examples to run at most; undefined: all. */
  readonly limit: number | undefined
  readonly seed: number
  /** The run's folder, absolute. */
  readonly out: string
}

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

/**
 * Loads an experiment file; TypeScript is type-checked first.
 *
 * @param path of a .ts, .mts, .js or .mjs file
 * @throws InputError naming the file: it is missing, of another kind, has type errors (with their places), throws while
 *   loading, or has no fitting default export
 */
export async function loadExperiment(path: string): Promise<LoadedExperiment> {
  const file = resolve(path)
  const problem = !existsSync(file)
    ? 'there is no such file'
    : !statSync(file).isFile()
      ? 'it is not a file'
      : !EXTENSIONS.includes(extname(file))
        ? `it must be one of ${EXTENSIONS.join(', ')}`
        : undefined
  if (problem) throw new InputError(`loading experiment ${path}: ${problem}`)

  process.setSourceMapsEnabled(true) // Stacks then name lines of the TypeScript file.
  const { port1: loaded, port2: port } = new MessageChannel()
  register('./ts-loader.js', import.meta.url, { data: { port }, transferList: [port] })
  let module: { default?: unknown }
  try {
    module = await import(pathToFileURL(file).href)
  } catch (cause) {
    throw new InputError(`loading experiment ${path}: ${loadProblem(cause)}`, { cause })
  }
  const experiment = module.default
  if (experiment instanceof LoRAHarness || typeof experiment === 'function')
    return { experiment: experiment as Experiment, code: codeOf(file, loaded) }
  const found =
    experiment === undefined ? 'is missing' : `is ${Array.isArray(experiment) ? 'an array' : typeof experiment}`
  throw new InputError(
    `loading experiment ${path}: its default export ${found}; it must be a LoRAHarness or a function ` +
      '({ args, signal }) => LoRAHarness',
  )
}

/** Text of the files that were loaded, but for packages and this one's own files, by path from the experiment. */
function codeOf(experiment: string, loaded: MessagePort): string {
  const own = new URL('..', import.meta.url).href
  const texts = new Map<string, string>()
  for (let next = receiveMessageOnPort(loaded); next; next = receiveMessageOnPort(loaded)) {
    const url = next.message as string
    if (!url.startsWith('file:') || url.startsWith(own) || url.includes('/node_modules/')) continue
    const file = fileURLToPath(url)
    texts.set(relative(dirname(experiment), file), readFileSync(file, 'utf8'))
  }
  return JSON.stringify([...texts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Compiler messages keep their lines and, on a terminal, their colours. */
function loadProblem(cause: unknown): string {
  if ((cause as { code?: string } | undefined)?.code !== 'LORA_HARNESS_TYPES') return messageOf(cause)
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
