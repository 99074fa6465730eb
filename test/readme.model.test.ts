import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test, vi } from 'vitest'
import { setAdapterFolder } from '../src/lora/folder.js'
import { blocks } from './helpers/readme.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test.each(blocks(readme, 'run').map((text, i) => [i, text] as const))(
  'program %d of the README runs, and learns',
  async (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'lora-harness-readme-'))
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    try {
      setAdapterFolder(join(folder, 'adapters'))
      const file = join(folder, 'program.mjs')
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
      })
      writeFileSync(file, outputText)
      await import(file)
      const [first, second] = log.mock.calls.map(call => call.join(' '))
      expect(log.mock.calls.map(call => call[3])).toEqual([{ right: 0 }, { right: 1 }])
      expect(first).toContain("What is my dog's name?")
      expect(second).toContain('My dog, how is he called? → Biscuit')
    } finally {
      log.mockRestore()
      rmSync(folder, { recursive: true })
    }
  },
)
