/** The cells of this session, for those who leaf through them. */
import { matchesGlob } from './glob.js'

type Entry = [session: number, line: number, source: string | [source: string, result: string | null]]

/** There is one session: what was run before the kernel started is not kept. */
const SESSION = 1

export interface History {
  add(line: number, source: string): void
  /** The text of a cell's result. */
  result(line: number, text: string): void
  /** Answers a `history_request`. */
  find(request: Record<string, unknown>): Entry[]
}

export function makeHistory(): History {
  const cells: { line: number; source: string; result: string | null }[] = []
  return {
    add: (line, source) => void cells.push({ line, source, result: null }),
    result(line, text) {
      const cell = cells.findLast(cell => cell.line === line)
      if (cell) cell.result = text
    },
    find({ hist_access_type, output = false, n, session = 0, start = 1, stop, pattern = '*', unique = false }) {
      const count = typeof n === 'number' ? n : cells.length
      const last = <T>(list: T[]) => (count > 0 ? list.slice(-count) : [])
      const found = () => {
        if (hist_access_type === 'tail') return last(cells)
        if (hist_access_type === 'range') {
          if (session !== 0 && session !== SESSION) return []
          return cells.filter(
            ({ line }) => line >= Number(start) && line < (typeof stop === 'number' ? stop : Infinity),
          )
        }
        const matching = cells.filter(({ source }) => matchesGlob(source, String(pattern)))
        if (!unique) return last(matching)
        return last(matching.filter(({ source }, i) => matching.findLastIndex(other => other.source === source) === i))
      }
      return found().map(({ line, source, result }) => [SESSION, line, output ? [source, result] : source])
    },
  }
}
