import { readRun } from '../../src/record/open.js'

/** Everything that can be read of a run. */
export function contentOf(folder: string) {
  const run = readRun(folder)
  try {
    const branches = run.branches.map(({ name }) => ({
      steps: run.ownSteps(name),
      timeline: run.timeline(name),
      probings: run.probings(name),
      examples: run.examples(name),
    }))
    const hashes = branches.flatMap(({ steps }) => steps.flatMap(step => Object.values(step.callables)))
    return {
      info: run.info,
      sessions: run.sessions,
      tree: run.branches,
      current: run.current,
      branches,
      events: run.events(),
      adapters: run.adapters(),
      callables: [...new Set(hashes)].map(hash => run.callable(hash)),
    }
  } finally {
    run.close()
  }
}
