/**
 * Puts a value into a map of those used last, as the newest; the oldest goes if there are more than `most`.
 *
 * @returns the value that went, for whoever has to free it
 */
export function keep<K, V>(map: Map<K, V>, key: K, value: V, most: number): V | undefined {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return undefined
  const [oldest, gone] = map.entries().next().value!
  map.delete(oldest)
  return gone
}
