import { strToU8, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { identify } from '../../src/lora/adapter.js'
import { encodePeft } from '../../src/lora/format.js'
import { readPeft } from '../../src/lora/peft.js'
import { decodeZip, encodeZip } from '../../src/lora/zip.js'
import { fixture } from '../helpers/fixtures.js'

const { adapter, base } = readPeft(`${fixture('tiny-llama-ref')}/adapter`)

test('an adapter comes out of a zip file as it went in, and always makes the same bytes', () => {
  const zip = encodeZip(adapter, base)
  expect(identify(decodeZip(zip).adapter)).toBe(identify(adapter))
  expect(decodeZip(zip).base).toEqual(base)
  expect(encodeZip(adapter, base)).toEqual(zip)
})

test('the files may lie in one folder of the zip file, beside others', () => {
  const files = [...encodePeft(adapter, base)].map(([name, bytes]) => [`my-adapter/${name}`, bytes] as const)
  const zip = zipSync({ ...Object.fromEntries(files), 'my-adapter/notes.txt': strToU8('hello') })
  expect(identify(decodeZip(zip).adapter)).toBe(identify(adapter))
})

test.each<[string, Uint8Array, RegExp]>([
  ['no zip file', strToU8('PK, but not really'), /reading the zip file of an adapter: /],
  ['half a zip file', encodeZip(adapter, base).subarray(0, 5000), /reading the zip file of an adapter: /],
  ['no adapter in it', zipSync({ 'a/b/adapter_config.json': strToU8('{}') }), /there is no adapter_config.json/],
  [
    'a configuration as large as none is',
    zipSync({ 'adapter_config.json': new Uint8Array(10_000_001) }),
    /adapter_config.json has 10000001 bytes; at most 10000000 are read/,
  ],
])('%s is an InputError', (_, zip, message) => {
  expect(() => decodeZip(zip)).toThrow(InputError)
  expect(() => decodeZip(zip)).toThrow(message)
})
