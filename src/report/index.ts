export { headline, mean } from '../record/curve.js'
export { type Difference, pairedDifference } from '../record/stats.js'
export { constant, Markup, markup } from './markup.js'
export { score, short, signed } from './words.js'
