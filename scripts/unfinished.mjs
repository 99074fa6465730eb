import { writeFileSync } from 'node:fs'

/**
 * A reporter for vitest: writes to the file that UNFINISHED names the test files whose process ended before they did (a
 * signal, a crash, no memory), which vitest's own report leaves out.
 */
export default class {
  onTestRunEnd(modules) {
    const files = modules.filter(module => !['passed', 'failed', 'skipped'].includes(module.state()))
    writeFileSync(process.env.UNFINISHED, JSON.stringify(files.map(file => file.relativeModuleId)))
  }
}
