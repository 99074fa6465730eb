import { brotliDecompressSync } from 'node:zlib'

/**
 * Sorted words out of base64 of Brotli of lines in which a first digit says how many letters of the word before it are
 * repeated.
 */
export function unpack(base64: string): string[] {
  const lines = brotliDecompressSync(Buffer.from(base64, 'base64')).toString('utf8').split('\n')
  let word = ''
  return lines.map(line => {
    word = word.slice(0, Number(line[0])) + line.slice(1)
    return word
  })
}
