import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, KERNELS, type KernelName, printed, startKernel } from './client.js'

/** What one of the kernels cannot do, and why. Everything else both do alike. */
const EXCEPTIONS: { kernel: KernelName; what: string; reason: string }[] = [
  {
    kernel: 'tslab',
    what: 'input in the cell that imports the package',
    reason: "tslab's server, whose socket questions go out on, is not to be had before its next message",
  },
  {
    kernel: 'tslab',
    what: 'the cell that imports the package knows its code',
    reason: 'tslab has taken the request before the package is there',
  },
  {
    kernel: 'tslab',
    what: 'a last value is an execute_result',
    reason: 'tslab prints last values; those that know their representations come as display_data',
  },
  {
    kernel: 'tslab',
    what: 'a failed cell sends an error message',
    reason: 'tslab prints errors to stderr, as text',
  },
]

const excepted = (kernel: KernelName, what: string) => EXCEPTIONS.some(e => e.kernel === kernel && e.what === what)
const waitFor = `await new Promise(() => {})`

describe.each(Object.keys(KERNELS) as KernelName[])('%s', kernel => {
  let client: Client
  let first: Awaited<ReturnType<Client['run']>>
  beforeAll(async () => {
    client = await startKernel(kernel)
    first = await client.run(`import { DISPLAY, transport, type Comm } from 'lora-harness-kernel'
      const t = transport()
      const start = t.currentCell()
      await t.display({ 'text/plain': 'first' })
      const early = t.openComm('early', { from: 'the first cell' }, [new Uint8Array([7])])
      const refused = t.input('now? ').catch(error => error.name);
      ({ [DISPLAY]: () => ({ 'text/plain': 'shown', 'text/html': '<b>shown</b>' }) })`)
  })
  afterAll(() => client?.close())

  const shown = (ran: typeof first) =>
    ran.messages.filter(({ type }) => type === 'display_data' || type === 'execute_result')
  /** A test that this kernel is not excepted from. */
  const check = (what: string, body: () => Promise<void>) => test.skipIf(excepted(kernel, what))(what, body)

  test('the cell that imports the package may show things and open comms at once', () => {
    expect(first.reply.status, JSON.stringify(first)).toBe('ok')
    expect(shown(first).map(({ content }) => content.data)).toEqual([
      { 'text/plain': 'first' },
      { 'text/plain': 'shown', 'text/html': '<b>shown</b>' },
    ])
    const opened = first.messages.find(({ type }) => type === 'comm_open')
    expect(opened?.content).toMatchObject({ target_name: 'early', data: { from: 'the first cell' } })
    expect(opened?.buffers).toEqual([Buffer.from([7])])
  })

  check('input in the cell that imports the package', async () => {
    await client.answer('yes')
    expect(printed(await client.run('console.log(await refused)'))).toBe('yes\n')
  })

  check('the cell that imports the package knows its code', async () => {
    expect(printed(await client.run('console.log(start!.number, start!.code.slice(0, 6))'))).toBe('1 import\n')
  })

  test('a bundle of several types, with metadata, replaced by its id', async () => {
    const ran = await client.run(`
      await t.display({ 'text/plain': 'a', 'application/json': { a: [1] } }, { metadata: { m: 1 }, displayId: 'd' })
      await t.display({ 'text/plain': 'b' }, { displayId: 'd', update: true })`)
    expect(ran.messages.filter(({ type }) => /display/.test(type))).toMatchObject([
      {
        type: 'display_data',
        content: {
          data: { 'text/plain': 'a', 'application/json': { a: [1] } },
          metadata: { m: 1 },
          transient: { display_id: 'd' },
        },
      },
      { type: 'update_display_data', content: { data: { 'text/plain': 'b' }, transient: { display_id: 'd' } } },
    ])
  })

  test('a picture carries its words as its alternative text, shown or a last value', async () => {
    const picture = `{ 'image/png': 'AA==', 'text/plain': 'A curve\\n  that rises' }`
    const ran = await client.run(`
      await t.display(${picture})
      await t.display(${picture}, { metadata: { 'image/png': { width: 5 } } });
      ({ [DISPLAY]: () => (${picture}) })`)
    const alt = 'A curve that rises'
    expect(shown(ran).map(({ content }) => content.metadata)).toEqual(
      [{ alt }, { alt, width: 5 }, { alt }].map(of => ({ 'image/png': of })),
    )
  })

  test('what cannot be sent is an error for who sends it', async () => {
    const ran = await client.run(`
      for (const wrong of [() => t.display({ 'text/plain': 1n }), () => t.display({}, { update: true })])
        try { await wrong() } catch (error) { console.log((error as Error).name) }`)
    expect(printed(ran)).toBe('TypeError\nTypeError\n')
  })

  test('clearOutput', async () => {
    const ran = await client.run('await t.clearOutput(true)')
    expect(ran.messages).toContainEqual(expect.objectContaining({ type: 'clear_output', content: { wait: true } }))
  })

  test('a last value that knows its representations, and one that has to think', async () => {
    const ran = await client.run(`
      class Card { async [DISPLAY]() { await new Promise(r => setTimeout(r, 50)); return { 'text/plain': 'card' } } }
      new Card()`)
    expect(shown(ran).map(({ content }) => content.data)).toEqual([{ 'text/plain': 'card' }])
  })

  check('a last value is an execute_result', async () => {
    const ran = await client.run('6 * 7')
    expect(shown(ran)).toMatchObject([{ type: 'execute_result', content: { data: { 'text/plain': '42' } } }])
  })

  check('a failed cell sends an error message', async () => {
    const ran = await client.run("throw new RangeError('on purpose')")
    expect(ran.messages).toContainEqual(
      expect.objectContaining({
        type: 'error',
        content: expect.objectContaining({ ename: 'RangeError', evalue: 'on purpose' }),
      }),
    )
  })

  test('a comm that the page opens: messages both ways with bytes, while a cell runs, until it is closed', async () => {
    await client.run(`
      const talk = { end: () => {} }
      const heard: unknown[] = []
      const remove = t.registerCommTarget('talk', (comm, data, buffers) => {
        heard.push(data, buffers.length)
        comm.onMessage((message, bytes) => comm.send({ echo: message }, bytes))
        comm.onClose(last => { heard.push(last); talk.end() })
      })`)
    let running!: ReturnType<Client['run']>
    const id = 'comm-1'
    await new Promise<void>(resolve => {
      running = client.run('await new Promise<void>(resolve => { talk.end = resolve }); JSON.stringify(heard)', {
        started: () => resolve(),
      })
    })
    await client.send(
      'comm_open',
      { comm_id: id, target_name: 'talk', data: { hello: 1 } },
      { buffers: [Buffer.from([1]), Buffer.from([2])] },
    )
    await client.send('comm_msg', { comm_id: id, data: 'ping' }, { buffers: [Buffer.from([3, 4])] })
    const echo = await client.published('comm_msg', ({ comm_id }) => comm_id === id)
    expect(echo.content.data).toEqual({ echo: 'ping' })
    expect(echo.buffers).toEqual([Buffer.from([3, 4])])
    expect((await client.ask('comm_info_request', { target_name: 'talk' })).content.comms).toEqual({
      [id]: { target_name: 'talk' },
    })
    await client.send('comm_close', { comm_id: id, data: { bye: 1 } })
    expect(JSON.stringify((await running).messages)).toContain('hello')
    expect(printed(await client.run('console.log(JSON.stringify(heard))'))).toBe('[{"hello":1},2,{"bye":1}]\n')
    const info = await client.ask('comm_info_request', { target_name: 'talk' })
    expect(info.header.msg_type).toBe('comm_info_reply')
    expect(info.content.comms).toEqual({})
  })

  test('a comm that the page opens by a name nobody has taken is closed', async () => {
    await client.run('remove()')
    await client.send('comm_open', { comm_id: 'comm-2', target_name: 'talk', data: {} })
    await client.published('comm_close', ({ comm_id }) => comm_id === 'comm-2')
  })

  test('a comm that a cell opens and closes; after that nothing is sent', async () => {
    const ran = await client.run(`
      const mine = t.openComm('mine', { n: 1 })
      await mine.send({ n: 2 })
      await mine.close({ n: 3 })
      await mine.send({ n: 4 })`)
    expect(
      ran.messages.filter(({ type }) => /^comm/.test(type)).map(({ type, content }) => [type, content.data]),
    ).toEqual([
      ['comm_open', { n: 1 }],
      ['comm_msg', { n: 2 }],
      ['comm_close', { n: 3 }],
    ])
  })

  test("a handler's error is told in the cell that gave it", async () => {
    const ran = await client.run(`t.registerCommTarget('wrong', () => { throw new Error('in the handler') })`)
    await client.send('comm_open', { comm_id: 'comm-3', target_name: 'wrong', data: {} })
    const told = await client.published('stream', ({ text }) => String(text).includes('in the handler'))
    expect(told.parent.msg_id).toBe(ran.id)
  })

  test('20,000 displays in one go arrive, all and in order', async () => {
    const ran = await client.run("for (let i = 0; i < 20_000; i++) void t.display({ 'text/plain': String(i) })")
    await client.published('display_data', ({ data }) => (data as Record<string, unknown>)['text/plain'] === '19999')
    const texts = client.log
      .filter(({ header, parent }) => header.msg_type === 'display_data' && parent.msg_id === ran.id)
      .map(({ content }) => Number((content.data as Record<string, unknown>)['text/plain']))
    expect(texts).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  })

  test('20,000 printed lines arrive, all and in order', async () => {
    await client.run('for (let i = 0; i < 20_000; i++) console.log(i); console.log("end")')
    await client.published('stream', ({ text }) => String(text).endsWith('end\n'))
    const text = client.log
      .filter(({ header }) => header.msg_type === 'stream')
      .map(({ content }) => content.text)
      .join('')
    expect(text).toContain(`${Array.from({ length: 20_000 }, (_, i) => i).join('\n')}\nend\n`)
  })

  test('what work in the background prints and shows belongs to the cell that started it', async () => {
    const started = await client.run(`
      let go = () => {}
      void new Promise<void>(resolve => { go = resolve }).then(async () => {
        console.log('from the background')
        console.error('and on stderr')
        await t.display({ 'text/plain': 'shown from the background' })
        console.log('number', t.currentCell()!.number)
      })`)
    const other = await client.run(
      "go(); await new Promise(resolve => setTimeout(resolve, 10)); console.log('another cell')",
    )
    const last = await client.published('stream', ({ text }) => String(text).includes('number'))
    expect(last.content.text).toMatch(new RegExp(`number ${started.reply.execution_count}`))
    const of = (id: string) =>
      client.log
        .filter(({ parent }) => parent.msg_id === id)
        .map(({ content }) => JSON.stringify(content))
        .join('\n')
    expect(of(started.id)).toMatch(/from the background[\s\S]*and on stderr[\s\S]*shown from the background/)
    expect(of(other.id)).toContain('another cell')
    expect(of(other.id)).not.toContain('background')
  })

  test('input asks the one who runs the cell', async () => {
    const running = client.run(
      "console.log('got', await t.input('Name? '), await t.input('Secret? ', { password: true }))",
    )
    expect((await client.answer('Ada')).content).toEqual({ prompt: 'Name? ', password: false })
    expect((await client.answer('lovelace')).content).toEqual({ prompt: 'Secret? ', password: true })
    expect(printed(await running)).toBe('got Ada lovelace\n')
  })

  test('input where nobody can answer is an error', async () => {
    const ran = await client.run('await t.input("?").catch(error => console.log(error.name))', {
      content: { allow_stdin: false },
    })
    expect(printed(ran)).toBe('InputUnavailable\n')
  })

  test('an interrupt ends a cell that is awaiting', async () => {
    const running = client.run(`await null; console.log('waiting'); ${waitFor}`)
    await client.published('stream', ({ text }) => text === 'waiting\n')
    client.process.kill('SIGINT')
    expect((await running).reply.status).toBe('error')
  })

  test('an interrupt ends a cell that is computing', async () => {
    // tslab skips cells until 200 ms after a failed one, so ask until one is run.
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
    const running = client.run('for (;;);')
    // Whether the loop has begun cannot be seen, so interrupt until it is over.
    const again = setInterval(() => client.process.kill('SIGINT'), 200)
    await running.finally(() => clearInterval(again))
    expect((await running).reply.status).toBe('error')
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
  })

  test('with a handler, the first interrupt leaves the cell to end by itself', async () => {
    const running = client.run(`
      let stop = false
      const off = t.onInterrupt(() => { stop = true; console.log('stopping') })
      await null // An interrupt of what runs before the first await ends it on the spot.
      console.log('looping')
      while (!stop) await new Promise(resolve => setTimeout(resolve, 1))
      off()
      console.log('ended by itself')`)
    await client.published('stream', ({ text }) => String(text).includes('looping'))
    client.process.kill('SIGINT')
    const ran = await running
    expect(ran.reply.status).toBe('ok')
    expect(printed(ran)).toBe('looping\nstopping\nended by itself\n')
  })

  test('the second interrupt ends it; a handler of another cell does not count', async () => {
    const running = client.run(
      `t.onInterrupt(() => { console.log('once') }); await null; console.log('deaf'); ${waitFor}`,
    )
    await client.published('stream', ({ text }) => String(text).includes('deaf'))
    client.process.kill('SIGINT')
    await client.published('stream', ({ text }) => String(text).includes('once'))
    client.process.kill('SIGINT')
    expect((await running).reply.status).toBe('error')
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
    const other = client.run(`await null; console.log('unrelated'); ${waitFor}`)
    await client.published('stream', ({ text }) => String(text).includes('unrelated'))
    client.process.kill('SIGINT')
    expect((await other).reply.status).toBe('error')
    expect(printed(await other)).toBe('unrelated\n')
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
  })

  test('the cells run so far', async () => {
    const ran = await client.run('console.log(t.cells().at(-1)!.code, t.cells().length > 5, t.currentCell()!.number)')
    expect(printed(ran)).toBe(
      `console.log(t.cells().at(-1)!.code, t.cells().length > 5, t.currentCell()!.number) true ${ran.reply.execution_count}\n`,
    )
  })

  test('hostile text arrives as text', async () => {
    const ran = await client.run(String.raw`
      const text = '<script>\u0000\u001b[31m\u202e \ud800 \udc00 \\ud800 ' + 'x'.repeat(1_000_000)
      await t.display({ 'text/plain': text, ['x\ud800']: 1 })
      console.log(text.length)`)
    const data = shown(ran)[0]!.content.data as Record<string, string>
    expect(data['text/plain']).toBe(`<script>\u0000\u001b[31m\u202e \ufffd \ufffd \\ud800 ${'x'.repeat(1_000_000)}`)
  })

  test('callables and their edits are shown as cells have them: in TypeScript', async () => {
    const opened = await client.run(`import { jsonlExamples, skip, type FinetuneFn } from 'lora-harness'
      import { harness } from 'lora-harness-kernel'
      const why: string = 'not today'
      const learn = (steps: number): FinetuneFn => (example, lora) => /* ${'steps'} */ skip(why as string) ?? lora!
      const rows = [1, 2, 3].map(i => ({ testIdx: i, prompt: 'p', target: 't' }))
      const h = await harness({ id: 'ts', folder: null, exampleSource: () => jsonlExamples(rows, { evaluate: () => ({ a: 1 }) }),
        retrieveLoraFn: () => null, inferenceFn(example): string { return 'x' }, finetuneFn: learn(3) })
      await h.step()`)
    expect(opened.reply.status, JSON.stringify(opened.messages)).toBe('ok')
    await client.run('h.finetuneFn = (example: any, lora) => skip(why!)')
    const ran = await client.run('await h.step(); console.log(String(h.callables))')
    const text = printed(ran)
    expect(text).toContain('inferenceFn(example): string { return ')
    expect(text).toContain("const why: string = 'not today'\n(example: any, lora) => skip(why!)")
    expect(text).toContain('-(example, lora) => /* steps */ skip(why as string) ?? lora!')
    expect(text).toContain('+(example: any, lora) => skip(why!)')
    expect(text).not.toMatch(/exports\b|_1\./)
  })

  test('types of this package and of lora-harness are known', async () => {
    const wrong = await client.run("const step: import('lora-harness').Step = 5")
    expect(JSON.stringify(wrong.messages)).toContain("Type 'number' is not assignable to type 'Step'")
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
    expect(JSON.stringify((await client.run('t.nope')).messages)).toContain(
      "Property 'nope' does not exist on type 'Transport'",
    )
    while ((await client.run("console.log('back')")).reply.status !== 'ok');
    const right = await client.run(
      "import { jsonlExamples } from 'lora-harness'; import { MIME } from 'lora-harness/protocol'; console.log(typeof jsonlExamples, MIME)",
    )
    expect(printed(right)).toBe('function application/vnd.lora-harness.v1+json\n')
  })

  test('shutdown ends the process', async () => {
    const ended = once(client.process, 'exit')
    const reply = await client.ask('shutdown_request', { restart: true }, 'control')
    expect(reply.header.msg_type).toBe('shutdown_reply')
    expect(await ended).toEqual([0, null])
    expect(client.stderr()).not.toMatch(/Error|Warning: (?!Socket option)/)
  })
})
