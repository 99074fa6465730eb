import { join } from 'node:path'
import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import { harness, type NotebookOptions } from '../../../kernel-ext/src/index.js'
import { readRun } from '../../../src/record/open.js'
import { ask, numbered, taught, toy } from '../../harness/toy.js'
import { temporaryFolder } from '../../helpers/folder.js'
import { closing, fakePage, type Page, runCell } from './page.js'

let page: Page
beforeEach(() => {
  page = fakePage()
})
const home = temporaryFolder()
const closes = closing()
let runs = 0
const options = (more: Partial<NotebookOptions> = {}): NotebookOptions => ({
  ...{ id: `run-${runs++}`, exampleSource: () => numbered(6), folder: null },
  ...toy,
  ...more,
})
const open = async (more: Partial<NotebookOptions> = {}) => closes(await harness(options(more)))
const finetuneHash = (h: { results: readonly { callables: { finetuneFn: string } }[] }) =>
  h.results.map(result => result.callables.finetuneFn)

describe('the cell that opens a run, run again', () => {
  test('keeps run and position, and takes the new callables', async () => {
    const given = options()
    const h = closes(await harness(given))
    await h.step()
    await h.step()
    const again = await harness({ ...given, finetuneFn: () => null })
    expect(again).toBe(h)
    await h.step()
    expect(h.results.map(({ index, outcome }) => [index, outcome.kind])).toEqual([
      [0, 'updated'],
      [1, 'updated'],
      [2, 'unchanged'],
    ])
  })

  test('twice at once opens one run', async () => {
    const given = options()
    const [a, b] = await Promise.all([harness(given), harness(given)])
    expect(closes(a)).toBe(b)
  })

  test('with more examples goes on to them', async () => {
    const given = options({ exampleSource: () => numbered(2) })
    const h = closes(await harness(given))
    await h.run()
    expect(h.state).toMatchObject({ status: 'finished', index: 2, total: 2 })
    await harness({ ...given, exampleSource: () => numbered(5) })
    await h.run()
    expect(h.state).toMatchObject({ status: 'finished', index: 5, total: 5 })
  })

  test('with another seed, folder or other finished examples says that this begins another run, and how', async () => {
    const given = options({ seed: 3 })
    const h = closes(await harness(given))
    await h.step()
    const how = `and run ${h.id} is going on: give the other one an id of its own, such as ${h.id}-2`
    await expect(harness({ ...given, seed: 4 })).rejects.toThrow(
      `another seed (4; the run has 3) begins another run, ${how}`,
    )
    await expect(harness({ ...given, folder: 'x' })).rejects.toThrow('another folder (x; the run has null)')
    await expect(harness({ ...given, exampleSource: [ask(0, 'else?', 'yes', 'chat')] })).rejects.toThrow(
      `a source that gives example 0 otherwise begins another run, ${how}`,
    )
    await expect(harness({ ...given, exampleSource: [] })).rejects.toThrow('begins another run')
    await h.step()
    expect(h.results).toHaveLength(2)
  })

  test('while a run is going: the run goes on, with the new callables', async () => {
    const given = options()
    const h = closes(await harness(given))
    const job = h.start()
    await job.pause()
    const before = h.results.length
    await harness({ ...given, finetuneFn: () => null })
    job.resume()
    await job.done
    expect(h.results.map(({ outcome }) => outcome.kind)).toEqual(
      Array.from({ length: 6 }, (_, i) => (i < before ? 'updated' : 'unchanged')),
    )
  })

  test.each(['', '../x', 'a/b', 'x'.repeat(101), '.x', 'a b'])('refuses the id %j', async id => {
    await expect(harness(options({ id }))).rejects.toThrow('100 letters, digits and . _ -')
  })
})

describe('edits', () => {
  test('a setter is the edit, from the next example on; the record has it with its diff', async () => {
    const h = await open()
    await h.step()
    h.finetuneFn = () => null
    await h.step()
    const [before, after] = finetuneHash(h)
    expect(after).not.toBe(before)
    expect(h.events).toMatchObject([{ type: 'swap', index: 1, changed: ['finetuneFn'] }])
    expect(String(h.events[0]!.diff)).toContain('+() => null')
    h.inferenceFn = () => 'answer 2'
    h.retrieveLoraFn = () => null
    h.baselines = { base: () => 'answer 2' }
    await h.step()
    expect(h.results[2]).toMatchObject({
      retrievedLora: null,
      response: 'answer 2',
      baselines: { base: { metrics: { exact: 1 } } },
    })
    expect(h.finetuneFn(ask(0, 'q', 'a'), null, '', {}, {} as never)).toBe(null)
  })

  test('a callable that is written in no cell is shown with the cell that set it; its hash is not of that cell', async () => {
    const h = await open()
    runCell(page, 'h.finetuneFn = made.elsewhere')
    h.finetuneFn = () => null
    await h.step()
    runCell(page, 'const another = 1')
    expect(String(h.callables)).toContain('() => null\n\n// set in cell [1]:\nh.finetuneFn = made.elsewhere')
    await h.step()
    const [before, after] = finetuneHash(h)
    expect(after).toBe(before)
    runCell(page, 'h.finetuneFn = (_example: Example) => undefined')
    h.finetuneFn = _example => undefined
    expect(String(h.callables)).toContain('(_example: Example) => undefined')
    expect(String(h.callables)).not.toContain('set in cell [1]')
  })

  test('what is no function is refused, and nothing changes', async () => {
    const h = await open()
    expect(() => {
      h.finetuneFn = 'no' as never
    }).toThrow('finetuneFn must be a function, found string')
    expect(() => h.use({ finetune: () => 0 } as never)).toThrow('there is no callable finetune')
    expect(() => h.use({ finetuneFn: () => 3 as never })).toThrow('what finetuneFn gives must be a function')
    expect(await h.step()).toMatchObject({ result: { outcome: { kind: 'updated' } } })
  })

  test('a thunk is looked up at the begin of every example', async () => {
    const h = await open()
    let finetuneFn: typeof toy.finetuneFn = () => null
    h.use({ finetuneFn: () => finetuneFn })
    await h.step()
    finetuneFn = (_example, lora) => taught(lora, 'x', 'y')
    await h.step()
    expect(h.results.map(({ outcome }) => outcome.kind)).toEqual(['unchanged', 'updated'])
    const [before, after] = finetuneHash(h)
    expect(after).not.toBe(before)
  })

  test('an example keeps the callables that it began with', async () => {
    const h = await open()
    h.inferenceFn = () => {
      h.finetuneFn = () => null
      return '?'
    }
    await h.step()
    await h.step()
    expect(h.results.map(({ outcome }) => outcome.kind)).toEqual(['updated', 'unchanged'])
    expect(new Set(finetuneHash(h)).size).toBe(2)
  })

  test('the hash covers what the callable names in the cells, and no other cell changes it', async () => {
    runCell(page, 'let rate = 0.1')
    runCell(page, 'const h = await harness({ … })')
    const h = await open()
    const rate = 0.1
    h.finetuneFn = () => (rate > 1 ? null : null)
    await h.step()
    runCell(page, 'await h.step()')
    runCell(page, 'const unrelated = 3')
    await h.step()
    runCell(page, 'rate = 0.2')
    await h.step()
    const [first, second, third] = finetuneHash(h)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    expect(h.results.map(({ callables }) => callables.inferenceFn)).toEqual(
      Array(3).fill(h.results[0]!.callables.inferenceFn),
    )
    expect(String(h.events.at(-1)!.diff)).toContain('+rate = 0.2')
  })
})

describe('recorded', () => {
  test('reattached, as after a kernel was started again: position, branch, forks', async () => {
    const folder = join(home, 'reattached')
    const given = options({ folder })
    const first = await harness(given)
    await first.run({ until: 4 })
    await first.rewind(2, 'again')
    await first.step()
    const fork = await first.fork({ at: 1, name: 'other', finetuneFn: () => null })
    await fork.run({ until: 5 })
    await fork.rewind(3, 'other-again')
    await fork.step()
    const [state, forkState] = [first.state, fork.state]
    await first.close()

    const second = closes(await harness(given))
    expect(second).not.toBe(first)
    expect(second.state).toEqual({ ...state, status: 'idle' })
    expect(second.branch.name).toBe('again')
    const forkAgain = await second.fork({ at: 1, name: 'other', finetuneFn: () => null })
    expect(forkAgain.state).toEqual({ ...forkState, status: 'idle' })
    expect(forkAgain.branch.name).toBe('other-again')
    await second.run()
    expect(second.results).toHaveLength(6)
    const record = readRun(folder)
    expect(record.steps('again')).toHaveLength(6)
    expect(record.events().filter(({ type }) => type === 'fork')).toMatchObject([{ branch: 'other', index: 1 }])
  })

  test('gone on with by other callables: allowed, and the record says so', async () => {
    const folder = join(home, 'edited')
    const given = options({ folder })
    const first = await harness(given)
    await first.step()
    await first.close()
    const second = await harness({ ...given, finetuneFn: () => null })
    await second.step()
    expect(second.events.map(({ type }) => type)).toEqual(['changes', 'swap'])
    await second.close()
    await expect(harness({ ...given, seed: 7 })).rejects.toThrow(
      /seed: the run has 0, 7 was asked for.*\n.*another run: begin it in another folder/,
    )
  })

  test('a second kernel on the same folder is told who writes it', async () => {
    const folder = join(home, 'locked')
    await open({ folder })
    await expect(harness(options({ folder }))).rejects.toThrow('this process writes it')
  })
})

describe('branches', () => {
  test('fork by the same name takes the new callables and keeps its position; elsewhere it is refused', async () => {
    const h = await open()
    await h.run({ until: 3 })
    const fork = await h.fork({ at: 1, name: 'other', finetuneFn: () => null })
    expect(fork.id).toBe(`${h.id}@other`)
    await fork.step()
    expect(
      await h.fork({ at: 1, name: 'other', finetuneFn: ({ testIdx }, lora) => taught(lora, 'x', `${testIdx}`) }),
    ).toBe(fork)
    await fork.step()
    expect(fork.results.map(({ outcome }) => outcome.kind)).toEqual(['updated', 'unchanged', 'updated'])
    await expect(h.fork({ at: 2, name: 'other' })).rejects.toThrow('there is one, from before example 1')
    expect(h.results).toHaveLength(3)
    // What is set on one is set on that one only.
    h.finetuneFn = () => null
    await fork.step()
    expect(fork.results.at(-1)!.outcome.kind).toBe('updated')
  })

  test('rewind keeps the old branch; compare and diff speak of both', async () => {
    const h = await open()
    await h.run({ until: 4 })
    const card = await h.rewind(1, 'again')
    expect(h.state).toMatchObject({ branch: 'again', index: 1 })
    expect(String(card)).toContain('again *  main before example 1')
    h.inferenceFn = example => example.messages[0]!.content.replace('question', 'answer')
    await h.run({ until: 4 })
    const fork = await h.fork({ at: 0, name: 'plain', inferenceFn: () => '?' })
    await fork.run({ until: 4 })
    expect(h.compare(fork).card).toMatchObject({
      kind: 'comparison',
      pairs: 4,
      metrics: [{ means: { a: 0, b: 0.75 } }],
    })
    expect(h.diff(0, 2).card).toMatchObject({ kind: 'diff', norms: null })
    expect(() => h.diff('no such')).toThrow()
    expect(() => h.example(9)).toThrow('branch again has 4, counted from 0')
  })
})

test('in plain Node a run and its cards are text', async () => {
  const h = await open({ baselines: { base: () => '?' } })
  await h.run({ until: 2 })
  expect(inspect(h)).toBe(String(h))
  expect(String(h).replaceAll(h.id, 'ID')).toMatchInlineSnapshot(`
    "LoRA run ID: 2 examples, score 0.00 (base 0.00, 0.00 [0.00, 0.00], n = 2: too few to say), 2 updated
    idle after example 1 of 6 · branch main · seed 0 · kept in memory only"
  `)
  expect(inspect(h.example(1))).toMatchInlineSnapshot(`
    "#1 updated
    user: question 1
    answer: ?
    base: ? (exact 0)
    reference: answer 1
    scores: exact 0
    adapter: {"question 0":"answer 0"} → {"question 0":"answer 0","question 1":"…
    example: toy/train/1 · chat chat"
  `)
})
