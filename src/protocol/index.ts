export * from './messages.js'
export * from './run.js'
export * from './step.js'
