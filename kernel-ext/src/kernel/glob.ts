/** Does the whole text match a pattern of `*`, `?` and other characters? In time linear in text × pattern. */
export function matchesGlob(text: string, pattern: string): boolean {
  let [t, p, star, resume] = [0, 0, -1, 0]
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
