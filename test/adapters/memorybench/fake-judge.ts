import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the fake server was asked. */
export interface Asked {
  path: string
  authorization: string | undefined
  body: {
    model: string
    messages: { role: string; content: string }[]
    temperature?: number
    top_p?: number
    max_tokens?: number
  }
}

/** A text is a completion; a status comes with what the server says; `hang` never answers. */
export type Turn = string | { status: number; said?: string } | { raw: unknown } | 'hang'

/**
 * A server that speaks OpenAI's chat completions over HTTP: 7 tokens a question and 3 an answer, failures with
 * `retry-after: 0`, so that nobody waits.
 *
 * @param answer the turn for a question, by its number from 0
 */
export async function fakeJudge(answer: (asked: Asked, n: number) => Turn) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const body = JSON.parse(Buffer.concat(parts).toString())
    const one = { path: request.url!, authorization: request.headers.authorization, body }
    asked.push(one)
    const turn = answer(one, asked.length - 1)
    if (turn === 'hang') return
    const { status, json } =
      typeof turn === 'string'
        ? { status: 200, json: completion(turn) }
        : 'raw' in turn
          ? { status: 200, json: turn.raw }
          : { status: turn.status, json: { error: { message: turn.said ?? 'no' } } }
    response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '0' }).end(JSON.stringify(json))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  return {
    asked,
    baseURL,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

const completion = (content: string) => ({
  choices: [{ message: { role: 'assistant', content } }],
  usage: { prompt_tokens: 7, completion_tokens: 3 },
})
