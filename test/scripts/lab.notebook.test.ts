import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

let lab: ReturnType<typeof spawn>
let url: URL
let output = ''

/** JupyterLab is installed first where it is not yet. */
beforeAll(async () => {
  const args = ['scripts/lab.mjs', '--no-browser', '--ServerApp.port=0']
  lab = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  url = await new Promise((resolve, reject) => {
    for (const stream of [lab.stdout!, lab.stderr!])
      stream.setEncoding('utf8').on('data', text => {
        output += text
        const found = /http:\/\/127\.0\.0\.1:\d+\/lab\S*[?&]token=\w+/.exec(output)
        if (found) resolve(new URL(found[0]))
      })
    lab.on('exit', code => reject(new Error(`npm run lab ended with ${code}:\n${output}`)))
  })
}, 600_000)
afterAll(() => void lab?.kill('SIGKILL'))

const ask = async (path: string, token = url.searchParams.get('token')) => {
  const response = await fetch(new URL(path, url), { headers: { authorization: `token ${token}` } })
  return response.ok ? ((await response.json()) as Record<string, never>) : response.status
}

test('npm run lab serves the notebooks with our kernel, on this machine only, for those who have the token', async () => {
  expect(url.pathname).toBe('/lab/tree/notebooks/101-first-run.ipynb')
  expect(await ask('/api/kernelspecs')).toHaveProperty(
    'kernelspecs.lora-harness.spec.display_name',
    'TypeScript (LoRA Harness)',
  )
  expect(await ask('/api/contents/notebooks/101-first-run.ipynb?content=0')).toMatchObject({ type: 'notebook' })
  expect(await ask('/api/contents/notebooks', 'wrong')).toBe(403)
  expect(output).not.toMatch(/http:\/\/(?!127\.0\.0\.1|localhost)/)
})

test('Ctrl-C ends it, and it asks nothing', async () => {
  const ended = once(lab, 'exit')
  lab.kill('SIGINT')
  expect(await ended).toEqual([130, null])
  await expect(ask('/api/kernelspecs')).rejects.toThrow('fetch failed')
})
