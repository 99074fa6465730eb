import { writeFileSync } from 'node:fs'

/**
 * A reporter for vitest. Writes to the file that UNFINISHED names: the test files whose process ended before they did (a
 * native library crashed, or the system took its memory), and whether that is all that went wrong.
 */
export default class {
  onTestRunEnd(modules, errors) {
    const files = modules.filter(module => !['passed', 'failed', 'skipped'].includes(module.state()))
    const isAll = !modules.some(module => module.state() === 'failed') && errors.length <= files.length
    writeFileSync(process.env.UNFINISHED, JSON.stringify({ files: files.map(file => file.relativeModuleId), isAll }))
  }
}
