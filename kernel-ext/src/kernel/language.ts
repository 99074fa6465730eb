/** TypeScript in cells: tslab's converter and executor, with results and errors as values. */

import {
  type Converter,
  createConverter,
  createExecutor,
  type Diagnostic,
  emittedAs,
  isCompleteCode,
  printQuickInfo,
  ts,
} from './compiler.js'
import { lendImports } from './modules.js'
import { makeTracebacks, type Told, type Tracebacks } from './traceback.js'

/** How a cell ended; `value` is its last expression's, undefined if it has none. */
export type Outcome = { value: unknown } | { error: Told }

export interface Language {
  tracebacks: Tracebacks
  /** Runs a cell; one at a time. */
  execute(number: number, source: string): Promise<Outcome>
  /** Ends the cell that is awaiting something. */
  interrupt(): void
  /** Positions are counted in UTF-16 units. */
  complete(source: string, position: number): { start: number; end: number; candidates: string[] }
  /** What is known about the name at a position. */
  hover(source: string, position: number): string | undefined
  state(source: string): { status: 'complete' | 'incomplete' | 'invalid'; indent?: string }
  close(): void
}

const INTERRUPTED: Told = {
  ename: 'Interrupted',
  evalue: 'the cell was interrupted',
  traceback: ['Interrupted: the cell was interrupted'],
}
/** How tslab's executor says that the compiler complains. */
const COMPLAINT = '%s%d:%d - %s'
/** What tslab puts before a cell's JavaScript. */
const PREFIX = '(async function(exports, require) { '

export function makeLanguage(folder: string): Language {
  const tracebacks = makeTracebacks()
  let number = 0
  let source = ''
  let value: unknown
  let thrown: unknown[] = []
  let complaints: Diagnostic[] = []

  const converter = createConverter({ isJS: false, isBrowser: false })
  const node: Converter = {
    ...converter,
    convert(previous, code) {
      const made = converter.convert(previous, code)
      complaints = made.diagnostics
      const emitted = made.output === undefined ? undefined : emittedAs(made.output)
      if (!emitted) return made
      const ready = emitted.imports.length > 0 ? `await __tslab__.ready(${JSON.stringify(emitted.imports)}); ` : ''
      const script = tracebacks.add({ number, source, maps: emitted.maps, indent: PREFIX.length + ready.length })
      // Every cell may await.
      return { ...made, output: `${ready}${emitted.output}\n//# sourceURL=${script}`, hasToplevelAwait: true }
    },
    addModule(name, code, meta) {
      complaints = converter.addModule(name, code, meta)
      return complaints
    },
  }
  let forBrowsers: Converter | undefined
  const converters = {
    node,
    get browser() {
      forBrowsers ??= createConverter({ isJS: false, isBrowser: true })
      return forBrowsers
    },
    close() {
      converter.close()
      forBrowsers?.close()
    },
  }
  const executor = createExecutor(folder, converters, {
    log: last => {
      value = last
    },
    error: (...args) => {
      if (args[0] !== COMPLAINT) thrown = args
    },
  })
  lendImports(folder)

  const told = (error: unknown): Told => {
    const { code, message } = (error ?? {}) as { code?: string; message?: string }
    return code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED' || message === 'Interrupted asynchronously'
      ? INTERRUPTED
      : tracebacks.of(error)
  }

  return {
    tracebacks,
    async execute(cell, code) {
      number = cell
      source = code
      value = undefined
      thrown = []
      complaints = []
      await executor.execute(code)
      if (complaints.length > 0) return { error: tracebacks.ofDiagnostics(cell, code, complaints) }
      return thrown.length > 0 ? { error: told(thrown[0]) } : { value }
    },
    interrupt: () => executor.interrupt(),
    complete: (code, position) => executor.complete(code, position),
    hover(code, position) {
      const info = executor.inspect(code, position)
      return info && printQuickInfo(info)
    },
    state(code) {
      const { completed, indent } = isCompleteCode(code)
      if (!completed) return { status: 'incomplete', indent: indent ?? '' }
      const { diagnostics = [] } = ts.transpileModule(code, {
        reportDiagnostics: true,
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      })
      return { status: diagnostics.length > 0 ? 'invalid' : 'complete' }
    },
    close: () => executor.close(),
  }
}
