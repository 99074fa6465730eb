export * from './run.js'
export * from './step.js'
