import { beforeEach, describe, expect, test } from 'vitest'
import { DISPLAY, harness, Interrupted, type NotebookOptions } from '../../../kernel-ext/src/index.js'
import { numbered, toy } from '../../harness/toy.js'
import { closing, fakePage, gate, type Page } from './page.js'

let page: Page
beforeEach(() => {
  page = fakePage()
})
const closes = closing()
let runs = 0
/** A run of six examples, each of which waits at a gate. */
async function gated(more: Partial<NotebookOptions> = {}) {
  const gates = gate()
  const h = closes(
    await harness({
      ...{ id: `job-${runs++}`, exampleSource: () => numbered(6), folder: null },
      ...toy,
      inferenceFn: async () => {
        await gates.pass()
        return '?'
      },
      ...more,
    }),
  )
  return { h, gates }
}
const texts = (displayId: string | undefined) =>
  page.shown.filter(shown => shown.displayId === displayId).map(({ bundle }) => String(bundle['text/plain']))

describe('a job', () => {
  test('runs in the background, in one display that is replaced', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    gates.let(6)
    expect(await job.done).toBe('finished')
    expect(h.results).toHaveLength(6)
    await expect.poll(() => texts(page.shown[0]!.displayId).at(-1)).toContain('finished')
    const [first, ...rest] = page.shown
    expect(first).toMatchObject({ update: false })
    for (const shown of rest) expect(shown).toMatchObject({ update: true, displayId: first!.displayId })
    expect(texts(first!.displayId)[0]).toContain('running: example 0 of 6')
  })

  test('pause holds it after the example, step is one example exactly, resume goes on', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    await gates.reached()
    const paused = job.pause()
    expect(job.state.status).toBe('pausing')
    gates.let()
    await paused
    expect(job.state).toMatchObject({ status: 'paused', index: 1 })

    gates.let(1)
    expect(await h.step()).toMatchObject({ result: { index: 1 } })
    expect(job.state).toMatchObject({ status: 'paused', index: 2 })
    // Nobody lets anything through: a second example would wait at the gate.
    await expect(Promise.race([gates.reached(), Promise.resolve('held')])).resolves.toBe('held')

    job.resume()
    gates.let(4)
    await job.done
    expect(h.results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5])
    expect(String(job)).toContain('finished, 6 examples done')
  })

  test('an edit while it is paused counts from the next example on', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    gates.let(2)
    await expect.poll(() => h.results.length).toBe(2)
    const paused = job.pause()
    gates.let()
    await paused
    h.finetuneFn = () => null
    job.resume()
    gates.let(3)
    await job.done
    const hashes = h.results.map(({ callables }) => callables.finetuneFn)
    expect(hashes.map(hash => hash === hashes[0])).toEqual([true, true, true, false, false, false])
  })

  test('stop drops the example being worked on, and a later run goes on with it', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    gates.let(1)
    await expect.poll(() => h.results.length).toBe(1)
    await gates.reached()
    const stopped = job.stop()
    gates.let()
    await stopped
    expect(await job.done).toBe('stopped')
    expect(h.state).toMatchObject({ status: 'idle', index: 1 })
    gates.let(5)
    await h.run()
    expect(h.results).toHaveLength(6)
  })

  test('stopped while it is paused, it leaves nothing behind', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    await gates.reached()
    const paused = job.pause()
    gates.let()
    await paused
    await job.stop()
    expect(h.state).toMatchObject({ status: 'idle', index: 1 })
    gates.let(1)
    expect(await h.step()).toMatchObject({ result: { index: 1 } })
  })

  test('started again it is the same job; a run beside it is refused', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    await gates.reached()
    expect(h.start()).toBe(job)
    await expect(h.run()).rejects.toThrow('a run is going already')
    await expect(h.step()).rejects.toThrow('pause() it first')
    gates.let(6)
    await job.done
  })

  test('a failure is on its display and in `done`; the run can go on', async () => {
    let broken = true
    const { h } = await gated({
      inferenceFn: () => {
        if (broken) throw new TypeError('no such model')
        return '?'
      },
    })
    const job = h.start()
    await expect(job.done).rejects.toThrow('infer failed on example toy/train/0 (step 0): no such model')
    expect(h.state).toMatchObject({ status: 'failed', error: expect.stringContaining('no such model') })
    await expect.poll(() => texts(page.shown[0]!.displayId).at(-1)).toContain('infer failed on example toy/train/0')
    broken = false
    await h.run()
    expect(h.state).toMatchObject({ status: 'finished', error: null })
  })
})

describe('an interrupt', () => {
  test('of `await h.run()`: after the current example, with nothing lost, and says how to go on', async () => {
    const { h, gates } = await gated()
    const run = h.run()
    gates.let(2)
    await expect.poll(() => h.results.length).toBe(2)
    await gates.reached()
    expect(page.interrupt()).toBe(1)
    gates.let()
    await expect(run).rejects.toThrow(Interrupted)
    await expect(run).rejects.toThrow(
      'stopped after example 2 (3 of 6 done); nothing is lost. Go on with: await h.run()',
    )
    expect(page.interrupt()).toBe(0)
    gates.let(3)
    await h.run()
    expect(h.results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('of a job pauses it', async () => {
    const { h, gates } = await gated()
    const job = h.start()
    await gates.reached()
    page.interrupt()
    gates.let()
    await expect.poll(() => job.state.status).toBe('paused')
    expect(job[DISPLAY]()['text/plain']).toContain('job.resume() goes on')
    job.resume()
    gates.let(5)
    await job.done
    expect(page.interrupt()).toBe(0)
  })

  test('of a run that is held on a pause ends it', async () => {
    const { h, gates } = await gated()
    const run = h.run()
    await gates.reached()
    const paused = h.loop.pause()
    gates.let()
    await paused
    page.interrupt()
    await expect(run).rejects.toThrow('stopped after example 0 (1 of 6 done)')
  })
})

test('`until` is a number of examples in all, or holds for a result', async () => {
  const { h } = await gated({ inferenceFn: () => '?' })
  await h.run({ until: 2 })
  await h.run({ until: 2 })
  expect(h.state).toMatchObject({ status: 'idle', index: 2 })
  await h.run({ until: result => result.index === 3 })
  expect(h.results).toHaveLength(4)
})

test('rewind of a job that is going pauses it first', async () => {
  const { h, gates } = await gated()
  const job = h.start()
  gates.let(3)
  await expect.poll(() => h.results.length).toBe(3)
  const rewound = h.rewind(1, 'again')
  gates.let()
  await rewound
  expect(h.state).toMatchObject({ status: 'paused', branch: 'again', index: 1 })
  job.resume()
  gates.let(5)
  await job.done
  expect(h.results.map(({ branch }) => branch)).toEqual(['main', ...Array(5).fill('again')])
})
