/** Errors in the words of the cell: its lines, its number. */
import { inspect } from 'node:util'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'
import type { Diagnostic } from './compiler.js'

/** What a Jupyter `error` message says. */
export interface Told {
  ename: string
  evalue: string
  /** Lines for the reader. */
  traceback: string[]
}

/** A cell that was compiled. */
export interface Compiled {
  number: number
  source: string
  maps: [toModule: string, toScript: string]
  /** Characters before the code in its first line. */
  indent: number
}

/** Places in scripts of cells, as stacks name them. */
const PLACE = /(?:file:\/\/\S*?)?cell-script-(\d+)\.ts:(\d+):(\d+)/
/** Frames below a cell: of the machinery, and tslab's call of the cell, which no line of it made. */
const BELOW =
  /^\s+\.\.\. \d+ lines matching|^\s+at .*(\/tslab\/dist\/|\/kernel-ext\/dist\/|\/lora-harness-kernel\/dist\/|\(?node:(vm|internal)|cell-script-\d+\.ts)/

export interface Tracebacks {
  /** @returns the name that the cell's script is to have */
  add(cell: Compiled): string
  of(thrown: unknown): Told
  /** The line of a cell that threw, as `Cell 5, line 12`; undefined if none did. */
  where(thrown: unknown): string | undefined
  ofDiagnostics(number: number, source: string, diagnostics: readonly Diagnostic[]): Told
}

/** Lines of a cell around one, which is pointed at; both counted from 1. */
function excerpt(source: string, line: number, column: number): string[] {
  const lines = source.split('\n')
  const from = Math.max(0, line - 3)
  return lines.slice(from, line + 1).flatMap((text, i) => {
    const number = from + i + 1
    const shown = `${number === line ? '>' : ' '} ${String(number).padStart(3)} | ${text}`
    return number === line ? [shown, `      | ${' '.repeat(column - 1)}^`] : [shown]
  })
}

/** Without the frames below cells. The last frame's line may also open what else is known of the error. */
function withoutBelow(lines: readonly string[]): string[] {
  const kept: string[] = []
  for (const line of lines)
    if (!BELOW.test(line)) kept.push(line)
    else if (line.endsWith(' {')) kept.push(`${kept.pop() ?? ''} {`)
  return kept
}

export function makeTracebacks(): Tracebacks {
  const scripts: (Omit<Compiled, 'maps'> & { toModule: TraceMap; toScript: TraceMap })[] = []

  /** A place in a script as one in its cell; undefined if no line of the cell made it. */
  function placeIn(match: readonly string[]) {
    const [id, line, column] = match.slice(1).map(Number) as [number, number, number]
    const script = scripts[id]
    if (!script) return undefined
    const shift = line === 1 ? script.indent : 0
    const inModule = originalPositionFor(script.toScript, { line, column: Math.max(0, column - 1 - shift) })
    if (inModule.line === null) return undefined
    const found = originalPositionFor(script.toModule, inModule)
    // tslab puts one line before the cell.
    return found.line === null ? undefined : { script, line: Math.max(1, found.line - 1), column: found.column + 1 }
  }

  return {
    add({ maps: [toModule, toScript], ...cell }) {
      scripts.push({ ...cell, toModule: new TraceMap(toModule), toScript: new TraceMap(toScript) })
      return `cell-script-${scripts.length - 1}.ts`
    },
    of(thrown) {
      if (!(thrown instanceof Error)) {
        const text = typeof thrown === 'string' ? thrown : inspect(thrown)
        return { ename: 'Thrown', evalue: text, traceback: [`Thrown: ${text}`] }
      }
      let first: ReturnType<typeof placeIn>
      const lines = inspect(thrown)
        .split('\n')
        .map(line =>
          line.replace(PLACE, (...match) => {
            const place = placeIn(match)
            first ??= place
            return place ? `Cell ${place.script.number}:${place.line}:${place.column}` : match[0]
          }),
        )
        // tslab calls a cell's functions as methods of where it keeps them.
        .map(line => line.replace(/^(\s+at )Proxy\.(.* \(Cell )/, '$1$2'))
      const code = first
        ? [
            '',
            `Cell ${first.script.number}, line ${first.line}:`,
            ...excerpt(first.script.source, first.line, first.column),
          ]
        : []
      return { ename: thrown.name, evalue: thrown.message, traceback: [...withoutBelow(lines), ...code] }
    },
    where(thrown) {
      const stack = thrown instanceof Error ? String(thrown.stack) : ''
      const found = stack.split('\n').flatMap(line => placeIn(PLACE.exec(line) ?? []) ?? [])[0]
      return found && `Cell ${found.script.number}, line ${found.line}`
    },
    ofDiagnostics(number, source, diagnostics) {
      const traceback = diagnostics.flatMap(({ start, messageText, fileName }) => {
        const [line, column] = [start.line + 1, start.character + 1]
        const where = fileName ?? `Cell ${number}`
        return [`${where}:${line}:${column} - ${messageText}`, ...(fileName ? [] : excerpt(source, line, column))]
      })
      return { ename: 'TypeScriptError', evalue: diagnostics.map(d => d.messageText).join('\n'), traceback }
    },
  }
}
