/** Answers to what is asked at once, whether a cell is running or not. */
import { readFileSync } from 'node:fs'
import type { Jupyter } from '../jupyter.js'
import type { Message } from '../wire/message.js'
import { ts } from './compiler.js'
import type { History } from './history.js'
import type { Language } from './language.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const INFO = {
  status: 'ok',
  protocol_version: '5.3',
  implementation: 'lora-harness',
  implementation_version: version,
  language_info: {
    name: 'typescript',
    version: ts.version,
    mimetype: 'text/typescript',
    file_extension: '.ts',
    pygments_lexer: 'typescript',
    codemirror_mode: { mode: 'typescript', name: 'javascript', typescript: true },
    nbconvert_exporter: 'script',
  },
  banner: `TypeScript ${ts.version} on Node ${process.versions.node}, LoRA Harness ${version}`,
  debugger: false,
  help_links: [],
}

// Jupyter counts characters, JavaScript UTF-16 units.
const toUnits = (text: string, characters: number) => [...text].slice(0, characters).join('').length
const toCharacters = (text: string, units: number) => [...text.slice(0, units)].length

/** @returns the reply's content; undefined if this is nothing to reply to */
export const requests =
  (language: Language, jupyter: Jupyter, history: History) =>
  ({ header, content }: Message): Record<string, unknown> | undefined => {
    const code = String(content.code ?? '')
    const position = typeof content.cursor_pos === 'number' ? toUnits(code, content.cursor_pos) : code.length
    switch (header.msg_type) {
      case 'kernel_info_request':
        return INFO
      case 'is_complete_request':
        return language.state(code)
      case 'complete_request': {
        const { start, end, candidates } = language.complete(code, position)
        const [cursor_start, cursor_end] = [toCharacters(code, start), toCharacters(code, end)]
        return { status: 'ok', matches: candidates, cursor_start, cursor_end, metadata: {} }
      }
      case 'inspect_request': {
        const text = language.hover(code, position)
        return {
          status: 'ok',
          found: text !== undefined,
          data: text === undefined ? {} : { 'text/plain': text },
          metadata: {},
        }
      }
      case 'history_request':
        return { status: 'ok', history: history.find(content) }
      case 'comm_info_request':
        return { status: 'ok', comms: jupyter.comms.info(content.target_name) }
      case 'interrupt_request':
        return { status: 'ok' }
      case 'shutdown_request':
        return { status: 'ok', restart: content.restart === true }
      default:
        return undefined
    }
  }
