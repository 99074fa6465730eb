import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  type ArcTask,
  arcExamples,
  type Grid,
  gridText,
  leaveOneOut,
  parseGrids,
  readArc,
  scoreArc,
  symmetries,
} from 'lora-harness/adapters/arc'
import { describe, expect, test } from 'vitest'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'

const grids: fc.Arbitrary<Grid> = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }))
  .chain(([w, h]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: w, maxLength: w }), { minLength: h, maxLength: h }),
  )

/** Mirrors each row. */
const task: ArcTask = {
  id: 'mirror',
  train: [
    { input: [[1, 2]], output: [[2, 1]] },
    { input: [[3], [4]], output: [[3], [4]] },
    { input: [[5, 0, 0]], output: [[0, 0, 5]] },
  ],
  test: [
    { input: [[7, 8]], output: [[8, 7]] },
    { input: [[1, 0], [2, 0]], output: [[0, 1], [0, 2]] }, // biome-ignore format: a grid
  ],
}

describe('grids in a response', () => {
  const forms: Record<string, (grid: Grid) => string> = {
    ours: gridText,
    'no separators': grid => grid.map(row => row.join('')).join('\n'),
    commas: grid => grid.map(row => `${row.join(', ')},`).join('\r\n'),
    'a table': grid => grid.map(row => `| ${row.join(' | ')} |`).join('\n'),
    JSON: grid => JSON.stringify(grid),
    'JSON with spaces': grid => JSON.stringify(grid).replaceAll(',', ' , ').replaceAll('[', '[ '),
    'pretty JSON': grid => JSON.stringify(grid, null, 2),
    'a line of JSON each': grid => grid.map(row => JSON.stringify(row)).join(',\n'),
  }

  test.each(Object.keys(forms))('%s', form => {
    const write = forms[form]!
    fc.assert(
      fc.property(grids, grids, (a, b) => {
        expect(parseGrids(write(a))).toEqual([a])
        expect(parseGrids(`Sure! The output is:\n\n${write(a)}\n\nor, if 3 means red:\n${write(b)}\nDone.`)).toEqual([
          a,
          b,
        ])
      }),
      { numRuns: 50 },
    )
  })

  test('ragged and too large ones are attempts that failed', () => {
    expect(parseGrids('1 2\n3')).toEqual([null])
    expect(parseGrids(`${'1\n'.repeat(31)}\n2`)).toEqual([null, [[2]]])
    expect(parseGrids('[[1,2],[3]] [[4]]')).toEqual([null, [[4]]])
    expect(parseGrids(`${'1 '.repeat(31)}`)).toEqual([])
    expect(parseGrids('The answer is 42, or 1 2 3.')).toEqual([])
  })

  test('any text is read in time, and gives proper grids or none', () => {
    const piece = fc.constantFrom('[', ']', ',', '1', '23', ' ', '\n', '\t', 'x', '|', '[[', ']]', '\u00a0')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
        for (const grid of parseGrids(pieces.join('')))
          if (grid) expect(grid.every(row => row.length === grid[0]!.length && row.length <= 30)).toBe(true)
      }),
      { numRuns: 2000 },
    )
    const began = performance.now()
    for (const hostile of ['[', ' ', '\n', '1', '1 ', '[1', '[1,', '1]', ' \n', ',', '[ ', '|1'])
      parseGrids(hostile.repeat(1_000_000 / hostile.length))
    // Twelve texts of 100,000 characters take some 50 ms; what is quadratic takes minutes.
    expect(performance.now() - began).toBeLessThan(20_000)
  })
})

test('exact match of the first, or of one of the first two', () => {
  expect(scoreArc([[1, 2]], '1 2')).toEqual({ pass1: true, pass2: true })
  expect(scoreArc([[1, 2]], '2 1\n\n1 2')).toEqual({ pass1: false, pass2: true })
  expect(scoreArc([[1, 2]], '2 1\n\n2 2\n\n1 2')).toEqual({ pass1: false, pass2: false })
  expect(scoreArc([[1, 2]], '1 2\n1 2')).toEqual({ pass1: false, pass2: false })
  expect(scoreArc([[1, 2]], 'I cannot say.')).toEqual({ pass1: false, pass2: false })
})

test('leave-one-out asks for each training pair with the others known, never for the test', () => {
  const items = leaveOneOut(task)
  expect(items.map(({ target }) => target)).toEqual(['2 1', '3\n4', '0 0 5'])
  expect(items[1]!.messages.at(-1)!.content).toBe(
    'Input:\n1 2\nOutput:\n2 1\n\nInput:\n5 0 0\nOutput:\n0 0 5\n\nInput:\n3\n4\nOutput:',
  )
  expect(JSON.stringify(items)).not.toMatch(/7|8/)
  expect(leaveOneOut({ train: task.train.slice(0, 1) })).toEqual([])
})

test('eight symmetries: itself first, all different for a grid without any, none of them lost by another turn', () => {
  const all = symmetries({ id: 'x', train: [{ input: [[1, 2], [3, 4]], output: [[5]] }], test: task.test }) // biome-ignore format: a grid
  const inputs = all.map(({ train }) => gridText(train[0]!.input))
  expect(inputs[0]).toBe('1 2\n3 4')
  expect(inputs[1]).toBe('3 1\n4 2') // A quarter turn clockwise.
  expect(new Set(inputs).size).toBe(8)
  expect(all.every(({ train }) => gridText(train[0]!.output) === '5')).toBe(true)
  fc.assert(
    fc.property(grids, grid => {
      const about = (of: Grid) => symmetries({ id: '', train: [{ input: of, output: of }], test: [] })
      const texts = (of: Grid) =>
        about(of)
          .map(({ train }) => gridText(train[0]!.input))
          .sort()
      for (const { train } of about(grid)) expect(texts(train[0]!.input)).toEqual(texts(grid))
    }),
    { numRuns: 20 },
  )
})

describe('files', () => {
  const folder = temporaryFolder()
  const { id: _, ...stored } = task
  writeFileSync(join(folder, 'b.json'), JSON.stringify(stored))
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ ...stored, name: 'kept by some sets' }))

  test('a folder runs in the order of its names, an example for each test input', async () => {
    const exampleSource = arcExamples(folder)
    const baselines = { right: ({ userPrompt }: { userPrompt?: string | undefined }) => userPrompt!.split('\n').map(row => row.split(' ').reverse().join(' ')).join('\n') } // biome-ignore format: one thought
    const results = await collect(new LoRAHarness({ ...toy, exampleSource, baselines }).run())
    expect(results.map(({ example }) => example.testIdx)).toEqual(['a:0', 'a:1', 'b:0', 'b:1'])
    expect(results.map(({ example }) => example.chatId)).toEqual(['a', 'a', 'b', 'b'])
    expect(results.map(({ baselines }) => baselines.right!.metrics)).toEqual(Array(4).fill({ pass1: 1, pass2: 1 }))
    expect(results[0]!.example.target).toBe('8 7')
    expect(JSON.stringify(results[0]!.example.messages)).not.toContain('8 7')
  })

  test.each([
    [{ train: stored.train, test: [{ input: [[1]] }] }, 'at test[0].output'],
    [{ train: [{ input: [[1], [1, 2]], output: [[1]] }], test: stored.test }, 'rows differ in length'],
    [{ train: [{ input: [[10]], output: [[1]] }], test: stored.test }, 'at train[0].input[0][0]'],
    [[], 'expected object'],
  ])('a malformed task is refused with its place (%#)', (broken, message) => {
    const file = join(temporaryFolder(), 'broken.json')
    writeFileSync(file, JSON.stringify(broken))
    expect(() => readArc(file)).toThrow(message)
    expect(() => readArc(file)).toThrow('broken.json')
  })

  test('nothing there', () => {
    expect(() => readArc(join(folder, 'none'))).toThrow('none: ENOENT')
  })
})
