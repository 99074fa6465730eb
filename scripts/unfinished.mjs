/** A reporter for vitest: names the test files whose process ended before they did, which its own report leaves out. */
export default class {
  onTestRunEnd(modules) {
    for (const module of modules)
      if (!['passed', 'failed', 'skipped'].includes(module.state())) {
        const { name } = module.project
        const open = [...module.children.allTests()].filter(test => test.result().state === 'pending')
        console.error(
          `not finished: ${name} ${module.relativeModuleId}, at: ${open.map(test => test.fullName).join('; ')}`,
        )
      }
  }
}
