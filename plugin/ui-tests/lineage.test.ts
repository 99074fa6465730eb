import { describe, expect, test } from 'vitest'
import { sampleSteps } from '../../test/report/sample.js'
import { type RailBranch, type RailRow, railOf, sizeOf } from '../src/model/rail.js'
import { pointOf } from './page/sample.js'
import { chained } from './page/weights.js'

const steps = sampleSteps(2, 10) // Updated are 0 1 2 4 6, 7 8 9 11 13, 14 15 16 18 (17 failed).
const main: RailBranch = {
  branch: { name: 'main', parent: null, at: 0, skipUpdates: [] },
  line: chained(steps, 'main').map(pointOf),
}
const left = (name: string, parent: string, at: number, length = 20): RailBranch => ({
  branch: { name, parent, at, skipUpdates: [] },
  line: chained(steps, name, at).slice(0, length).map(pointOf),
})

/** A row as text: its lanes, then what it is. */
function drawn({ node, lane, above, below, joins }: RailRow): string {
  const most = Math.max(lane, ...above, ...below)
  const lanes = Array.from({ length: most + 1 }, (_, i) =>
    i === lane ? '*' : joins.includes(i) ? '/' : above.includes(i) && below.includes(i) ? '|' : ' ',
  ).join('')
  const what =
    node.kind === 'tip'
      ? `${node.branch.name} ${node.length}`
      : node.kind === 'adapter'
        ? `#${node.index}`
        : node.kind === 'more'
          ? `${node.count} more`
          : 'base'
  return `${lanes} ${what}`
}
const picture = (of: RailBranch[], most: number) => `\n${railOf(of, most).rows.map(drawn).join('\n')}\n`

describe('the rail', () => {
  test('a branch leaves from the adapter that it began with', () => {
    const short = left('other', 'main', 5, 9)
    expect(picture([{ ...main, line: main.line.slice(0, 8) }, short], 99)).toMatchInlineSnapshot(`
      "
       * other 9
      *| main 8
      |* #8
      |* #7
      *| #7
      |* #6
      *| #6
      */ #4
      * #2
      * #1
      * #0
      * base
      "
    `)
  })

  test('a branch that leaves a branch; one that left before the first adapter begins at the base model', () => {
    const one = left('one', 'main', 8, 10)
    const two = left('two', 'one', 9, 12)
    const three = left('three', 'main', 0, 2)
    expect(picture([{ ...main, line: main.line.slice(0, 9) }, one, two, three], 99)).toMatchInlineSnapshot(`
      "
        * two 12
        * #11
       *| one 10
      *|| main 9
      ||* #9
      |*| #9
      |*/ #8
      *| #8
      */ #7
      * #6
      * #4
      |  * three 2
      *  | #2
      |  * #1
      *  | #1
      |  * #0
      *  | #0
      *  / base
      "
    `)
  })

  test('with many adapters the newest of each branch are kept, and those that others left with', () => {
    const { rows, adapters } = railOf([main, left('other', 'main', 5)], 12)
    expect(rows.length).toBeLessThanOrEqual(12)
    expect(adapters).toBe(14 + 10)
    expect(`\n${rows.map(drawn).join('\n')}\n`).toMatchInlineSnapshot(`
      "
       * other 20
      *| main 20
      |* #18
      *| #18
      |* #16
      *| #16
      |* 8 more
      *| 8 more
      */ #4
      * 3 more
      * base
      "
    `)
  })

  test('without a run, and without an adapter', () => {
    expect(picture([], 10)).toBe('\n* base\n')
    const none = { ...main, line: main.line.map(point => ({ ...point, lora: null })) }
    expect(picture([none], 10)).toBe('\n* main 20\n* base\n')
  })
})

test('sizes', () => {
  expect([0, 999, 4_884_480, 120_000, 3e12].map(sizeOf)).toEqual(['0 B', '1000 B', '4.9 MB', '120 kB', '3000 GB'])
})
