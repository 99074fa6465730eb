/** What must stay text, wherever it comes from. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: text that looks like code
export const HOSTILE = [
  '<script>globalThis.hacked = true</script>',
  '"><img src=x onerror="globalThis.hacked = true">',
  "' onload='globalThis.hacked = true",
  '</style><b>',
  '</script><script>globalThis.hacked = true</script>',
  '<!--',
  ']]>',
  '${globalThis.hacked = true}',
  '\u001b[31mred\u001b]8;;http://x.invalid\u0007',
  '\u202eabc\u2066',
  '\0nul',
  '\ud800 alone',
  '__proto__',
  'javascript:globalThis.hacked = true',
  'url(http://x.invalid/)',
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
