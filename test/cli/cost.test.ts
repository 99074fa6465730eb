import { describe, expect, test } from 'vitest'
import { type Cost, estimateLines, estimateText } from '../../src/cli/cost.js'

/** The first brings what is kept once; the fourth made no adapter. */
const costs: Cost[] = [
  { ms: 4000, database: 90_000, adapters: 1_250_000 },
  { ms: 2000, database: 8_000, adapters: 1_250_000 },
  { ms: 2100, database: 12_000, adapters: 1_250_000 },
  { ms: 1900, database: 8_000, adapters: 0 },
  { ms: 2200, database: 12_000, adapters: 1_250_000 },
]
const facts = { costs, total: 100, loading: 3000, free: 20e9, folder: 'runs' }

describe('what a run will take', () => {
  test('in one line on the way', () => {
    expect(estimateLines(costs, 95, 20e9)).toEqual([
      'Estimate from 5 examples: 2.1 s (median; 1.9 s to 4.0 s) and 1.0 MB (mean) each; ' +
        'at that, the other 95 take about 3 min 20 s and 96 MB; 20 GB are free.',
    ])
  })

  test('a disk that is too small is warned of', () => {
    expect(estimateLines(costs, 95, 50e6)[1]).toBe(
      'Warning: there is room for about 49 examples like these, not for 95.',
    )
  })

  test('before it is begun: what was measured, and what follows from it', () => {
    expect(estimateText(facts)).toMatchInlineSnapshot(`
      "example           2.1 s (median; 1.9 s to 4.0 s)
      before the first  3.0 s
      whole run         about 3 min 35 s for 100 examples: what these took, and the median for each of the other 95
      disk              1.0 MB an example (mean): database 10 kB, adapters 1.0 MB (4 of 5 made one)
                        about 101 MB for 100 examples, if the others are like these
      free              20 GB on the disk of runs"
    `)
  })

  test('a source that does not tell its length; examples without adapters', () => {
    const plain = costs.map(cost => ({ ...cost, database: 1000, adapters: 0 }))
    expect(estimateText({ ...facts, costs: plain, total: undefined })).toMatchInlineSnapshot(`
      "example           2.1 s (median; 1.9 s to 4.0 s)
      before the first  3.0 s
      whole run         not known: the source does not tell how many examples it has
      disk              1.0 kB an example (mean): database under 4.1 kB, adapters 0 B (0 of 5 made one)
      free              20 GB on the disk of runs"
    `)
  })

  test('a run that is over before the sample is full', () => {
    expect(estimateText({ ...facts, costs: costs.slice(0, 1), total: 1 })).toMatchInlineSnapshot(`
      "example           4.0 s (median; 4.0 s to 4.0 s)
      before the first  3.0 s
      whole run         7.0 s: these were all examples
      disk              1.3 MB an example (mean): database 90 kB, adapters 1.3 MB (1 of 1 made one)
      free              20 GB on the disk of runs"
    `)
  })
})
