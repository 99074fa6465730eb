import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type External, isExternal } from '../../src/graph/graph.js'
import { readOnnx } from '../../src/onnx/read.js'
import { writeOnnx } from '../../src/onnx/write.js'
import { decoderFeeds, fixture, ONNX_FILES } from '../helpers/fixtures.js'
import { run } from '../helpers/ort.js'

describe.each(ONNX_FILES)('%s', path => {
  const file = basename(path)
  const bytes = readFileSync(fixture(path))
  const graph = readOnnx(bytes, file)

  test('reading what was written gives the same graph', () => {
    const again = readOnnx(writeOnnx(graph), 'other.onnx')
    expect(again.opset).toBe(graph.opset)
    expect(again.nodes).toEqual(graph.nodes)
    expect(again.consts).toEqual(graph.consts)
    expect([again.inputs, again.outputs]).toEqual([graph.inputs, graph.outputs])
    for (const v of [...graph.inputs, ...graph.outputs]) expect(again.types.get(v)).toEqual(graph.types.get(v))
  })

  test('large weights are not copied: the graph says where they lie in the file', () => {
    const large = [...graph.consts.values()].filter(c => isExternal(c.data))
    expect(large.length).toBeGreaterThan(0)
    const places = large.map(c => c.data as External)
    for (const place of places) expect([file, `${file}_data`]).toContain(place.file)
    const weights = places.reduce((sum, place) => sum + (place.file === file ? place.length : 0), 0)
    // A place in a file takes less than 200 bytes to write down; the rest may be written a little differently.
    expect(writeOnnx(graph).length).toBeLessThan(1.02 * (bytes.length - weights) + 200 * large.length)
  })

  // The feeds here are no half floats.
  test.skipIf(graph.types.get('logits')!.dtype === 'float16')(
    'the rewritten file gives the logits of the original, bit for bit',
    async () => {
      const feeds = decoderFeeds(graph, [5, 9, 2, 250, 17])
      const original = await run<Float32Array>(bytes, feeds, dirname(fixture(path)))
      const rewritten = await run<Float32Array>(writeOnnx(graph), feeds, dirname(fixture(path)))
      expect(rewritten.logits).toEqual(original.logits)
    },
  )
})
