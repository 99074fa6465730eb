import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, KERNELS, type Ran, startKernel } from './client.js'

/** Packages that Node 10's way of looking, or `require`, does not find. */
const PACKAGES: Record<string, string> = {
  'only-esm/package.json': '{ "name": "only-esm", "type": "module", "exports": "./index.js" }',
  'only-esm/index.js': 'export default 1; export const b = 2',
  'only-esm/index.d.ts': 'declare const a: number; export default a; export declare const b: number',
  'only-import/package.json': '{ "name": "only-import", "type": "module", "exports": { ".": { "import": "./i.js" } } }',
  'only-import/i.js': 'export default class A { n = 3 }',
  'only-import/i.d.ts': 'export default class A { n: number }',
  'only-exports/package.json': '{ "name": "only-exports", "exports": { "./x": "./lib/x.js" } }',
  'only-exports/lib/x.js': 'exports.q = 4',
  'only-exports/lib/x.d.ts': 'export declare const q: number',
  'awaits/package.json': '{ "name": "awaits", "type": "module", "exports": "./index.js" }',
  'awaits/index.js': 'export const five = await Promise.resolve(5)',
  'awaits/index.d.ts': 'export declare const five: number',
}

let folder: string
let client: Client
beforeAll(async () => {
  folder = KERNELS['lora-harness'].folder()
  for (const [name, text] of Object.entries(PACKAGES)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    writeFileSync(join(folder, 'node_modules', name), text)
  }
  writeFileSync(join(folder, 'helper.ts'), 'export const twice = (n: number) => n * 2')
  client = await startKernel('lora-harness', { folder })
})
afterAll(() => client?.close())

const result = (ran: Ran) =>
  (ran.messages.find(({ type }) => type === 'execute_result')?.content.data as Record<string, string>)?.['text/plain']
const error = (ran: Ran) => {
  const { ename, evalue, traceback } = ran.messages.find(({ type }) => type === 'error')!.content
  return { ename, evalue, lines: (traceback as string[]).join('\n') }
}

describe('a cell', () => {
  test('is announced, gives a result, and has a number', async () => {
    const ran = await client.run('const one = 1\none + 1')
    expect(ran.messages.map(({ type }) => type)).toEqual(['execute_input', 'execute_result'])
    expect(ran.messages[0]!.content).toEqual({
      code: 'const one = 1\none + 1',
      execution_count: ran.reply.execution_count,
    })
    expect(result(ran)).toBe('2')
    expect((await client.run('one')).reply.execution_count).toBe(Number(ran.reply.execution_count) + 1)
  })

  test.each([
    ['await (async () => 5)()', '5'],
    ['await (1 + 1)', '2'],
    ['const all = []\nfor await (const x of [1, Promise.resolve(2)]) all.push(x)\nall', '[ 1, 2 ]'],
    ['null', undefined],
    ["import { join } from 'node:path'\njoin('a', 'b')", "'a/b'"],
    ["(await import('node:path')).posix.sep", "'/'"],
    ["import one, { b } from 'only-esm'\n[one, b]", '[ 1, 2 ]'],
    ["import A from 'only-import'\nnew A().n", '3'],
    ["import { q } from 'only-exports/x'\nq", '4'],
    ["import { five } from 'awaits'\nfive", '5'],
    ["(await import('awaits')).five", '5'],
    ["import { twice } from './helper'\ntwice(4)", '8'],
    ["(await import('./helper')).twice(5)", '10'],
    ['import.meta.dirname === process.cwd()', 'true'],
    ["import { transport } from 'lora-harness-kernel'\ntransport().kernel", "'lora-harness'"],
  ])('%j is %s', async (code, expected) => {
    const ran = await client.run(code)
    expect(ran.reply.status, JSON.stringify(ran.reply)).toBe('ok')
    expect(result(ran)).toBe(expected)
  })

  test('is not counted, kept or told of when silent', async () => {
    const before = await client.run('0')
    const silent = await client.run("console.log('quiet'); 1", { content: { silent: true, store_history: false } })
    expect(silent.reply.status).toBe('ok')
    expect(silent.messages).toEqual([])
    expect((await client.run('0')).reply.execution_count).toBe(Number(before.reply.execution_count) + 1)
  })

  test('gives a name the type of another package with what was awaited in brackets', async () => {
    await client.run("import { LoRAModel } from 'lora-harness'")
    await client.run(`type Said = Awaited<ReturnType<LoRAModel['generate']>>
const load = async () => ({ say: async () => ({ text: 'hi' }) as Said })`)
    const ran = await client.run('const said = await (await load()).say()\nsaid.text')
    expect(ran.messages.filter(({ type }) => type === 'error' || type === 'stream')).toEqual([])
    expect(result(ran)).toBe("'hi'")
    expect(result(await client.run('said.text.length'))).toBe('2')
  })

  test('that fails drops those that were sent after it, and no others', async () => {
    const codes = [
      "const until = Date.now() + 200; while (Date.now() < until); throw new Error('first')",
      '1',
      '2',
      '3',
    ]
    const replies = await Promise.all(codes.map(code => client.run(code)))
    expect(replies.map(({ reply }) => reply.status)).toEqual(['error', 'aborted', 'aborted', 'aborted'])
    const kept = await Promise.all(
      ["throw new Error('first')", '4'].map(code => client.run(code, { content: { stop_on_error: false } })),
    )
    expect(kept.map(({ reply }) => reply.status)).toEqual(['error', 'ok'])
  })

  test("with the tslab package's own display", async () => {
    const ran = await client.run("import { display } from 'tslab'\ndisplay.html('<i>x</i>')")
    expect(ran.messages).toContainEqual(
      expect.objectContaining({
        type: 'display_data',
        content: expect.objectContaining({ data: { 'text/html': '<i>x</i>' } }),
      }),
    )
  })
})

describe('an error', () => {
  test('is told in the lines of the cells, with what caused it', async () => {
    const defined = await client.run(`interface Shape { n: number }
async function fails(shape?: Shape): Promise<void> {
  await null
  throw new TypeError('late', { cause: new Error('why') })
}`)
    const ran = await client.run('const unused = 1\n\nawait fails({ n: 1 })')
    const [before, now] = [defined.reply.execution_count, ran.reply.execution_count]
    expect(error(ran)).toEqual({
      ename: 'TypeError',
      evalue: 'late',
      lines: `TypeError: late
    at fails (Cell ${before}:4:9)
    at async Cell ${now}:3:1 {
  [cause]: Error: why
      at fails (Cell ${before}:4:40)
      at async Cell ${now}:3:1
}

Cell ${before}, line 4:
    2 | async function fails(shape?: Shape): Promise<void> {
    3 |   await null
>   4 |   throw new TypeError('late', { cause: new Error('why') })
      |         ^
    5 | }`,
    })
    expect(ran.reply).toMatchObject({ status: 'error', ename: 'TypeError', evalue: 'late' })
  })

  test('of the compiler names every place', async () => {
    const ran = await client.run("const n: number = 'a'\nnowhere")
    const number = ran.reply.execution_count
    expect(error(ran)).toEqual({
      ename: 'TypeScriptError',
      evalue: "Type 'string' is not assignable to type 'number'.\nCannot find name 'nowhere'.",
      lines: `Cell ${number}:1:7 - Type 'string' is not assignable to type 'number'.
>   1 | const n: number = 'a'
      |       ^
    2 | nowhere
Cell ${number}:2:1 - Cannot find name 'nowhere'.
    1 | const n: number = 'a'
>   2 | nowhere
      | ^`,
    })
  })

  test('of a value that is no error, of a last value that cannot be shown, and of an import that fails', async () => {
    expect(error(await client.run("throw 'text'"))).toEqual({ ename: 'Thrown', evalue: 'text', lines: 'Thrown: text' })
    const shown = await client.run(
      "({ [Symbol.for('Jupyter.display')]: () => { throw new RangeError('no picture') } })",
    )
    expect(error(shown)).toMatchObject({ ename: 'RangeError', evalue: 'no picture' })
    expect(error(await client.run("await import('not-there')")).evalue).toMatch(/^Cannot find module 'not-there'/)
    expect(error(await client.run("await import('not-' + 'there')")).evalue).toMatch(/^Cannot find package 'not-there'/)
  })

  test('that nobody awaits is told in the cell it comes from', async () => {
    const ran = await client.run(
      "setTimeout(() => { throw new Error('stray') }); void Promise.reject(new Error('lost'))",
    )
    for (const text of ['Error: stray', 'Error: lost']) {
      const told = await client.published('stream', ({ text: said }) => String(said).includes(text))
      expect(told.parent.msg_id).toBe(ran.id)
      expect(String(told.content.text)).toContain(`Cell ${ran.reply.execution_count}`)
    }
  })
})

describe('besides cells', () => {
  test('completion and hover count characters, not UTF-16 units', async () => {
    const code = "'😀'; Math.flo"
    const { content } = await client.ask('complete_request', { code, cursor_pos: [...code].length })
    expect(content).toMatchObject({ status: 'ok', matches: ['floor'], cursor_start: 10, cursor_end: 13 })
    const hover = await client.ask('inspect_request', { code: "'😀'; parseInt", cursor_pos: 8, detail_level: 0 })
    expect(hover.content).toMatchObject({ status: 'ok', found: true })
    expect(JSON.stringify(hover.content.data)).toContain('function parseInt')
    expect((await client.ask('inspect_request', { code: ' ', cursor_pos: 0, detail_level: 0 })).content.found).toBe(
      false,
    )
  })

  test('they are answered while a cell runs, and the page goes on to see it busy', async () => {
    const running = client.run(
      "await new Promise<void>(resolve => Object.assign(globalThis, { finish: resolve })); 'done'",
    )
    const { header } = await client.published('execute_input', ({ code }) => String(code).includes('finish'))
    await client.ask('complete_request', { code: 'Math.flo', cursor_pos: 8 })
    await client.published(
      'status',
      (_content, m) =>
        m.header.date > header.date && (m.parent as { msg_type?: string }).msg_type === 'execute_request',
    )
    expect(client.log.filter(m => m.header.msg_type === 'status').at(-1)!.content.execution_state).toBe('busy')
    // Interrupting by a message, as where there are no signals.
    await client.ask('interrupt_request', {}, 'control')
    expect(error(await running)).toMatchObject({ ename: 'Interrupted' })
  })

  test('what is not signed with the key is not served', async () => {
    const logged = client.log.length
    await client.send('execute_request', { code: "console.log('forged')" }, { key: 'another' })
    await client.run('0')
    expect(JSON.stringify(client.log.slice(logged))).not.toContain('forged')
    expect(client.stderr()).toContain('its signature does not fit')
  })
})

describe('the process', () => {
  test('ends when it is asked to with a cell running, with a SIGTERM, and when the one who started it is gone', async () => {
    const [asked, told] = await Promise.all([startKernel('lora-harness'), startKernel('lora-harness')])
    const ends = Promise.all([once(asked.process, 'exit'), once(told.process, 'exit')])
    void asked.run('await new Promise(() => {})')
    await asked.published('execute_input')
    await asked.ask('shutdown_request', { restart: false }, 'control')
    told.process.kill('SIGTERM')
    expect(await ends).toEqual([
      [0, null],
      [0, null],
    ])
    await Promise.all([asked.close(), told.close()])

    // A shell of its own starts the kernel and is killed: nobody tells the kernel.
    const orphan = await startKernel('lora-harness', { through: ['sh', '-c', '"$@" & echo $! >&2; wait', 'sh'] })
    const pid = Number(/^\d+$/m.exec(orphan.stderr())![0])
    expect(running(pid)).toBe(true)
    orphan.process.kill('SIGKILL')
    await expect.poll(() => running(pid), { timeout: 30_000 }).toBe(false)
    await orphan.close()
  })
})

function running(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
