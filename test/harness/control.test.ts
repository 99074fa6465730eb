import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { HarnessError, InputError } from '../../src/errors.js'
import { LoRAHarness, type LoRAHarnessOptions, toStep } from '../../src/harness/index.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { collect, numbered, stepKeeper, toy } from './toy.js'

const harness = (options: Partial<LoRAHarnessOptions> = {}) =>
  new LoRAHarness({ exampleSource: numbered(4), ...toy, runId: 'run', ...options })

/** A promise and the function that settles it. */
function later<T = void>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}

/** Steps without what may differ between two runs of the same thing. */
const essence = (run: LoRAHarness) =>
  run.results.map(result => {
    const { ms: _m, startedAt: _s, runId: _r, branch: _b, ...rest } = toStep(result)
    return rest
  })

describe('pause, step, resume', () => {
  test('pause holds the run before its next example, step lets one through, resume the rest', async () => {
    const run = harness()
    const seen: number[] = []
    const entered = later()
    const release = later()
    run.inferenceFn = async () => {
      entered.resolve()
      await release.promise
      return ''
    }
    const done = (async () => {
      for await (const result of run.run()) seen.push(result.index)
    })()
    await entered.promise
    const paused = run.pause()
    expect(run.results).toHaveLength(0) // Still in flight: pause waits for it.
    release.resolve()
    await paused
    expect(run.results).toHaveLength(1)

    expect((await run.step())!.index).toBe(1)
    expect((await run.step())!.index).toBe(2)
    expect(run.results).toHaveLength(3)
    run.resume()
    await done
    expect(seen).toEqual([0, 1, 2, 3]) // What step() ran is yielded by run() too.
  })

  test('a run of synchronous callables lets a pause in', async () => {
    const run = harness({ exampleSource: numbered(1000) })
    const done = collect(run.run())
    await new Promise(resolve => setImmediate(() => resolve(run.pause())))
    expect(run.results.length).toBeLessThan(1000)
    run.stop()
    await done
  })

  test('an error in a single step reaches both the step and the run', async () => {
    const run = harness()
    await run.pause()
    const done = collect(run.run())
    run.inferenceFn = () => {
      throw new Error('boom')
    }
    const step = run.step()
    await expect(step).rejects.toThrow('infer failed on example toy/train/0 (step 0): boom')
    await expect(done).rejects.toThrow('boom')
  })

  test('many single steps leave no listeners behind', async () => {
    const outer = new AbortController()
    const run = harness({ exampleSource: numbered(20), signal: outer.signal })
    let signal: AbortSignal | undefined
    run.inferenceFn = (_example, _lora, view) => {
      signal = view.signal
      return ''
    }
    for (let i = 0; i < 20; i++) await run.step()
    expect(getEventListeners(signal!, 'abort')).toHaveLength(1)
  })

  test('what cannot be done at once is refused', async () => {
    const run = harness()
    const release = later()
    run.inferenceFn = async () => {
      await release.promise
      return ''
    }
    const step = run.step()
    await expect(run.step()).rejects.toThrow('step(): an example is being worked on')
    await expect(run.run().next()).rejects.toThrow('run(): an example is being worked on')
    expect(() => run.rewind(0)).toThrow(HarnessError)
    release.resolve()
    await step
    const going = run.run()
    await going.next()
    await expect(run.run().next()).rejects.toThrow('run(): a run is going already')
    await expect(run.step()).rejects.toThrow('step(): the run is going; pause() it first')
    await going.return()
    expect((await run.step())!.index).toBe(2)
  })

  test('a step that waits for a run which ends resolves with null', async () => {
    const run = harness()
    const going = run.run()
    await going.next()
    await run.pause()
    const step = run.step()
    await going.return()
    expect(await step).toBeNull()
  })
})

describe('stop', () => {
  const stages = ['retrieveLoraFn', 'inferenceFn', 'finetuneFn', 'evaluate', 'baseline'] as const
  test.each(stages)(
    'during %s: the signal is aborted, the example is not recorded, the run ends quietly',
    async stage => {
      const entered = later<AbortSignal>()
      const aborted = (signal: AbortSignal) =>
        new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      const recorder = stepKeeper()
      const run = harness({ recorder })
      await run.step()
      let signal: AbortSignal
      const hang = (...args: unknown[]) => {
        signal = (args.at(-1) as { signal: AbortSignal }).signal
        entered.resolve(signal)
        return aborted(signal)
      }
      if (stage === 'baseline') run.baselines = { base: hang }
      else if (stage !== 'evaluate') run[stage] = hang
      else {
        const fork = harness({ recorder })
        await expect(fork.step()).resolves.not.toBeNull()
        run.inferenceFn = (_e, _l, view) => {
          entered.resolve(view.signal)
          return '' // Ignores the signal: the stage after it is where the example ends.
        }
      }
      const done = collect(run.run())
      await entered.promise
      run.stop()
      expect(await done).toEqual([])
      expect(run.results).toHaveLength(1)
      expect(run.store.records).toHaveLength(1)
      expect(recorder.steps.filter(step => step.index === 1)).toEqual([])
    },
  )

  test('a callable that ignores the signal: its example is dropped when it returns', async () => {
    const run = harness()
    run.finetuneFn = () => {
      run.stop()
      return new LoRAHandle({ identifier: 'late' })
    }
    expect(await collect(run.run())).toEqual([])
    expect(run.results).toEqual([])
  })

  test('while a step is being written, the step stays', async () => {
    const run = harness({ recorder: { record: () => run.stop() } })
    expect(await collect(run.run())).toHaveLength(1)
    expect(run.results).toHaveLength(1)
  })

  test('a signal from outside ends this run and every later one', async () => {
    const outer = new AbortController()
    const run = harness({ signal: outer.signal })
    await run.step()
    run.inferenceFn = () => {
      outer.abort()
      return ''
    }
    expect(await collect(run.run())).toEqual([])
    expect(await run.step()).toBeNull()
    expect(await run.fork({ at: 1 }).step()).toBeNull()
    expect(run.results).toHaveLength(1)
  })

  test('a paused run can be stopped, and gone on with later', async () => {
    const run = harness()
    await run.pause()
    const done = collect(run.run())
    run.stop()
    expect(await done).toEqual([])
    run.resume()
    expect(await collect(run.run())).toHaveLength(4)
  })
})

describe('rewind and fork', () => {
  test('rewind(k) is the state before example k: the same callables give the same steps again', async () => {
    const run = harness()
    await collect(run.run())
    const first = essence(run)
    const lastOf = (chat: string) => run.store.getLast(chat)!.identifier
    const last = lastOf('chat')

    run.rewind(2)
    expect(essence(run)).toEqual(first.slice(0, 2))
    expect(lastOf('chat')).toBe(first[1]!.updatedLora!.identifier)
    expect(run.store.records).toHaveLength(2)

    await collect(run.run())
    expect(essence(run)).toEqual(first)
    expect(lastOf('chat')).toBe(last)
    expect(run.results.map(r => r.branch)).toEqual(['main', 'main', 'branch-1', 'branch-1'])
    expect(run.branches.map(b => [b.name, b.parent, b.at, b.results.length])).toEqual([
      ['main', null, 0, 4],
      ['branch-1', 'main', 2, 4],
    ])
  })

  test('the source is read once, and no further than needed', async () => {
    let read = 0
    const run = harness({
      exampleSource: (function* () {
        for (const example of numbered(4)) {
          read++
          yield example
        }
      })(),
    })
    await run.step()
    expect(read).toBe(1)
    await run.step()
    run.rewind(0)
    const fork = run.fork({ at: 0 })
    await collect(run.run())
    await collect(fork.run())
    expect([read, run.results.length, fork.results.length]).toEqual([4, 4, 4])
  })

  test('a fork goes its own way from the same state, and leaves the other alone', async () => {
    const recorder = stepKeeper()
    const run = harness({ recorder, seed: 3 })
    await run.step()
    await run.step()
    const fork = run.fork({ at: 1, name: 'silent', inferenceFn: () => 'no' })
    await Promise.all([collect(run.run()), collect(fork.run())])
    expect(run.results.map(r => r.response)).toEqual(['?', '?', '?', '?'])
    expect(fork.results.map(r => r.response)).toEqual(['?', 'no', 'no', 'no'])
    expect(fork.results.map(r => [r.branch, r.runId])).toEqual([['main', 'run'], ...Array(3).fill(['silent', 'run'])])
    expect(fork.results.map(r => r.seed)).toEqual(run.results.map(r => r.seed))
    expect(fork.branches).toMatchObject([{ name: 'silent', parent: 'main', at: 1 }])
    expect(recorder.steps.filter(s => s.branch === 'silent').map(s => s.index)).toEqual([1, 2, 3])
  })

  test('positions and names that cannot be are refused', async () => {
    const run = harness()
    await run.step()
    for (const at of [-1, 2, 0.5, NaN]) expect(() => run.rewind(at)).toThrow(InputError)
    expect(() => run.fork({ at: 2 })).toThrow('leaving branch main at example 2: it must be an integer from 0 to 1')
    run.fork({ at: 1, name: 'b' })
    expect(() => run.rewind(0, 'b')).toThrow('naming a branch b: the run has one of that name already')
    expect(run.results).toHaveLength(1)
  })

  test('a branch that could not be recorded was not begun: it may be begun again', async () => {
    let full = true
    const recorder = {
      record: () => {},
      begin: () => {
        if (full) throw new Error('disk full')
      },
    }
    const run = harness({ recorder })
    await run.step()
    for (const begin of [() => run.rewind(0, 'b'), () => run.fork({ at: 1, name: 'b' })])
      expect(begin).toThrow('disk full')
    expect(run.branches.map(b => b.name)).toEqual(['main'])
    full = false
    run.rewind(0, 'b')
    expect(run.fork({ at: 0 }).branch.name).toBe('branch-2')
  })

  test('within the loop', async () => {
    const run = harness()
    const seen: string[] = []
    for await (const { index, branch } of run.run()) {
      seen.push(`${branch} ${index}`)
      if (branch === 'main' && index === 1) run.rewind(1)
    }
    expect(seen).toEqual(['main 0', 'main 1', 'branch-1 1', 'branch-1 2', 'branch-1 3'])
  })
})
