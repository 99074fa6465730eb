export * from './cards.js'
export * from './messages.js'
export * from './run.js'
export * from './step.js'
