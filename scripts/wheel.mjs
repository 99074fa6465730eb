/**
 * `npm run wheel`: the plugin as a Python wheel and as an npm package, in plugin/dist. Both hold the same bundle, which
 * needs nothing beside JupyterLab. Made without Python.
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { ZipFile } from 'yazl'
import { buildPlugin, copyPlugin, NAME } from './plugin.mjs'
import { Missing, main, npm, say, setUp } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const OUT = join(root, 'plugin', 'dist')
const about = JSON.parse(readFileSync(join(root, 'plugin', 'package.json'), 'utf8'))
const PYTHON_NAME = NAME.replaceAll('-', '_')
/** The same for the same content. */
const TIME = new Date(Date.UTC(2020, 0, 1))

/** Files of a folder, by path in it. */
const filesIn = folder =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, path, name }) => relative(folder, join(parentPath ?? path, name)).replaceAll('\\', '/'))
    .sort()

/** The wheel's own files: https://packaging.python.org/en/latest/specifications/core-metadata/ */
const METADATA = () => `Metadata-Version: 2.4
Name: ${NAME}
Version: ${about.version}
Summary: ${about.description}
License-Expression: ${about.license}
License-File: LICENSE
Keywords: ${about.keywords.join(',')}
Classifier: Framework :: Jupyter :: JupyterLab :: 4
Classifier: Framework :: Jupyter :: JupyterLab :: Extensions :: Prebuilt
Requires-Python: >=3.10
Description-Content-Type: text/markdown

${readFileSync(join(root, 'plugin', 'README.md'), 'utf8')}`
const WHEEL = 'Wheel-Version: 1.0\nGenerator: lora-harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
const INSTALL = {
  packageManager: 'python',
  packageName: NAME,
  uninstallInstructions: `pip uninstall ${NAME}`,
}

/** @returns path of the wheel: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ */
async function wheel(stage) {
  const base = `${PYTHON_NAME}-${about.version}`
  const data = `${base}.data/data/share/jupyter/labextensions/${NAME}`
  const files = new Map(
    filesIn(join(stage, 'labextension')).map(path => [
      `${data}/${path}`,
      readFileSync(join(stage, 'labextension', path)),
    ]),
  )
  const text = (path, content) => files.set(path, Buffer.from(content))
  text(`${data}/install.json`, `${JSON.stringify(INSTALL, null, 2)}\n`)
  text(`${base}.dist-info/METADATA`, METADATA())
  text(`${base}.dist-info/WHEEL`, WHEEL)
  files.set(`${base}.dist-info/licenses/LICENSE`, readFileSync(join(root, 'LICENSE')))
  const sum = content => `sha256=${createHash('sha256').update(content).digest('base64url')},${content.length}`
  const rows = [...files].map(([path, content]) => `${path},${sum(content)}`)
  text(`${base}.dist-info/RECORD`, `${[...rows, `${base}.dist-info/RECORD,,`].join('\n')}\n`)

  const zip = new ZipFile()
  for (const [path, content] of files) zip.addBuffer(content, path, { mtime: TIME, mode: 0o100644 })
  zip.end()
  const path = join(OUT, `${base}-py3-none-any.whl`)
  await pipeline(zip.outputStream, createWriteStream(path))
  return path
}

/** The npm package: without what the bundle was made of. */
async function tarball(stage) {
  const { dependencies: _, devDependencies: __, main: ___, types: ____, style: _____, ...rest } = about
  const files = ['labextension']
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify({ ...rest, files }, null, 2)}\n`)
  for (const [from, to] of [
    ['plugin/README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
  ])
    copyFileSync(join(root, from), join(stage, to))
  const code = await npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', OUT], {
    cwd: stage,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (code !== 0) throw new Missing(`npm pack failed with exit code ${code}; its output is above.`)
  return join(OUT, `${NAME}-${about.version}.tgz`)
}

await main(async () => {
  await setUp()
  await buildPlugin()
  const stage = mkdtempSync(join(tmpdir(), 'lora-harness-plugin-'))
  try {
    copyPlugin(join(stage, 'labextension'))
    rmSync(OUT, { recursive: true, force: true })
    mkdirSync(OUT, { recursive: true })
    for (const made of [await wheel(stage), await tarball(stage)]) say(`• ${relative(root, made)}`)
  } finally {
    rmSync(stage, { recursive: true })
  }
  return 0
})
